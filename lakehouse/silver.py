"""Bronze to Silver: parse, judge, recognise repeats and late records, keep what is refused. One flow per topic.

Every record ends in exactly one place: accepted, quarantined, duplicate (counted) or late. As a script:
``spark-submit lakehouse/silver.py [--once]``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from contracts import tables as t
from contracts.settings import Settings
from contracts.tables import BRONZE, Table
from contracts.topics import AIS, ALERTS, SENSORS, VOYAGE_EVENTS, Topic
from lakehouse.batch_facts import BatchFacts, batch_facts, is_late, lateness_limits, within
from lakehouse.flows import Batch, Flow, delta_source
from lakehouse.ledger import Entry, watermarks_before
from lakehouse.runner import main
from lakehouse.schema import event_schema
from lakehouse.store import Store
from lakehouse.transforms import silver_rows
from lakehouse.transforms.parsing import judge, parse
from lakehouse.voyage_fold import fold_voyages


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What Silver makes of one topic.

    ``key`` tells repeats. ``measured`` are the event types that go to ``table``; ``has_watermark`` says whether they
    can be late (a fuel report or an alert never is: no window closes on them).
    """

    topic: Topic
    table: Table
    measured: tuple[str, ...]
    key: tuple[str, ...]
    typed: Callable[[DataFrame], DataFrame]
    has_watermark: bool
    after: Callable[[Store, DataFrame], dict[str, int]] | None = None


def judged_events(cleaning: Cleaning, spark: SparkSession, settings: Settings) -> DataFrame:
    """The topic's Bronze table as a stream of judged, typed events: planned once a query, not once a batch."""
    records = delta_source(BRONZE[cleaning.topic], spark, settings)
    events = parse(records, cleaning.topic, event_schema(cleaning.topic))
    return cleaning.typed(judge(events, cleaning.topic, settings.sog_limit_kn))


def clean(cleaning: Cleaning, store: Store, settings: Settings, batch: Batch) -> Entry:
    """Clean one batch. Commits in this order: accepted rows, late, identities, quarantine; the ledger comes last."""
    judged = batch.rows.persist()
    try:
        return _clean(cleaning, store, settings, batch, judged)
    finally:
        judged.unpersist()


def _clean(cleaning: Cleaning, store: Store, settings: Settings, batch: Batch, judged: DataFrame) -> Entry:
    facts = batch_facts(judged)
    before = watermarks_before(store.root, batch.flow, batch.app_id, batch.batch_id) if cleaning.has_watermark else {}
    outcomes = _outcomes(cleaning, store, settings, batch, judged, facts, before)
    counts, versions = _write(cleaning, store, batch, outcomes, facts)
    identities, identity_versions = _write_identities(store, batch, judged, facts)
    quarantine_versions = _write_quarantine(store, batch, judged, facts)
    return Entry(
        stream=batch.flow,
        batch_id=batch.batch_id,
        app_id=batch.app_id,
        ranges=facts.ranges,
        rows_read=facts.records,
        rows_accepted=counts["accepted"] + identities,
        rows_quarantined=facts.quarantined,
        rows_duplicate=counts["duplicate"] + facts.lawful("static") - identities,
        rows_late=counts["late"],
        started_at=batch.started_at,
        finished_at=datetime.now(UTC),
        versions={**versions, **identity_versions, **quarantine_versions},
        watermarks=facts.watermarks(before) if cleaning.has_watermark else {},
    )


def _outcomes(
    cleaning: Cleaning,
    store: Store,
    settings: Settings,
    batch: Batch,
    judged: DataFrame,
    facts: BatchFacts,
    before: dict[str, datetime],
) -> DataFrame:
    """Lawful measured events with ``outcome``: accepted, duplicate or late. A repeat is a repeat, however late."""
    limits = lateness_limits(before, settings.late_after_hours)
    known = _known_keys(cleaning, store, batch, facts, with_late=facts.has_late(limits))
    lawful = judged.where(F.col("rule").isNull() & F.col("event_type").isin(list(cleaning.measured)))
    nth = F.row_number().over(Window.partitionBy(*cleaning.key).orderBy("kafka_partition", "kafka_offset"))
    joined = lawful.withColumn("nth", nth).join(known, on=list(cleaning.key), how="left")
    is_repeat = (F.col("nth") > 1) | F.col("is_known").isNotNull()
    outcome = F.when(is_repeat, "duplicate").when(is_late(limits), "late").otherwise("accepted")
    return joined.withColumn("outcome", outcome)


def _known_keys(cleaning: Cleaning, store: Store, batch: Batch, facts: BatchFacts, *, with_late: bool) -> DataFrame:
    """Keys that the table (and, where needed, ``silver.late``) held before this batch, within the batch's times."""
    places = [cleaning.table] + ([t.SILVER_LATE] if with_late else [])
    versions = {table.name: store.version_before(table, batch.txn(table)) for table in places}
    frames = [
        store.read(table, versions[table.name]).where(within(facts.event_times())).select(*cleaning.key)
        for table in places
    ]
    known = frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1])
    return known.distinct().withColumn("is_known", F.lit(True))


