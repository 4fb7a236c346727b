"""Which commit wrote a row, and what that commit says it rests on. Pure, but for reading the log."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import deltalake

from contracts.errors import InputError
from contracts.tables import Table
from lakehouse.checkpoints import version_read
from lakehouse.evidence.values import Row, plain
from lakehouse.status import TABLE_OF
from lakehouse.upkeep.log import commit_history

RUN = ("job", "run_id", "app_id", "batch_id", "covers")
"""Who wrote a commit."""
BASIS = ("code", "contracts", "rules", "settings", "regulation", "model", "file")
"""What it rests on."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of a table's log and what it says of itself."""

    version: int
    operation: str
    committed_at: datetime
    said: Mapping[str, Any]

    @property
    def inputs(self) -> dict[str, int]:
        """Version of each table that it read, as far as it says."""
        if "source_end" in self.said:
            stream = self.said["app_id"].split(":")[1]
            offset = json.loads(self.said["source_end"])
            return {TABLE_OF[stream].name: version_read(offset)[0]} if stream in TABLE_OF else {}
        return dict(self.said.get("inputs", {}))

    def covers(self, row: Row) -> bool:
        """Whether the row is among those that a run says it wrote; a stream's commit may have written any row."""
        ends = self.said.get("covers", {})
        return all(row[name] is not None and first <= plain(row[name]) <= last for name, (first, last) in ends.items())

    def told(self) -> dict[str, Any]:
        """The commit as evidence shows it."""
        said = {name: self.said[name] for name in (*RUN, *BASIS) if name in self.said}
        return {"version": self.version, "operation": self.operation, "at": plain(self.committed_at), **said}


def history(path: str, version: int) -> list[Commit]:
    """Commits that a version rests on, newest first. After a restore it goes on with the version restored to."""
    return list(behind(commit_history(deltalake.DeltaTable(path)), version))


def behind(log: Iterable[Mapping[str, Any]], version: int) -> Iterator[Commit]:
    """The same, of a log that was read, newest first."""
    due = version
    for entry in log:
        if int(entry["version"]) > due:
            continue
        operation = str(entry["operation"])
        if operation == "RESTORE":
            due = int(entry["operationParameters"]["version"])
            continue
        at = datetime.fromtimestamp(entry["timestamp"] / 1000, UTC)
        yield Commit(int(entry["version"]), operation, at, json.loads(entry.get("userMetadata") or "{}"))


def writer(table: Table, commits: Iterable[Commit], row: Row) -> Commit:
    """The newest commit that may have written the row and says what it rests on.

    Raises:
        InputError: None does.
    """
    for commit in commits:
        if commit.inputs and commit.covers(row):
            return commit
    raise InputError(
        f"No commit of {table.name} says what the row rests on: it was written by an earlier release, or the log no "
        "longer tells of it. Run its job or stream again; the row it writes then can be retraced."
    )


def batches_of(commits: Iterable[Commit], rows: Iterable[Row]) -> list[Commit]:
    """The commits whose Kafka offsets hold any of the rows, newest first."""
    offsets: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        offsets[row["kafka_partition"]].append(row["kafka_offset"])
    ordered = {partition: sorted(of) for partition, of in offsets.items()}

    def holds(commit: Commit) -> bool:
        return any(
            bisect_right(ordered.get(partition, []), end - 1) > bisect_right(ordered.get(partition, []), start - 1)
            for _topic, partition, start, end in commit.said.get("offsets", [])
        )

    return [commit for commit in commits if holds(commit)]
