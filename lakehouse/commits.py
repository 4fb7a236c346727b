"""Batches as a table's own log tells them: every commit of a stream names its batch and its Kafka offsets."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import deltalake

from contracts.tables import Table
from lakehouse.ledger import OffsetRange
from lakehouse.upkeep.log import commit_history

RECENT = 200
"""How many commits are looked at first: batches that the ledger does not have are nearly always among the newest."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A batch in a table's log; ``app_id`` is the ledger's, without the table's name."""

    app_id: str
    batch_id: int
    ranges: tuple[OffsetRange, ...]
    rows: int
    version: int
    committed_at: datetime
    source_end: str | None = None


def commits(log: deltalake.DeltaTable, table: Table, limit: int | None = None) -> Iterator[Commit]:
    """The batches in the log, newest first; other commits (table care, work by hand) are left out."""
    for commit in commit_history(log, limit):
        metadata = json.loads(commit.get("userMetadata") or "{}")
        if "batch_id" in metadata:
            yield Commit(
                app_id=metadata["app_id"].removeprefix(f"{table.name}:"),
                batch_id=int(metadata["batch_id"]),
                ranges=tuple(OffsetRange(*span) for span in metadata["offsets"]),
                rows=int(commit["operationMetrics"]["numOutputRows"]),
                version=int(commit["version"]),
                committed_at=datetime.fromtimestamp(commit["timestamp"] / 1000, UTC),
                source_end=metadata.get("source_end"),
            )


def not_entered(log: deltalake.DeltaTable, table: Table, entered: Collection[tuple[str, int]]) -> list[Commit]:
    """Batches in the log that are not among ``entered`` (writer and number), oldest first."""
    found = list(commits(log, table, RECENT))
    if found and (found[-1].app_id, found[-1].batch_id) not in entered:
        found = list(commits(log, table))
    return [commit for commit in reversed(found) if (commit.app_id, commit.batch_id) not in entered]
