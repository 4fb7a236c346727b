"""Which ship each accepted position is of, batch by batch: what the position stream remembers, and writes down of it.

The labels of a batch are found on the driver from a few of its columns; the positions themselves stay where they are.
``silver.segments`` holds what is remembered, as of a batch that its commit names: a stream that starts again takes
that, and goes over the positions that came after.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from contracts.tables import SILVER_POSITIONS, SILVER_SEGMENTS
from lakehouse.batch_facts import BatchFacts
from lakehouse.flows import Batch
from lakehouse.reached import Reached, is_stream, reached
from lakehouse.store import Store, Txn
from lakehouse.transforms.open_segments import STARTED, Segments, ended
from lakehouse.transforms.recent_positions import Recent
from lakehouse.transforms.same_ship import Floats
from lakehouse.transforms.segment_rows import heads_of_before, is_of_before, points_of, rows_of, segments_of
from lakehouse.transforms.segments import labelled

DAY_US = 24 * 3.6e9
SAVE_SECONDS, LONGEST_SAVE_SECONDS = 60.0, 300.0
"""How often the segments are written down; a start then goes over the positions of as long a time."""
SAVE_SHARE = 0.01
"""How much of the time that may take, within these bounds: the batch that does it keeps its positions waiting."""
MEMORY = "tracks"
NEEDED = ("mmsi", "observed_at", "lat_deg", "lon_deg", "sog_kn", "cog_deg")
"""Columns of a position by which its ship is told."""


@dataclass(frozen=True, slots=True)
class Tracks:
    """What is remembered.

    Attributes:
        segments: Open segments, and those that have ended since they were last written down.
        reached: Up to where they know the positions.
        saved_s: When they were last written down, by a clock that never goes back; null in this process not yet.
        pause_s: How long until they are written down again.
        recent: Accepted positions of late; null where the table must be asked.
    """

    segments: Segments
    reached: Reached
    saved_s: float | None = None
    pause_s: float = SAVE_SECONDS
    recent: Recent | None = None

    @property
    def open(self) -> Segments:
        """What further positions may join."""
        return self.segments.still_open()


def tracks_before(store: Store, batch: Batch) -> Tracks:
    """What is known before the batch: from the batch before, else from the tables as they were before this one."""
    known: Tracks | None = batch.memory.get(MEMORY)
    return known or _from_tables(store, batch)


def is_first(batch: Batch) -> bool:
    """Whether nothing is remembered yet: the first batch of a process, or a replay."""
    return MEMORY not in batch.memory


def _from_tables(store: Store, batch: Batch) -> Tracks:
    version = store.version_before(SILVER_SEGMENTS, batch.txn(SILVER_SEGMENTS))
    known = reached(store, SILVER_SEGMENTS, version)
    saved = segments_of(store.read(SILVER_SEGMENTS, version).where("is_open").toArrow())
    version = store.version_before(SILVER_POSITIONS, batch.txn(SILVER_POSITIONS))
    newer = store.read(SILVER_POSITIONS, version).where(known.beyond())
    if (
        not known.offsets
    ):  # the table may be older than segments are: millions of positions, of which the last ones suffice
        saved = segments_of(heads_of_before(newer).toArrow())
        newer = newer.where(~is_of_before())
    mmsi, points = points_of(newer.orderBy("kafka_partition", "kafka_offset").select(*NEEDED).toArrow())
    return Tracks(labelled(mmsi, points, saved).segments, known)


def remember(store: Store, batch: Batch, tracks: Tracks, facts: BatchFacts) -> dict[str, int]:
    """Keep what is known after the batch, and now and then write it down; the version, where it was written.

    Args:
        store: The lake.
        batch: The batch.
        tracks: What is known after it.
        facts: Its figures.
    """
    after = replace(tracks, reached=tracks.reached.after(batch, facts))
    after = replace(after, segments=ended(after.segments, _expected_us(after.segments, facts.watermarks({}))))
    batch.memory[MEMORY] = after
    is_due = after.saved_s is None or time.monotonic() - after.saved_s > after.pause_s
    if is_due or after.reached.by != tracks.reached.by or not is_stream(batch):
        txn = batch.txn(SILVER_SEGMENTS)
        return {SILVER_SEGMENTS.name: _save(store, batch, txn, batch.commit_metadata(txn, ()))}
    return {}


def _expected_us(segments: Segments, watermarks: Mapping[str, datetime]) -> Floats:
    """Per segment, the event time that its feeds have reached.

    Feeds may be years apart, when one is replayed: of each segment only those count whose time is not long before it.
    """
    marks = np.array([mark.timestamp() * 1e6 for mark in watermarks.values()])
    near = marks[None, :] >= segments.values[:, STARTED, None] - DAY_US
    least = np.where(near, marks[None, :], np.inf).min(axis=1, initial=np.inf)
    return np.where(np.isinf(least), -np.inf, least)


def finish(store: Store, batch: Batch) -> None:
    """Write down what is remembered after the last batch of a stream that ends in order."""
    if MEMORY in batch.memory:
        _save(store, batch, None, {})


def _save(store: Store, batch: Batch, txn: Txn | None, said: Mapping[str, Any]) -> int:
    began_s = time.monotonic()
    tracks: Tracks = batch.memory[MEMORY]
    said = {**said, **tracks.reached.said}
    rows = store.spark.createDataFrame(rows_of(tracks.segments)).select(*SILVER_SEGMENTS.columns)
    version = store.upsert(SILVER_SEGMENTS, rows, txn, metadata=said)
    saved_s = time.monotonic()
    pause_s = min(max(SAVE_SECONDS, (saved_s - began_s) / SAVE_SHARE), LONGEST_SAVE_SECONDS)
    batch.memory[MEMORY] = replace(tracks, segments=tracks.open, saved_s=saved_s, pause_s=pause_s)
    return version
