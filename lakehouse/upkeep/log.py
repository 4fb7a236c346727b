"""What a Delta table's log and folder say, read without Spark and without disturbing a writer."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, islice
from typing import Any
from urllib.parse import unquote

import deltalake
import pyarrow as pa
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

LOG = "_delta_log"
FEED = "_change_data"
"""Folder of the files that hold what a change feed tells of an update or a deletion."""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file of the log, a check sum too: the version that it tells of, its bytes, and when it was written."""

    path: str
    version: int
    size_bytes: int
    written_at: datetime

    @property
    def is_commit(self) -> bool:
        """Whether it is the commit itself."""
        return self.path.endswith(".json")

    @property
    def is_checkpoint(self) -> bool:
        """Whether a reader can begin here and needs nothing older."""
        return ".checkpoint" in self.path and self.path.endswith(".parquet")

    @property
    def is_check_sum(self) -> bool:
        """Whether it only says again what the commits up to it say: readers do without."""
        return self.path.endswith(".crc")


def file_system(root: str) -> fs.FileSystem:
    """The folder or URI ``root`` as a file system whose paths are relative to it."""
    return fs.PyFileSystem(DeltaStorageHandler(root))


def actions(path: str, version: int | None = None) -> pa.Table:
    """The table's files, one row each, with size, statistics and partition; now or as of a version."""
    return pa.table(deltalake.DeltaTable(path, version=version).get_add_actions(flatten=True))


def snapshot_files(path: str, version: int | None = None) -> set[str]:
    """Paths, below the table's folder, of the files that a version consists of."""
    return {unquote(name) for name in actions(path, version)["path"].to_pylist()}


def committed_files(path: str, first: int, last: int, kinds: Collection[str] = ("add",)) -> set[str]:
    """Paths of the files that the commits ``first`` to ``last`` added, whether a later one removed them or not.

    ``kinds`` are actions of the log. A change feed is made of the files that a commit added, those that it removed, and
    those that it wrote for the feed (``cdc``).
    """
    return {
        unquote(action[kind]["path"])
        for version in range(first, last + 1)
        for action in commit(path, version)
        for kind in kinds
        if kind in action
    }


def commit(path: str, version: int) -> list[dict[str, Any]]:
    """The actions of one commit.

    Raises:
        FileNotFoundError: The log no longer holds it.
    """
    return [json.loads(line) for line in _lines(file_system(path), version)]


def _lines(files: fs.FileSystem, version: int) -> list[bytes]:
    with files.open_input_stream(f"{LOG}/{version:020d}.json") as stream:
        return list(stream.read().splitlines())


def commit_history(delta: deltalake.DeltaTable, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """What each commit that the log still has says of itself, newest first, with its ``version``.

    Versions are those of the files' names. delta-rs counts them down from the newest instead, which is wrong behind the
    first gap, and a log that is thinned has gaps.
    """
    files = file_system(delta.table_uri)
    told = (_said(files, version) for version in _versions(delta, files))
    return islice((said for said in told if said is not None), limit)


def _said(files: fs.FileSystem, version: int) -> dict[str, Any] | None:
    """Null where the commit was deleted meanwhile."""
    try:
        told = (json.loads(line) for line in _lines(files, version) if b'"commitInfo"' in line)
    except FileNotFoundError:
        return None
    said: dict[str, Any] = next((action["commitInfo"] for action in told if "commitInfo" in action), {})
    return {**said, "version": version}


def _versions(delta: deltalake.DeltaTable, files: fs.FileSystem) -> Iterator[int]:
    """Versions that have a commit, newest first. The folder is listed at the first gap: most readers end before it."""
    for version in count(delta.version(), -1):
        if not files.get_file_info(f"{LOG}/{version:020d}.json").is_file:
            older = {file.version for file in log_files(delta.table_uri) if file.is_commit and file.version < version}
            yield from sorted(older, reverse=True)
            return
        yield version


def stored_bytes(path: str) -> dict[str, int]:
    """Every data file in the table's folder, of any version or of none, with its bytes."""
    found = file_system(path).get_file_info(fs.FileSelector("", recursive=True))
    return {info.path: info.size for info in found if is_data(info.path)}


def is_data(path: str) -> bool:
    """Whether a path below the table's folder is a file of data or of its change feed: not of the log, nor hidden."""
    hidden = [part for part in path.removeprefix(f"{FEED}/").split("/") if part.startswith(("_", "."))]
    return path.endswith(".parquet") and not hidden


def log_files(path: str) -> list[LogFile]:
    """Commits, checkpoints and their check sums, by version."""
    return sorted(_log_files(path), key=lambda file: (file.version, file.path))


def _log_files(path: str) -> Iterator[LogFile]:
    for info in file_system(path).get_file_info(fs.FileSelector(LOG)):
        number, _, ending = info.base_name.partition(".")
        if number.isdigit() and ending.endswith(("json", "parquet", "crc")):
            yield LogFile(info.path, int(number), info.size, info.mtime or datetime.now(UTC))


def delete(path: str, names: Sequence[str]) -> None:
    """Delete these files below the table's folder, and the check sums that Hadoop has put beside them."""
    files = file_system(path)
    beside = ["/".join([*folders, f".{name}.crc"]) for *folders, name in (name.split("/") for name in names)]
    found = [info.path for info in files.get_file_info(beside) if info.is_file] if beside else []
    for name in [*names, *found]:
        files.delete_file(name)
