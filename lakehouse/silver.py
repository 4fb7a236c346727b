"""Bronze to Silver: parse, judge, recognise repeats and late records, keep what is refused. One flow per topic.

Every record ends in exactly one place: accepted, quarantined, duplicate (counted) or late. As a script:
``spark-submit lakehouse/silver.py [--once]``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from contracts import tables as t
from contracts.errors import ContractError
from contracts.settings import Settings
from contracts.tables import BRONZE, Table
from contracts.topics import AIS, ALERTS, SENSORS, VOYAGE_EVENTS, Topic
from lakehouse import tracking, vessel_fold
from lakehouse.batch_facts import BatchFacts, batch_facts, is_late, lateness_limits, within_hours
from lakehouse.flows import Batch, Flow, delta_source
from lakehouse.ledger import Entry
from lakehouse.placing import place
from lakehouse.provenance import rule_versions, rules_version
from lakehouse.repeats import PLACE, known_keys, not_accepted
from lakehouse.resume.checks import check
from lakehouse.runner import main
from lakehouse.schema import event_schema
from lakehouse.store import Store
from lakehouse.tracking import Tracks, remember
from lakehouse.transforms import silver_rows
from lakehouse.transforms.parsing import judge, parse
from lakehouse.vessel_fold import note_identities
from lakehouse.voyage_fold import fold_voyages


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What Silver makes of one topic.

    ``measured`` are the event types that go to ``table``; ``has_watermark`` says whether they can be late (a fuel
    report or an alert never is: no window closes on them). ``has_tracks``: they are positions, and each is of a
    segment. Repeats of these are told by MMSI, instant and place, of others by the event's id.
    """

    topic: Topic
    table: Table
    measured: tuple[str, ...]
    typed: Callable[[DataFrame], DataFrame]
    has_watermark: bool
    has_tracks: bool = False
    after: Callable[[Store, DataFrame], dict[str, int]] | None = None

    @property
    def stream(self) -> str:
        """Name of the stream; what a replay writes to a shared table bears it too."""
        return f"silver.{self.topic.short}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The lawful measured events of a batch: those to accept, and place and outcome of the others.

    ``refused`` makes the frame of the others, which nearly always are none. ``tracks`` is what is known of the ships
    afterwards, for positions.
    """

    fresh: DataFrame
    refused: Callable[[], DataFrame]
    tracks: Tracks | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a step of a batch has committed, in records, with the versions of its tables."""

    accepted: int = 0
    duplicate: int = 0
    late: int = 0
    versions: dict[str, int] = field(default_factory=dict)


def judged_events(cleaning: Cleaning, spark: SparkSession, settings: Settings) -> DataFrame:
    """The topic's Bronze table as a stream of judged, typed events: planned once a query, not once a batch."""
    return rejudged(cleaning, delta_source(BRONZE[cleaning.topic], spark, settings), settings)


def rejudged(cleaning: Cleaning, records: DataFrame, settings: Settings) -> DataFrame:
    """Raw records of the topic as judged, typed events, by today's rules."""
    events = parse(records, cleaning.topic, event_schema(cleaning.topic))
    mode = settings.contract_mode(cleaning.topic)
    return cleaning.typed(judge(events, cleaning.topic, settings.sog_limit_kn, mode))


def clean(cleaning: Cleaning, store: Store, settings: Settings, batch: Batch) -> Entry:
    """Clean one batch. Commits in this order: accepted rows, late, identities, quarantine; the ledger comes last."""
    judged = silver_rows.without_lawful_bytes(batch.rows).persist()
    try:
        facts = batch_facts(judged, tracking.NEEDED if cleaning.has_tracks else ())
        before = batch.watermarks_before(store.root)
        limits = lateness_limits(before, settings.late_after_hours) if cleaning.has_watermark else {}
        late = is_late(limits) if facts.has_late(limits) else None
        measured = write_measured(cleaning, store, batch, judged, facts, late)
        identities = write_identities(store, batch, judged, facts) if cleaning.has_tracks else Written()
        quarantine = _write_quarantine(store, batch, judged, facts)
    finally:
        judged.unpersist()
    return Entry(
        stream=batch.flow,
        batch_id=batch.batch_id,
        app_id=batch.app_id,
        ranges=facts.ranges,
        rows_read=facts.records,
        rows_accepted=measured.accepted + identities.accepted,
        rows_quarantined=facts.quarantined,
        rows_duplicate=measured.duplicate + facts.lawful("static") - identities.accepted,
        rows_late=measured.late,
        started_at=batch.started_at,
        finished_at=datetime.now(UTC),
        versions={**measured.versions, **identities.versions, **quarantine.versions},
        watermarks=facts.watermarks(before) if cleaning.has_watermark else {},
    )


