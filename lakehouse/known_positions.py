"""Positions accepted before a batch that have MMSI and instant of one of it: remembered, else from the table.

The stream is the only writer of the table while it runs, so what it has accepted is what the table holds.
"""

from __future__ import annotations

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.events import LAST_LAWFUL_MS
from contracts.tables import SILVER_POSITIONS
from lakehouse.batch_facts import BatchFacts, within
from lakehouse.flows import Batch
from lakehouse.store import Store
from lakehouse.tracking import NEEDED, is_first
from lakehouse.transforms.open_segments import Longs
from lakehouse.transforms.recent_positions import MOST, Known, Recent, slot_start_us, together
from lakehouse.transforms.same_ship import Floats
from lakehouse.transforms.segment_rows import known_of

NEVER_US = (LAST_LAWFUL_MS + 1) * 1000


def recent_before(store: Store, batch: Batch, points: Floats) -> Recent | None:
    """The table's positions from the batch's middle on, to be remembered; none where there are too many.

    Null for the first batch of a process, which may be its only one, and for a replay.

    Args:
        store: The lake.
        batch: The batch.
        points: Its positions.
    """
    if is_first(batch) or not len(points):
        return None
    since_us = slot_start_us(int(np.median(points[:, 0])))
    rows = _before(store, batch).where(F.col("observed_at") >= _instant(since_us))
    found = rows.select(*NEEDED, "segment_id").limit(MOST + 1).toArrow()
    return Recent.of(since_us, known_of(found)) if found.num_rows <= MOST else Recent.of(NEVER_US, Known.none())


def known_before(
    store: Store, batch: Batch, lawful: DataFrame, facts: BatchFacts, recent: Recent | None, mmsi: Longs, points: Floats
) -> Known:
    """The positions accepted before; the table is asked for what lies before all that is remembered.

    Args:
        store: The lake.
        batch: The batch.
        lawful: Its positions that break no rule.
        facts: Its figures.
        recent: What is remembered; null for nothing.
        mmsi: The positions' numbers.
        points: The positions.
    """
    near = within(facts.event_times())
    if recent is None:
        return _in_table(store, batch, lawful, near)
    remembered = recent.among(mmsi, points[:, 0].astype(np.int64))
    if points[:, 0].min(initial=NEVER_US) >= recent.since_us:
        return remembered
    is_before = F.col("observed_at") < _instant(recent.since_us)
    return together(remembered, _in_table(store, batch, lawful.where(is_before), near & is_before))


def _in_table(store: Store, batch: Batch, lawful: DataFrame, near: Column) -> Known:
    key = ["mmsi", "observed_at"]
    same = _before(store, batch).where(near).join(lawful.select(key), on=key, how="left_semi")
    return known_of(same.select(*NEEDED, "segment_id").toArrow())


def _before(store: Store, batch: Batch) -> DataFrame:
    """The table as it was before the batch."""
    return store.read(SILVER_POSITIONS, store.version_before(SILVER_POSITIONS, batch.txn(SILVER_POSITIONS)))


def _instant(at_us: int) -> Column:
    return F.timestamp_micros(F.lit(at_us))
