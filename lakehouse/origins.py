"""Where a Bronze stream takes up its topic: at its first start, and after each recovery.

Together with the ledger's ranges this tells, for every offset of a topic, which batch holds it, or why none does. It
also keeps the topic's id, by which a topic that was made anew is told from one that only grew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import deltalake

from contracts.tables import OPS_ORIGINS
from lakehouse.ledger import OffsetRange
from lakehouse.ops_rows import append

FIRST_START = "first start"


@dataclass(frozen=True, slots=True)
class Origin:
    """One row of ``ops.origins``. ``starts`` maps each partition, as text, to the first offset to be read."""

    stream: str
    started_at: datetime
    kafka_topic: str
    topic_id: str
    reason: str
    starts: Mapping[str, int]
    gaps: tuple[OffsetRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a Bronze stream has read its topic.

    Attributes:
        offsets: The next offset to be read, per partition.
        topic_id: The topic that these offsets belong to; null where no start was noted.
        app_id: Writer of the last batch; null before the first.
        is_fresh: Whether no batch has followed the last recovery, so that a new checkpoint is lawful.
    """

    offsets: Mapping[int, int] = field(default_factory=dict)
    topic_id: str | None = None
    app_id: str | None = None
    is_fresh: bool = False


def record(root: str, origin: Origin) -> None:
    """Append the start."""
    append(root, OPS_ORIGINS, [asdict(origin)])


def origins(root: str, stream: str) -> list[Origin]:
    """The noted starts of a stream, oldest first."""
    path = f"{root}/{OPS_ORIGINS.path}"
    if not deltalake.DeltaTable.is_deltatable(path):
        return []
    table = deltalake.DeltaTable(path).to_pyarrow_table(filters=[("stream", "=", stream)])
    rows = sorted(table.to_pylist(maps_as_pydicts="strict"), key=lambda row: row["started_at"])
    return [Origin(**{**row, "gaps": tuple(OffsetRange(**gap) for gap in row["gaps"])}) for row in rows]


def reached(starts: Iterable[Origin], entries: Iterable[Mapping[str, Any]]) -> Reached:
    """How far the stream has come by its noted starts and its batches, in the order in which they happened.

    Args:
        starts: Rows of ``ops.origins``.
        entries: Rows of ``ops.ledger``, and batches that are in the table's log only.
    """
    offsets: dict[int, int] = {}
    topic_id = app_id = None
    is_fresh = False
    for step in in_order(starts, entries):
        if isinstance(step, Origin):
            if topic_id not in (None, step.topic_id):
                offsets = {}
            offsets |= {int(partition): offset for partition, offset in step.starts.items()}
            topic_id, is_fresh = step.topic_id, step.reason != FIRST_START
        else:
            offsets |= {span["partition"]: span["end"] for span in step["ranges"]}
            app_id, is_fresh = step["app_id"], False
    return Reached(offsets, topic_id, app_id, is_fresh)


def in_order(starts: Iterable[Origin], entries: Iterable[Mapping[str, Any]]) -> list[Origin | Mapping[str, Any]]:
    """Starts and batches as they happened; batches of one writer by their number, whatever the clock said."""
    batches = sorted(entries, key=lambda entry: int(entry["batch_id"]))
    first: dict[str, datetime] = {}
    for entry in batches:
        first[entry["app_id"]] = min(entry["finished_at"], first.get(entry["app_id"], entry["finished_at"]))
    steps: list[tuple[datetime, int, Origin | Mapping[str, Any]]] = []
    latest: dict[str, datetime] = {}
    for entry in batches:
        at = max(entry["finished_at"], latest.get(entry["app_id"], first[entry["app_id"]]))
        latest[entry["app_id"]] = at
        steps.append((at, int(entry["batch_id"]), entry))
    steps.extend((origin.started_at, -1, origin) for origin in starts)
    return [step for _, _, step in sorted(steps, key=lambda step: step[:2])]
