"""Records judged anew by today's rules against the tables as they are: what becomes of each. Nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.settings import Settings
from contracts.tables import SILVER_IDENTITIES, SILVER_LATE, SILVER_SEGMENTS, SILVER_VERDICTS, SILVER_VESSELS, Table
from lakehouse import ledger, provenance
from lakehouse.batch_facts import BatchFacts, batch_facts, lateness_limits
from lakehouse.flows import Batch
from lakehouse.replays import Intent
from lakehouse.schema import spark_schema
from lakehouse.silver import Cleaning, Decision, decide, new_identities, rejudged
from lakehouse.store import Store
from lakehouse.transforms.verdicts import PLACE, as_landed, second_verdicts

LIMITS = "batch_id long, source string, late_before_at timestamp"


@dataclass(frozen=True, slots=True)
class Case:
    """Records of a replay, judged: ``second`` are those with a new verdict, ``unchanged`` the others.

    ``late`` is null for a topic where nothing can be late.
    """

    cleaning: Cleaning
    store: Store
    settings: Settings
    intent: Intent
    batch: Batch
    facts: BatchFacts
    late: Column | None
    second: DataFrame
    unchanged: DataFrame

    def before(self, table: Table) -> DataFrame:
        """The table as it was before the replay; empty where there is none."""
        if not self.store.exists(table):
            return self.store.spark.createDataFrame([], spark_schema(table))
        return self.store.read(table, self.store.version_before(table, self.batch.txn(table)))


@contextmanager
def judged(
    cleaning: Cleaning, store: Store, settings: Settings, intent: Intent, held: DataFrame, limits: DataFrame
) -> Iterator[Case]:
    """Judge records by today's rules against the tables as they were before the replay.

    Args:
        cleaning: What Silver makes of their topic.
        store: The lake.
        settings: Limits of the rules.
        intent: Identity of the replay.
        held: Raw records with ``first_rule``, ``held_by`` and ``batch_id``, each place once.
        limits: The instant before which an event is late, by ``batch_id`` and ``source``.
    """
    marks = held.select(*PLACE, "first_rule", "held_by", "batch_id")
    events = rejudged(cleaning, as_landed(held, cleaning.topic), settings)
    both = events.join(marks, on=PLACE).join(F.broadcast(limits), on=["batch_id", "source"], how="left").persist()
    try:
        is_news = F.col("rule").isNull() | F.col("held_by").isNull() | (F.col("held_by") != F.col("rule"))
        news = both.where(is_news)
        batch = Batch(
            intent.stream, news, intent.batch_id, intent.replay_id, intent.started_at, crash_at=settings.crash_at,
            made_by=_made_by(cleaning, store, settings),
        )  # fmt: skip
        facts = batch_facts(news)
        late = F.col("observed_at") < F.col("late_before_at") if cleaning.has_watermark else None
        decision = decide(cleaning, store, batch, news, facts, late)
        verdicts = second_verdicts(news, _refused(cleaning, store, batch, facts, decision))
        second = _with_segments(verdicts, decision).persist()
        try:
            yield Case(cleaning, store, settings, intent, batch, facts, late, second, both.where(~is_news))
        finally:
            second.unpersist()
    finally:
        both.unpersist()


def limits_of_then(cleaning: Cleaning, store: Store, settings: Settings, held: DataFrame) -> DataFrame:
    """Per batch that refused records and source, the instant before which that batch called a record late.

    So a record is not late for having waited in quarantine. Where two checkpoints have a batch of the same number, the
    earlier limit holds, and none where one of them had none.
    """
    batches = {row["batch_id"] for row in held.select("batch_id").distinct().collect()}
    found: dict[int, list[dict[str, datetime]]] = defaultdict(list)
    before: dict[str, dict[str, datetime]] = {}
    for entry in ledger.entries(store.root, cleaning.stream):  # oldest first
        if entry["batch_id"] in batches:
            found[entry["batch_id"]].append(before.get(entry["app_id"], {}))
        before[entry["app_id"]] = dict(entry["watermarks"])
    rows = [
        (batch_id, source, limit)
        for batch_id, marks in found.items()
        for source, limit in lateness_limits(_earliest(marks), settings.late_after_hours).items()
    ]
    return store.spark.createDataFrame(rows, LIMITS)


def limits_of_now(cleaning: Cleaning, store: Store, settings: Settings, batch_id: int) -> DataFrame:
    """The same for records that would come next, all of them with this ``batch_id``."""
    entries = ledger.entries(store.root, cleaning.stream)
    newest = max(entries, key=lambda entry: entry["finished_at"], default=None)
    limits = lateness_limits(newest["watermarks"], settings.late_after_hours) if newest else {}
    return store.spark.createDataFrame([(batch_id, source, limit) for source, limit in limits.items()], LIMITS)


def _made_by(cleaning: Cleaning, store: Store, settings: Settings) -> dict[str, Any]:
    tables = (cleaning.table, SILVER_LATE, SILVER_SEGMENTS, SILVER_IDENTITIES, SILVER_VESSELS, SILVER_VERDICTS)
    rules = provenance.rule_versions(store.spark, cleaning.topic, settings)
    return provenance.made_by(tables, settings, provenance.rules_version(rules))


def _earliest(marks: Sequence[dict[str, datetime]]) -> dict[str, datetime]:
    in_all = set.intersection(*(set(mark) for mark in marks))
    return {source: min(mark[source] for mark in marks) for source in in_all}


def _refused(cleaning: Cleaning, store: Store, batch: Batch, facts: BatchFacts, decision: Decision) -> DataFrame:
    """Place and outcome of the lawful records that are not accepted; of static ones, those that tell nothing new."""
    if "identity_id" not in batch.rows.columns:
        return decision.refused()
    is_static = F.col("rule").isNull() & ~F.col("event_type").isin(list(cleaning.measured))
    first = new_identities(store, batch, batch.rows, facts).select(*PLACE)
    repeats = batch.rows.where(is_static).join(first, on=PLACE, how="left_anti")
    return decision.refused().unionByName(repeats.select(*PLACE, F.lit("duplicate").alias("outcome")))


def _with_segments(verdicts: DataFrame, decision: Decision) -> DataFrame:
    """The verdicts with the segment of each position that is accepted."""
    if decision.tracks is None:
        return verdicts
    return verdicts.join(decision.fresh.select(*PLACE, "segment_id"), on=PLACE, how="left")
