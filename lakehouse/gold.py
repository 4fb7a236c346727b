"""Silver to Gold: each vessel's last position and its day in figures, as the positions come in.

All kinds of stations are shown, not only ships: every accepted position counts in one vessel-day, so that
the sum of ``position_count`` is the row count of Silver. As a script: ``spark-submit lakehouse/gold.py``.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.settings import Settings
from contracts.tables import GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST, SILVER_POSITIONS
from contracts.topics import AIS
from lakehouse.flows import Batch, Flow, delta_source
from lakehouse.ledger import Entry, OffsetRange
from lakehouse.repeats import PLACE
from lakehouse.resume.checks import check
from lakehouse.runner import main
from lakehouse.store import Store
from lakehouse.transforms.vessel_day import KEY, POSITION, added, recomputed
from lakehouse.transforms.vessel_latest import latest

NEEDED = list(dict.fromkeys([*POSITION, *GOLD_VESSEL_LATEST.columns, *PLACE]))
NEWER = "new.observed_at > old.observed_at"
FEW = 1_000_000
"""Positions that one task at a time takes: the other cores stay with the streams on the way to Silver."""
SLICES = 16
"""Tasks of a step over more than these: so many and so short that those of the other streams come in between."""


def update_vessels(store: Store, settings: Settings, batch: Batch) -> Entry:
    """Bring both vessel tables up to date with a batch of accepted positions.

    The day comes first: it needs each segment's last position as it was before the batch. A batch that is
    replayed after a crash skips what it has committed already, since adding it again would count it twice.
    """
    positions = batch.rows.select(*NEEDED).persist()
    try:
        facts = _facts(positions)
        if facts.rows:
            _update_days(store, settings, batch, positions, facts)
            batch.crash_point("after_days")
            txn = batch.txn(GOLD_VESSEL_LATEST)
            said = batch.commit_metadata(txn, facts.ranges)
            with store.sliced(_tasks(settings, facts.rows)):
                store.upsert(GOLD_VESSEL_LATEST, latest(positions), txn, only_if=NEWER, metadata=said)
    finally:
        positions.unpersist()
    return Entry(
        stream=batch.flow,
        batch_id=batch.batch_id,
        app_id=batch.app_id,
        ranges=facts.ranges,
        rows_read=facts.rows,
        rows_accepted=facts.rows,
        started_at=batch.started_at,
        finished_at=datetime.now(UTC),
        versions={table.name: store.version(table) for table in (GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST)},
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """What a batch has: positions, their days, Kafka offsets and sources."""

    rows: int
    days: list[date]
    ranges: tuple[OffsetRange, ...]
    sources: frozenset[str]


def _facts(positions: DataFrame) -> Facts:
    """Look through a batch. This is the action that fills its cache."""
    partition, offset = PLACE
    found = positions.groupBy(partition).agg(
        F.count(F.lit(1)).alias("rows"),
        F.collect_set("observed_on").alias("days"),
        F.collect_set("source").alias("sources"),
        F.min(offset).alias("first"),
        F.max(offset).alias("last"),
    )
    parts = found.orderBy(partition).collect()
    ranges = (OffsetRange(AIS.name, p[partition], p["first"], p["last"] + 1) for p in parts if p["last"] is not None)
    return Facts(
        rows=sum(p["rows"] for p in parts),
        days=sorted({day for p in parts for day in p["days"]}),
        ranges=tuple(ranges),
        sources=frozenset(source for p in parts for source in p["sources"]),
    )


def _update_days(store: Store, settings: Settings, batch: Batch, positions: DataFrame, facts: Facts) -> None:
    txn = batch.txn(GOLD_VESSEL_DAY)
    done = store.transaction(GOLD_VESSEL_DAY, txn.app_id)
    if done is not None and done >= txn.version:
        return
    with store.sliced(1 if facts.rows <= FEW else SLICES), ExitStack() as kept:
        rows, days = _day_rows(store, settings, batch, positions, facts, kept)
        said = batch.commit_metadata(txn, facts.ranges)
        with store.sliced(_tasks(settings, facts.rows)):
            store.upsert(GOLD_VESSEL_DAY, rows, txn, only_old=_literal(days), metadata=said)


def _tasks(settings: Settings, count: int) -> int:
    """Into how many a merge of so many positions is shuffled: each of them writes a file."""
    return 1 if count <= FEW else settings.spark_shuffle_partitions


def _day_rows(
    store: Store, settings: Settings, batch: Batch, positions: DataFrame, facts: Facts, kept: ExitStack
) -> tuple[DataFrame, list[date]]:
    """The vessel-days as they are with the batch, and the days on which they may lie."""
    stored, known = store.read(GOLD_VESSEL_DAY).where(_on(facts.days)), store.read(GOLD_VESSEL_LATEST)
    rows = _kept(added(stored, known, positions, settings.jump_limit_kn, facts.sources), kept)
    disordered = rows.where("is_disordered").select("segment_id").distinct()
    if disordered.isEmpty():  # nearly always; this is the action that makes the rows
        return rows.drop("is_disordered"), facts.days
    wrong = rows.select(*KEY).join(disordered, "segment_id", "left_semi")
    wrong_days = [row["observed_on"] for row in wrong.select("observed_on").distinct().collect()]
    around = sorted({day + timedelta(days=n) for day in wrong_days for n in (-1, 0, 1)})
    # As of the version that the batch reads to, so that evidence can name it. But a first batch may have been
    # planned long ago, and old versions are not kept for ever: what it sees too early is in the next one anyway.
    version = batch.source_version if batch.previous else None
    history = store.read(SILVER_POSITIONS, version).where(_on(around))
    right = rows.join(disordered, "segment_id", "left_anti").drop("is_disordered")
    anew = recomputed(wrong, history, settings.jump_limit_kn)
    return _kept(right.unionByName(anew), kept), sorted({*facts.days, *around})


def _kept(rows: DataFrame, kept: ExitStack) -> DataFrame:
    """The rows, kept in memory until the stack is left."""
    kept.callback(rows.persist().unpersist)
    return rows


def _on(days: list[date]) -> Column:
    """The days as literals, so that Delta leaves the files of all others unread."""
    return F.col("observed_on").isin(days)


def _literal(days: list[date]) -> str:
    return "old.observed_on IN ({})".format(", ".join(f"DATE'{day}'" for day in sorted(days)))


GOLD_FLOWS = [
    Flow(
        name="gold.vessels",
        source=partial(delta_source, SILVER_POSITIONS),
        tables=(GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST),
        process=update_vessels,
        pause="gold_trigger_seconds",
        preflight=partial(check, stream="gold.vessels", tables=(GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST)),
    )
]

if __name__ == "__main__":
    main(GOLD_FLOWS)
