"""Rows that were added to a Delta table between two versions, by its log: a change feed need not be switched on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from pyspark.sql import DataFrame

from contracts.tables import Table
from lakehouse.store import Store
from lakehouse.upkeep import log


def added(store: Store, table: Table, after: int, up_to: int, columns: Sequence[str]) -> DataFrame | None:
    """The rows that the commits after one version and up to another one added.

    Merges of files, and erasures, say in the log that they change no data: they are passed over.

    Returns:
        Null where that cannot be told: rows were removed or changed, or the log or a file is no longer kept.
    """
    path = store.path(table)
    found: list[str] = []
    for version in range(after + 1, up_to + 1):
        actions = _data_changes(path, version)
        if actions is None or any("remove" in action for action in actions):
            return None
        found += [unquote(action["add"]["path"]) for action in actions if "add" in action]
    if not are_there(path, found):
        return None
    if not found:
        return store.read(table, up_to).select(*columns).limit(0)
    return store.spark.read.parquet(*located(path, found)).select(*columns)


def _data_changes(path: str, version: int) -> list[dict[str, Any]] | None:
    """What a commit says of files whose rows come or go; null where the log no longer holds it."""
    try:
        actions = log.commit(path, version)
    except (FileNotFoundError, OSError):
        return None
    changes = [{kind: told} for action in actions for kind, told in action.items() if kind in ("add", "remove")]
    return [change for change in changes if next(iter(change.values())).get("dataChange", True)]


def located(path: str, names: Iterable[str]) -> list[str]:
    """Files of the log by their whole path or address."""
    return [name if "://" in name or PurePosixPath(name).is_absolute() else f"{path}/{name}" for name in names]


def are_there(path: str, names: Sequence[str]) -> bool:
    """Whether files of the log are still on disk."""
    infos = log.file_system(path).get_file_info(list(names)) if names else []
    return all(info.is_file for info in infos)