def decide(
    cleaning: Cleaning, store: Store, batch: Batch, judged: DataFrame, facts: BatchFacts, late: Column | None
) -> Decision:
    """Which of the lawful measured events of a batch to accept. Nothing is written.

    ``late`` is true of an event that is behind its limit; null where none of the batch can be.
    """
    lawful = judged.where(F.col("rule").isNull() & F.col("event_type").isin(list(cleaning.measured)))
    if cleaning.has_tracks:
        placed = place(store, batch, lawful, facts, late, cleaning.measured)
        fresh = lawful.join(F.broadcast(store.spark.createDataFrame(placed.labels)), on=PLACE)
        return Decision(fresh, partial(store.spark.createDataFrame, placed.refused), placed.tracks)
    known = known_keys(store, batch, cleaning.table, facts, with_late=late is not None)
    refused = not_accepted(lawful, known, late)
    return Decision(lawful.join(F.broadcast(refused), on=PLACE, how="left_anti"), lambda: refused)


def write_measured(
    cleaning: Cleaning, store: Store, batch: Batch, judged: DataFrame, facts: BatchFacts, late: Column | None
) -> Written:
    """Append the accepted events to the topic's table and the late ones to ``silver.late``."""
    expected = facts.lawful(*cleaning.measured)
    if not expected:
        return Written()
    decision = decide(cleaning, store, batch, judged, facts, late)
    rows = silver_rows.rows_of(cleaning.table, decision.fresh)
    version, accepted = _append(store, cleaning.table, rows, batch, facts)
    batch.crash_point("after_accepted")
    versions = {cleaning.table.name: version}
    counts = _outcomes(decision.refused()) if accepted < expected else {}
    if accepted + sum(counts.values()) != expected:
        raise ContractError(
            f"{cleaning.table.name} version {version} holds {accepted} rows of {batch.flow}: with {counts} "
            f"they should be {expected}."
        )
    if counts.get("late"):
        behind = batch.rows.join(decision.refused().where("outcome = 'late'"), on=PLACE, how="left_semi")
        rows = silver_rows.late(behind, cleaning.stream, batch.batch_id)
        versions[t.SILVER_LATE.name] = append_counted(store, t.SILVER_LATE, rows, batch, facts, counts["late"])
        batch.crash_point("after_late")
    if cleaning.after and accepted:
        versions |= cleaning.after(store, decision.fresh)
    if decision.tracks:
        versions |= remember(store, batch, decision.tracks, facts)
        batch.crash_point("after_segments")
    return Written(accepted, counts.get("duplicate", 0), counts.get("late", 0), versions)


def _outcomes(refused: DataFrame) -> dict[str, int]:
    """Records by outcome: a second look, which a batch without repeats is spared."""
    return {row["outcome"]: row["count"] for row in refused.groupBy("outcome").count().collect()}


def new_identities(store: Store, batch: Batch, judged: DataFrame, facts: BatchFacts) -> DataFrame:
    """Rows of ``silver.identities`` that the table did not hold before the batch: the first of their hour."""
    version = store.version_before(t.SILVER_IDENTITIES, batch.txn(t.SILVER_IDENTITIES))
    before = store.read(t.SILVER_IDENTITIES, version).where(within_hours(facts.event_times()))
    key = [column.name for column in t.SILVER_IDENTITIES.key]
    candidates = judged.where(F.col("rule").isNull() & F.col("identity_id").isNotNull())
    first = Window.partitionBy(*key).orderBy(F.col("event_type") != "static", *PLACE)
    return (
        candidates.select(*t.SILVER_IDENTITIES.columns, F.row_number().over(first).alias("nth"))
        .where("nth = 1")
        .join(before.select(*key), on=key, how="left_anti")
        .select(*t.SILVER_IDENTITIES.columns)
    )


