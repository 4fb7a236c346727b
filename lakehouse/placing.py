"""What becomes of a batch's lawful positions: accepted with the segment of each, a repeat, or late."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.tables import SILVER_LATE, SILVER_POSITIONS
from lakehouse.batch_facts import BatchFacts, within
from lakehouse.flows import Batch
from lakehouse.repeats import PLACE
from lakehouse.store import Store
from lakehouse.tracking import NEEDED, Tracks, tracks_before
from lakehouse.transforms.open_segments import segment_id, together
from lakehouse.transforms.repeated_reports import repeated, taken
from lakehouse.transforms.same_ship import Bools
from lakehouse.transforms.segment_rows import points_of
from lakehouse.transforms.segments import labelled


@dataclass(frozen=True, slots=True)
class Placed:
    """The outcome.

    Attributes:
        labels: ``kafka_partition``, ``kafka_offset``, ``segment_id`` of what is accepted.
        refused: ``kafka_partition``, ``kafka_offset``, ``outcome`` (duplicate or late) of the others.
        tracks: What is known of the ships afterwards.
    """

    labels: pa.Table
    refused: pa.Table
    tracks: Tracks


def place(store: Store, batch: Batch, lawful: DataFrame, facts: BatchFacts, late: Column | None) -> Placed:
    """Tell repeats and late positions, and the segment of each other one.

    A repeat has MMSI, instant and place of one before it; a late one that was late before has its event id too.

    Args:
        store: The lake.
        batch: The batch.
        lawful: Its positions that break no rule.
        facts: Its figures.
        late: True of a position that is behind its limit; null where none can be.
    """
    narrow = _narrow(store, batch, lawful, facts, late)
    known = _known(store, batch, lawful, facts)
    (mmsi, points), (known_mmsi, known_points) = points_of(narrow), points_of(known)
    is_repeat = repeated(mmsi, points, known_mmsi, known_points) | _flags(narrow, "is_known")
    is_late = _flags(narrow, "is_late") & ~is_repeat
    accepted = np.flatnonzero(~is_repeat & ~is_late)
    before = tracks_before(store, batch)
    found = labelled(mmsi[accepted], points[accepted], before.open)
    names = segment_id(mmsi[accepted], found.started_us)
    codes = np.unique(np.concatenate([known["segment_id"].to_numpy().astype(str), names]), return_inverse=True)[1]
    is_taken = taken(codes[known.num_rows :], points[accepted, 0], codes[: known.num_rows], known_points[:, 0])
    is_repeat[accepted[is_taken]] = True
    segments = together(before.segments.no_longer_open(), found.segments)
    labels = narrow.select(PLACE).take(accepted[~is_taken]).append_column("segment_id", pa.array(names[~is_taken]))
    return Placed(labels, _refused(narrow, is_repeat, is_late), replace(before, segments=segments))


def _narrow(store: Store, batch: Batch, lawful: DataFrame, facts: BatchFacts, late: Column | None) -> pa.Table:
    """The columns by which it is decided, in the order of arrival."""
    nothing = F.lit(False)
    rows = lawful.select(*PLACE, *NEEDED, "event_id", (nothing if late is None else late).alias("is_late"))
    if late is None:
        rows = rows.withColumn("is_known", nothing)
    else:
        version = store.version_before(SILVER_LATE, batch.txn(SILVER_LATE))
        told = store.read(SILVER_LATE, version).where(within(facts.event_times())).select("event_id").distinct()
        rows = rows.join(told.withColumn("is_known", F.lit(True)), on="event_id", how="left")
    found = rows.drop("event_id").toArrow()
    return found.sort_by([(name, "ascending") for name in PLACE])


def _known(store: Store, batch: Batch, lawful: DataFrame, facts: BatchFacts) -> pa.Table:
    """Positions of the table with MMSI and instant of one of the batch."""
    version = store.version_before(SILVER_POSITIONS, batch.txn(SILVER_POSITIONS))
    near = store.read(SILVER_POSITIONS, version).where(within(facts.event_times()))
    return (
        near.join(lawful.select("mmsi", "observed_at"), on=["mmsi", "observed_at"], how="left_semi")
        .select(*NEEDED, "segment_id")
        .toArrow()
    )


def _flags(rows: pa.Table, name: str) -> Bools:
    flags: Bools = rows[name].fill_null(False).to_numpy().astype(bool)
    return flags


def _refused(narrow: pa.Table, is_repeat: Bools, is_late: Bools) -> pa.Table:
    rows = np.flatnonzero(is_repeat | is_late)
    outcome = np.where(is_repeat[rows], "duplicate", "late")
    return narrow.select(PLACE).take(rows).append_column("outcome", pa.array(outcome))
