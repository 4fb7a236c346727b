"""Quarantine to Silver once more: records that a rule refused are judged by today's rules and go the stream's own way.

A replay is a batch of a stream of its own (``replay.ais``): it appends with a transaction id to each table, writes its
second verdicts to ``silver.verdicts`` and then its entry in the ledger. ``silver.quarantine`` is not touched. One that
broke off is finished, from the table versions it began with, before another begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts import tables as t
from contracts.errors import ContractError
from contracts.events import SCHEMA_VERSION
from contracts.settings import Settings
from contracts.topics import TOPICS, Topic
from lakehouse import ledger, replays
from lakehouse.flows import writing
from lakehouse.rejudge import Case, judged, limits_of_then
from lakehouse.replay_account import Account, accounts
from lakehouse.replays import Intent
from lakehouse.schema import spark_schema
from lakehouse.silver import (
    CLEANINGS,
    SILVER_FLOWS,
    Cleaning,
    Written,
    append_counted,
    write_identities,
    write_measured,
)
from lakehouse.store import Store
from lakehouse.transforms.verdicts import open_records


def replay(
    spark: SparkSession,
    settings: Settings,
    rule: str | None,
    topics: Sequence[Topic] = TOPICS,
    *,
    dry_run: bool = False,
) -> list[Account]:
    """Judge quarantined records again; doing it twice changes nothing.

    Args:
        spark: A session.
        settings: Lake and limits.
        rule: Rule that refused them first or that holds them now; null for every rule.
        topics: Topics whose records are judged.
        dry_run: Tell what would become of them; nothing is written and no lock is taken.

    Returns:
        One account per stream and rule; those of a broken replay that was finished come first.

    Raises:
        LockedError: A Silver stream or another replay runs.
        ContractError: A broken replay cannot be finished as it was begun.
    """
    store = Store(spark, settings.lake)
    if not store.exists(t.SILVER_QUARANTINE):
        return []
    refusing = {row["stream"] for row in store.read(t.SILVER_QUARANTINE).select("stream").distinct().collect()}
    chosen = [cleaning for cleaning in CLEANINGS if cleaning.topic in topics and cleaning.stream in refusing]
    if dry_run:
        return [account for cleaning in chosen for account in _carry_out(cleaning, store, settings, rule)]
    with writing(SILVER_FLOWS, settings):  # all of them: they share silver.late
        for table in (t.SILVER_VERDICTS, t.OPS_REPLAYS):
            store.create(table)
        return [account for cleaning in chosen for account in _replayed(cleaning, store, settings, rule)]


def _replayed(cleaning: Cleaning, store: Store, settings: Settings, rule: str | None) -> list[Account]:
    broken = replays.unfinished(store.root, cleaning.topic)
    finished = _carry_out(cleaning, store, settings, rule, broken, writes=True) if broken else []
    return finished + _carry_out(cleaning, store, settings, rule, writes=True)


def _carry_out(
    cleaning: Cleaning,
    store: Store,
    settings: Settings,
    rule: str | None,
    broken: Intent | None = None,
    *,
    writes: bool = False,
) -> list[Account]:
    """Judge what is open, count it, and where asked write it: one batch of the topic's replays."""
    intent = broken or _next_intent(cleaning, store, rule)
    held = _held(cleaning, store, intent)
    limits = limits_of_then(cleaning, store, settings, held)
    with judged(cleaning, store, settings, intent, held, limits) as case:
        counted = accounts(case)
        if writes and (broken or case.facts.records):
            if not broken:
                replays.record(store.root, intent)
            ledger.record(store.root, _write(case))
    return counted


def _next_intent(cleaning: Cleaning, store: Store, rule: str | None) -> Intent:
    tables = (t.SILVER_QUARANTINE, t.SILVER_VERDICTS)
    versions = {table.name: store.version(table) if store.exists(table) else 0 for table in tables}
    return replays.new_intent(store.root, cleaning.topic, rule, versions)


def _held(cleaning: Cleaning, store: Store, intent: Intent) -> DataFrame:
    quarantine = store.read(t.SILVER_QUARANTINE, intent.quarantine_version)
    if store.exists(t.SILVER_VERDICTS):
        verdicts = store.read(t.SILVER_VERDICTS, intent.verdicts_version)
    else:
        verdicts = store.spark.createDataFrame([], spark_schema(t.SILVER_VERDICTS))
    return open_records(quarantine, verdicts, cleaning.stream, intent.rule)


def _write(case: Case) -> ledger.Entry:
    """Commit accepted rows, late ones, identities and verdicts, in this order, each once; the entry to be recorded."""
    cleaning, store, batch, facts = case.cleaning, case.store, case.batch, case.facts
    _refuse_another_outcome(case)
    measured = write_measured(cleaning, store, batch, batch.rows, facts, case.late)
    identities = write_identities(store, batch, batch.rows, facts) if cleaning.has_tracks else Written()
    version = append_counted(store, t.SILVER_VERDICTS, _verdict_rows(case), batch, facts, facts.records)
    return ledger.Entry(
        stream=batch.flow,
        batch_id=batch.batch_id,
        app_id=batch.app_id,
        ranges=(),  # single records here and there: silver.verdicts names them
        rows_read=facts.records,
        rows_accepted=measured.accepted + identities.accepted,
        rows_quarantined=facts.quarantined,
        rows_duplicate=measured.duplicate + facts.lawful("static") - identities.accepted,
        rows_late=measured.late,
        started_at=batch.started_at,
        finished_at=datetime.now(UTC),
        versions={**measured.versions, **identities.versions, t.SILVER_VERDICTS.name: version},
    )


def _refuse_another_outcome(case: Case) -> None:
    """A broken replay that has committed its rows must come to the same rows again.

    Raises:
        ContractError: Rules or settings are others than when it was begun.
    """
    cleaning, store = case.cleaning, case.store
    txn = case.batch.txn(cleaning.table)
    if store.transaction(cleaning.table, txn.app_id) is None:
        return
    _, landed = store.committed(cleaning.table, txn)
    is_row = (F.col("verdict") == "accepted") & F.col("event_type").isin(list(cleaning.measured))
    if case.second.where(is_row).count() != landed:
        raise ContractError(
            f"{cleaning.table.name} holds {landed} rows of replay {case.intent.replay_id}, which broke off; by today's "
            f"rules and settings they would be others. Finish it with version {case.intent.code_version} and the "
            "settings that it was begun with; then replay again."
        )


def _verdict_rows(case: Case) -> DataFrame:
    said = {
        "stream": F.lit(case.cleaning.stream),
        "schema_version": F.lit(SCHEMA_VERSION),
        "replay_id": F.lit(case.intent.replay_id),
        "batch_id": F.lit(case.intent.batch_id).cast("long"),
        "code_version": F.lit(case.intent.code_version),
        "judged_at": F.lit(case.intent.started_at),
    }
    return case.second.withColumns(said).select(*t.SILVER_VERDICTS.columns)