def write_identities(store: Store, batch: Batch, judged: DataFrame, facts: BatchFacts) -> Written:
    """Append what was not told in its hour yet; accepted are the static events that were the first to tell it."""
    if not facts.identities:
        return Written(versions=note_identities(store, batch, (), facts))
    fresh = new_identities(store, batch, judged, facts).persist()
    try:
        told = fresh.select("mmsi", "event_type").collect()
        versions: dict[str, int] = {}
        if told:
            versions[t.SILVER_IDENTITIES.name] = append_counted(
                store, t.SILVER_IDENTITIES, fresh, batch, facts, len(told)
            )
            batch.crash_point("after_identities")
    finally:
        fresh.unpersist()
    versions |= note_identities(store, batch, {row["mmsi"] for row in told}, facts)
    batch.crash_point("after_vessels")
    return Written(accepted=sum(row["event_type"] == "static" for row in told), versions=versions)


def _write_quarantine(store: Store, batch: Batch, judged: DataFrame, facts: BatchFacts) -> Written:
    if not facts.quarantined:
        return Written()
    rows = silver_rows.quarantined(judged.where(F.col("rule").isNotNull()), batch.flow, batch.batch_id)
    version = append_counted(store, t.SILVER_QUARANTINE, rows, batch, facts, facts.quarantined)
    batch.crash_point("after_quarantine")
    return Written(versions={t.SILVER_QUARANTINE.name: version})


def append_counted(store: Store, table: Table, rows: DataFrame, batch: Batch, facts: BatchFacts, expected: int) -> int:
    """Append rows that were counted before, and compare the commit's own count with that.

    Raises:
        ContractError: They differ.
    """
    version, landed = _append(store, table, rows, batch, facts)
    if landed != expected:
        raise ContractError(f"{table.name} version {version} holds {landed} rows of {batch.flow}, not {expected}.")
    return version


def _append(store: Store, table: Table, rows: DataFrame, batch: Batch, facts: BatchFacts) -> tuple[int, int]:
    """Append the batch's rows as one file; version and row count of the commit, also of one made before a crash."""
    txn = batch.txn(table)
    store.append(table, rows.coalesce(1), txn, batch.commit_metadata(txn, facts.ranges))
    return store.committed(table, txn)


CLEANINGS = (
    Cleaning(
        topic=AIS,
        table=t.SILVER_POSITIONS,
        measured=("position",),
        typed=silver_rows.typed_ais,
        has_watermark=True,
        has_tracks=True,
    ),
    Cleaning(
        topic=SENSORS,
        table=t.SILVER_SENSORS,
        measured=("environment", "engine"),
        typed=silver_rows.typed_events,
        has_watermark=True,
    ),
    Cleaning(
        topic=ALERTS,
        table=t.SILVER_ALERTS,
        measured=("alert",),
        typed=silver_rows.typed_events,
        has_watermark=False,
    ),
    Cleaning(
        topic=VOYAGE_EVENTS,
        table=t.SILVER_VOYAGE_EVENTS,
        measured=("schedule", "departure", "port_call", "arrival", "cancelled", "fuel_report"),
        typed=silver_rows.typed_voyage_events,
        has_watermark=False,
        after=fold_voyages,
    ),
)


def _finish(store: Store, batch: Batch) -> None:
    """What a stream that ends in order still writes of what it remembers."""
    tracking.finish(store, batch)
    vessel_fold.finish(store, batch)


def _rules(topic: Topic, spark: SparkSession, settings: Settings) -> str:
    return rules_version(rule_versions(spark, topic, settings))


def _flow(cleaning: Cleaning) -> Flow:
    extra = {
        AIS: (t.SILVER_SEGMENTS, t.SILVER_IDENTITIES, t.SILVER_VESSELS),
        VOYAGE_EVENTS: (t.SILVER_VOYAGES, t.SILVER_EMISSIONS),
    }.get(cleaning.topic, ())
    tables = (cleaning.table, *extra, t.SILVER_QUARANTINE, t.SILVER_LATE)
    return Flow(
        name=cleaning.stream,
        source=partial(judged_events, cleaning),
        tables=tables,
        process=partial(clean, cleaning),
        pause="trigger_seconds",
        preflight=partial(check, stream=cleaning.stream, tables=tables),
        rules=partial(_rules, cleaning.topic),
        finish=_finish if cleaning.has_tracks else None,
    )


SILVER_FLOWS = [_flow(cleaning) for cleaning in CLEANINGS]

if __name__ == "__main__":
    main(SILVER_FLOWS)
