"""Where a stream that reads a Delta table stands: by the ledger, its tables' logs, its checkpoint and its source."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import deltalake

from contracts.settings import Settings
from contracts.tables import Table
from lakehouse import ledger
from lakehouse.checkpoints import Checkpoint, checkpoint, source_end
from lakehouse.commits import Commit, not_entered
from lakehouse.resume.source import Source, source
from lakehouse.status import TABLE_OF


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a Delta table, as Spark's Delta source notes it.

    Attributes:
        table_id: Id of the table.
        version: The first version that is not read whole.
        index: The last of its files that is read; negative where none is.
        is_snapshot: It is the table as of this version that is being read, and not the commit.
    """

    table_id: str
    version: int
    index: int
    is_snapshot: bool

    @classmethod
    def of(cls, text: str) -> Place:
        """The place that a batch's ``source_end`` names."""
        said = json.loads(text)
        return cls(
            said["reservoirId"], int(said["reservoirVersion"]), int(said["index"]), bool(said["isStartingVersion"])
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a Silver or Gold stream.

    Attributes:
        stream: Its name.
        source: The table that it reads; null where that is not there.
        entries: Rows of the ledger of its last writer, in order.
        half_done: Batches of that writer which a table of the stream holds and the ledger does not.
        checkpoint: Its checkpoint; null where there is none.
        checkpoint_ends: Where the batches that the checkpoint holds as done and as planned last end in the source.
    """

    stream: str
    source: Source | None
    entries: Sequence[dict[str, Any]]
    half_done: tuple[Commit, ...]
    checkpoint: Checkpoint | None
    checkpoint_ends: Mapping[int, str]

    @property
    def writer(self) -> str | None:
        """Writer of the last batch; null before the first."""
        if self.entries:
            return str(self.entries[-1]["app_id"])
        return self.half_done[-1].app_id if self.half_done else None

    @property
    def last_batch(self) -> int | None:
        """Number of the last batch in the ledger; null before the first."""
        return int(self.entries[-1]["batch_id"]) if self.entries else None

    @property
    def end(self) -> str | None:
        """Where the last batch of the ledger ends in the source; null before the first, and in old entries.

        The checkpoint comes first: it may have been led past versions that cannot be read.
        """
        said = self.entries[-1]["source_end"] if self.entries else None
        return self._by_checkpoint(self.last_batch) or (str(said) if said else None)

    @property
    def next_end(self) -> str | None:
        """Where the batch ends that was planned after it and is to be finished first; null where there is none."""
        number = 0 if self.last_batch is None else self.last_batch + 1
        ends = (commit.source_end for commit in self.half_done if commit.batch_id == number)
        return self._by_checkpoint(number) or next(ends, None)

    def _by_checkpoint(self, number: int | None) -> str | None:
        """Where a batch ends by the checkpoint, where that is the last writer's."""
        if number is None or self.checkpoint is None or self.writer != f"{self.stream}:{self.checkpoint.checkpoint_id}":
            return None
        return self.checkpoint_ends.get(number)

    @property
    def place(self) -> Place | None:
        """The same, read."""
        return Place.of(self.end) if self.end else None


def standing(settings: Settings, stream: str, tables: Sequence[Table]) -> Standing:
    """Look where a stream stands.

    Args:
        settings: Where the lake is.
        stream: Silver or Gold stream.
        tables: What it writes.
    """
    everyone = ledger.entries(settings.lake)
    entries = [entry for entry in everyone if entry["stream"] == stream]
    last = max(entries, key=lambda entry: entry["finished_at"])["app_id"] if entries else None
    open_batches = _half_done(settings, stream, tables, {(e["app_id"], e["batch_id"]) for e in everyone})
    found = checkpoint(settings, stream)
    return Standing(
        stream=stream,
        source=source(settings, TABLE_OF[stream]),
        entries=[entry for entry in entries if entry["app_id"] == last],
        half_done=tuple(commit for commit in open_batches if last in (None, commit.app_id)),
        checkpoint=found,
        checkpoint_ends=_checkpoint_ends(settings, stream, found),
    )


def _checkpoint_ends(settings: Settings, stream: str, found: Checkpoint | None) -> dict[int, str]:
    numbers = {found.done, found.planned} if found else set()
    ends = {number: source_end(settings, stream, number) for number in numbers if number is not None}
    return {number: end for number, end in ends.items() if end}


def _half_done(settings: Settings, stream: str, tables: Sequence[Table], entered: set[tuple[str, int]]) -> list[Commit]:
    """Batches of the stream that are in a table's log and not in the ledger, each once, in order."""
    found: dict[tuple[str, int], Commit] = {}
    for table in tables:
        path = f"{settings.lake}/{table.path}"
        if deltalake.DeltaTable.is_deltatable(path):
            for commit in not_entered(deltalake.DeltaTable(path), table, entered):
                if commit.app_id.startswith(f"{stream}:"):
                    found.setdefault((commit.app_id, commit.batch_id), commit)
    return sorted(found.values(), key=lambda commit: (commit.committed_at, commit.batch_id))
