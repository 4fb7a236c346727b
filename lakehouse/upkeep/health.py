"""How a table is doing: small files, clustering, log size, what its deleted files still take, and what to type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import deltalake
import pyarrow as pa
import pyarrow.compute as pc

from contracts.settings import Settings
from contracts.tables import TABLES, Table
from lakehouse.store import ZORDERED_BY
from lakehouse.upkeep import log

LONG_LOG_COMMITS = 200
"""A reader replays the commits since the last checkpoint one by one. Streams write a checkpoint each 50."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a table is made of. ``mergeable_files`` would be gone after OPTIMIZE, which merges within a partition."""

    rows: int
    files: int
    size_bytes: int
    small_files: int
    mergeable_files: int

    @property
    def mean_file_mb(self) -> float:
        """Mean size of a file; 0 without any."""
        return self.size_bytes / self.files / 1e6 if self.files else 0.0

    @property
    def small_share(self) -> float:
        """Share of the files that are small; 0 without any."""
        return self.small_files / self.files if self.files else 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """A table's state. ``retained_bytes`` are files on disk that no longer belong to the newest version.

    ``layout`` is by what its files are arranged; null where by nothing.
    """

    table: Table
    shape: Shape
    version: int
    written_at: datetime
    commits_since_checkpoint: int
    log_files: int
    log_bytes: int
    retained_bytes: int
    layout: str | None
    verdict: str


def shape(files: pa.Table, small_bytes: float) -> Shape:
    """What the files amount to; a file under ``small_bytes`` is small."""
    sizes: list[int] = files["size_bytes"].to_pylist()
    parts = [files[name].to_pylist() for name in files.column_names if name.startswith("partition.")]
    partition_of = list(zip(*parts, strict=True)) if parts else [()] * len(sizes)
    small = Counter(part for part, size in zip(partition_of, sizes, strict=True) if size < small_bytes)
    return Shape(
        rows=int(pc.sum(files["num_records"]).as_py() or 0),
        files=len(sizes),
        size_bytes=sum(sizes),
        small_files=small.total(),
        mergeable_files=sum(count - 1 for count in small.values()),
    )


def verdict(table: str, made_of: Shape, commits_since_checkpoint: int, settings: Settings) -> str:
    """One sentence: sound, or what is wrong and what to type."""
    if made_of.mergeable_files >= settings.upkeep_small_files:
        return f"{made_of.mergeable_files} small files too many: maritime tables optimize {table}"
    if commits_since_checkpoint > LONG_LOG_COMMITS:
        return f"{commits_since_checkpoint} commits since the checkpoint: maritime tables checkpoint {table}"
    return "sound"


def layout(table: Table, configuration: Mapping[str, str]) -> str | None:
    """By what the table's files are arranged, in words; null where by nothing."""
    folders = [f"folder by {field.name}" for field in table.partitioned_by]
    zordered = configuration.get(ZORDERED_BY)
    clustered = ", ".join(field.name for field in table.clustered_by)
    inside = f"Z-order by {zordered}" if zordered else clustered and f"liquid by {clustered}"
    return ", ".join([*folders, *([inside] if inside else [])]) or None


def look(settings: Settings, table: Table) -> Health:
    """Look at one table, which must be there."""
    path = f"{settings.lake}/{table.path}"
    delta = deltalake.DeltaTable(path)
    files = pa.table(delta.get_add_actions(flatten=True))
    made_of = shape(files, small_bytes(settings))
    in_log = log.log_files(path)
    since = commits_since_checkpoint(in_log)
    return Health(
        table=table,
        shape=made_of,
        version=delta.version(),
        written_at=datetime.fromtimestamp(next(log.commit_history(delta))["timestamp"] / 1000, UTC),
        commits_since_checkpoint=since,
        log_files=len(in_log),
        log_bytes=sum(file.size_bytes for file in in_log),
        retained_bytes=sum(log.stored_bytes(path).values()) - made_of.size_bytes,
        layout=layout(table, delta.metadata().configuration),
        verdict=verdict(table.name, made_of, since, settings),
    )


def commits_since_checkpoint(in_log: Sequence[log.LogFile]) -> int:
    """Commits that a reader replays one by one; all of them where there is no checkpoint."""
    checkpoint = max((file.version for file in in_log if file.is_checkpoint), default=-1)
    return sum(file.version > checkpoint for file in in_log if file.is_commit)


def small_bytes(settings: Settings) -> float:
    """Size under which a file is small: half of what OPTIMIZE makes."""
    return settings.upkeep_file_mb * 1e6 / 2


def tables_there(settings: Settings, names: Sequence[str] = ()) -> list[Table]:
    """The tables of the contract that exist, or those named, in the contract's order."""
    wanted = [table for table in TABLES if not names or table.name in names]
    return [table for table in wanted if deltalake.DeltaTable.is_deltatable(f"{settings.lake}/{table.path}")]
