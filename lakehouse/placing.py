"""What becomes of a batch's lawful positions: accepted with the segment of each, a repeat, or late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.tables import SILVER_LATE
from lakehouse.batch_facts import BatchFacts, within
from lakehouse.flows import Batch
from lakehouse.known_positions import known_before, recent_before
from lakehouse.repeats import PLACE
from lakehouse.store import Store
from lakehouse.tracking import NEEDED, Tracks, tracks_before
from lakehouse.transforms import recent_positions
from lakehouse.transforms.open_segments import segment_id, together
from lakehouse.transforms.recent_positions import Known
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


def place(
    store: Store, batch: Batch, lawful: DataFrame, facts: BatchFacts, late: Column | None, measured: Sequence[str]
) -> Placed:
    """Tell repeats and late positions, and the segment of each other one.

    A repeat has MMSI, instant and place of one before it; a late one that was late before has its event id too.

    Args:
        store: The lake.
        batch: The batch.
        lawful: Its positions that break no rule.
        facts: Its figures.
        late: True of a position that is behind its limit; null where none can be.
        measured: Event types that are positions.
    """
    narrow = _in_order(_narrow(store, batch, lawful, facts, late, measured))
    mmsi, points = points_of(narrow)
    before = tracks_before(store, batch)
    recent = before.recent or recent_before(store, batch, points)
    known = known_before(store, batch, lawful, facts, recent, mmsi, points)
    is_repeat = repeated(mmsi, points, known) | _flags(narrow, "is_known")
    is_late = _flags(narrow, "is_late") & ~is_repeat
    accepted = np.flatnonzero(~is_repeat & ~is_late)
    found = labelled(mmsi[accepted], points[accepted], before.open)
    is_taken = taken(mmsi[accepted], found.started_us, points[accepted, 0], known)
    is_repeat[accepted[is_taken]] = True
    added = Known(mmsi[accepted], points[accepted, : recent_positions.PLACE], found.started_us).only(~is_taken)
    segments = together(before.segments.no_longer_open(), found.segments)
    labels = _labels(narrow.select(PLACE).take(accepted[~is_taken]), added)
    tracks = replace(before, segments=segments, recent=recent.after(added) if recent else None)
    return Placed(labels, _refused(narrow, is_repeat, is_late), tracks)


def _narrow(
    store: Store, batch: Batch, lawful: DataFrame, facts: BatchFacts, late: Column | None, measured: Sequence[str]
) -> pa.Table:
    """The columns by which it is decided; where nothing can be late, they have come with the batch's figures."""
    if late is None:
        here = facts.rows if facts.rows is not None else lawful.select(*PLACE, *NEEDED, "event_type").toArrow()
        rows = here.filter(pc.is_in(here["event_type"], pa.array(measured)))
        nothing = pa.array(np.zeros(rows.num_rows, bool))
        return rows.select([*PLACE, *NEEDED]).append_column("is_late", nothing).append_column("is_known", nothing)
    version = store.version_before(SILVER_LATE, batch.txn(SILVER_LATE))
    told = store.read(SILVER_LATE, version).where(within(facts.event_times())).select("event_id").distinct()
    rows = lawful.select(*PLACE, *NEEDED, "event_id", late.alias("is_late"))
    told_before = told.withColumn("is_known", F.lit(True))
    return rows.join(told_before, on="event_id", how="left").drop("event_id").toArrow()


def _labels(places: pa.Table, added: Known) -> pa.Table:
    return places.append_column("segment_id", pa.array(segment_id(added.mmsi, added.started_us)))


def _in_order(rows: pa.Table) -> pa.Table:
    return rows.sort_by([(name, "ascending") for name in PLACE])


def _flags(rows: pa.Table, name: str) -> Bools:
    flags: Bools = rows[name].fill_null(False).to_numpy().astype(bool)
    return flags


def _refused(narrow: pa.Table, is_repeat: Bools, is_late: Bools) -> pa.Table:
    rows = np.flatnonzero(is_repeat | is_late)
    outcome = np.where(is_repeat[rows], "duplicate", "late")
    return narrow.select(PLACE).take(rows).append_column("outcome", pa.array(outcome))
