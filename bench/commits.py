"""What became visible in a Delta table and when, read from its log and its files, without disturbing the writer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

Seconds = NDArray[np.float64]
UTC_US = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class Commit:
    """A version of the table: when readers could first see it (epoch seconds), and the files that it added."""

    version: int
    visible_at: float
    rows: int
    files: tuple[Path, ...]


def commits(table: Path, after_version: int = -1) -> list[Commit]:
    """The table's commits after a version, oldest first; empty where there is no table yet."""
    found = []
    while (log := table / "_delta_log" / f"{after_version + 1:020d}.json").exists():
        after_version += 1
        found.append(_commit(table, log, after_version))
    return found


def latencies(of: Sequence[Commit], first_s: float, last_s: float) -> Seconds:
    """Seconds from publishing to visible, of each row published in ``[first_s, last_s)`` (epoch seconds)."""
    parts = [np.zeros(0)]
    for commit in of:
        for file in commit.files:
            published = published_at(file)
            inside = (published >= first_s) & (published < last_s)
            parts.append(commit.visible_at - published[inside])
    return np.concatenate(parts)


def published_at(file: Path) -> Seconds:
    """Kafka's time stamps of a file's rows in epoch seconds."""
    column = pq.read_table(file, columns=["published_at"]).column(0)
    seconds: Seconds = column.cast(UTC_US).cast(pa.int64()).to_numpy() / 1e6
    return seconds


def _commit(table: Path, log: Path, version: int) -> Commit:
    """A commit is written under another name and then renamed, which sets the file's change time.

    Files that table care wrote together hold no new row.
    """
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    added = [action["add"] for action in actions if "add" in action and action["add"]["dataChange"]]
    return Commit(
        version=version,
        visible_at=log.stat().st_ctime_ns / 1e9,
        rows=sum(json.loads(add["stats"])["numRecords"] for add in added),
        files=tuple(table / unquote(add["path"]) for add in added),
    )