def _write(
    cleaning: Cleaning, store: Store, batch: Batch, outcomes: DataFrame, facts: BatchFacts
) -> tuple[dict[str, int], dict[str, int]]:
    """Append accepted and late rows; return rows by outcome, counted apart from the writes, and the versions."""
    kept = outcomes.persist()
    try:
        counted = {row["outcome"]: row["count"] for row in kept.groupBy("outcome").count().collect()}
        counts = {"accepted": 0, "duplicate": 0, "late": 0, **counted}
        versions = {}
        if counts["accepted"]:
            rows = kept.where("outcome = 'accepted'").select(*cleaning.table.columns)
            versions[cleaning.table.name] = _append(store, cleaning.table, rows, batch, facts)
        if counts["late"]:
            rows = silver_rows.late(kept.where("outcome = 'late'"), batch.flow, batch.batch_id)
            versions[t.SILVER_LATE.name] = _append(store, t.SILVER_LATE, rows, batch, facts)
        if cleaning.after and counts["accepted"]:
            versions |= cleaning.after(store, kept.where("outcome = 'accepted'"))
        return counts, versions
    finally:
        kept.unpersist()


def _write_quarantine(store: Store, batch: Batch, judged: DataFrame, facts: BatchFacts) -> dict[str, int]:
    if not facts.quarantined:
        return {}
    rows = silver_rows.quarantined(judged.where(F.col("rule").isNotNull()), batch.flow, batch.batch_id)
    return {t.SILVER_QUARANTINE.name: _append(store, t.SILVER_QUARANTINE, rows, batch, facts)}


def _write_identities(
    store: Store, batch: Batch, judged: DataFrame, facts: BatchFacts
) -> tuple[int, dict[str, int]]:
    """Append identities not seen before; return how many static events were the first to tell one."""
    if not facts.identities:
        return 0, {}
    before = store.read(t.SILVER_VESSELS, store.version_before(t.SILVER_VESSELS, batch.txn(t.SILVER_VESSELS)))
    candidates = judged.where(F.col("rule").isNull() & F.col("identity_id").isNotNull())
    first = Window.partitionBy("mmsi", "identity_id").orderBy(
        F.col("event_type") != "static", "kafka_partition", "kafka_offset"
    )
    fresh = (
        candidates.withColumn("nth", F.row_number().over(first))
        .where("nth = 1")
        .join(before.select("mmsi", "identity_id"), on=["mmsi", "identity_id"], how="left_anti")
        .select(*t.SILVER_VESSELS.columns)
        .persist()
    )
    try:
        counts = {row["event_type"]: row["count"] for row in fresh.groupBy("event_type").count().collect()}
        if not counts:
            return 0, {}
        version = _append(store, t.SILVER_VESSELS, fresh, batch, facts)
        return counts.get("static", 0), {t.SILVER_VESSELS.name: version}
    finally:
        fresh.unpersist()


def _append(store: Store, table: Table, rows: DataFrame, batch: Batch, facts: BatchFacts) -> int:
    txn = batch.txn(table)
    return store.append(table, rows.coalesce(1), txn, batch.commit_metadata(txn, facts.ranges))


CLEANINGS = (
    Cleaning(
        topic=AIS,
        table=t.SILVER_POSITIONS,
        measured=("position",),
        key=("mmsi", "observed_at"),
        typed=silver_rows.typed_ais,
        has_watermark=True,
    ),
    Cleaning(
        topic=SENSORS,
        table=t.SILVER_SENSORS,
        measured=("environment", "engine"),
        key=("event_id",),
        typed=silver_rows.typed_events,
        has_watermark=True,
    ),
    Cleaning(
        topic=ALERTS,
        table=t.SILVER_ALERTS,
        measured=("alert",),
        key=("event_id",),
        typed=silver_rows.typed_events,
        has_watermark=False,
    ),
    Cleaning(
        topic=VOYAGE_EVENTS,
        table=t.SILVER_VOYAGE_EVENTS,
        measured=("schedule", "departure", "port_call", "arrival", "cancelled", "fuel_report"),
        key=("event_id",),
        typed=silver_rows.typed_voyage_events,
        has_watermark=False,
        after=fold_voyages,
    ),
)


def _flow(cleaning: Cleaning) -> Flow:
    extra = {
        AIS: (t.SILVER_VESSELS,),
        VOYAGE_EVENTS: (t.SILVER_VOYAGES, t.SILVER_EMISSIONS),
    }.get(cleaning.topic, ())
    return Flow(
        name=f"silver.{cleaning.topic.short}",
        source=partial(judged_events, cleaning),
        tables=(cleaning.table, *extra, t.SILVER_QUARANTINE, t.SILVER_LATE),
        process=partial(clean, cleaning),
        pause="trigger_seconds",
    )


SILVER_FLOWS = [_flow(cleaning) for cleaning in CLEANINGS]

if __name__ == "__main__":
    main(SILVER_FLOWS)
