"""The table that a stream reads: who it is, and whether what the stream has yet to read of it is still there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import deltalake
from pyarrow import fs

from contracts.settings import Settings
from contracts.tables import Table
from lakehouse.upkeep import log


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A version that a stream cannot read as it was written. ``is_loss`` says that its rows are gone."""

    version: int
    what: str
    is_loss: bool


@dataclass(frozen=True, slots=True)
class Source:
    """A Delta table by its log."""

    name: str
    path: str
    table_id: str
    version: int


def source(settings: Settings, table: Table) -> Source | None:
    """The table; null where it is not there."""
    path = f"{settings.lake}/{table.path}"
    if not deltalake.DeltaTable.is_deltatable(path):
        return None
    delta = deltalake.DeltaTable(path)
    return Source(table.name, path, str(delta.metadata().id), delta.version())


def has_new_rows(of: Source, first: int, last: int) -> bool:
    """Whether any of the versions ``first`` to ``last`` added rows."""
    return any(_new_files(log.commit(of.path, version)) for version in range(first, last + 1))


def obstacles(of: Source, first: int, last: int) -> Iterator[Obstacle]:
    """What is in the way of reading the versions ``first`` to ``last``, oldest first.

    Streams read rows that were added. A commit that takes rows away or changes them stops them before they write.
    """
    files = log.file_system(of.path)
    for version in range(first, last + 1):
        try:
            actions = log.commit(of.path, version)
        except FileNotFoundError:
            yield Obstacle(version, "is no longer in its log", is_loss=True)
            continue
        added = _new_files(actions)
        gone = [path for path in added if files.get_file_info(path).type == fs.FileType.NotFound]
        if gone:
            yield Obstacle(version, f"has lost {len(gone)} of its {len(added)} new files ({gone[0]})", is_loss=True)
        if any(action.get("remove", {}).get("dataChange") for action in actions):
            names = [action["commitInfo"].get("operation", "a change") for action in actions if "commitInfo" in action]
            yield Obstacle(version, f"took rows away or changed them ({', '.join(names)})", is_loss=False)


def _new_files(actions: Iterable[dict[str, Any]]) -> list[str]:
    """Files with rows that the table did not hold before, and not rows that were only moved together."""
    return [unquote(action["add"]["path"]) for action in actions if action.get("add", {}).get("dataChange")]
