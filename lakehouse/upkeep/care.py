"""What one look at a table leads to: merge, write a checkpoint, delete; each only where it is worth its cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from deltalake.exceptions import DeltaError
from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from contracts.errors import MaritimeError
from contracts.settings import Settings
from contracts.tables import Table
from lakehouse.store import Store
from lakehouse.upkeep import ops_tables, vacuum
from lakehouse.upkeep.health import LONG_LOG_COMMITS, look

Alone = Callable[[], AbstractContextManager[None]]
"""Gives a block during which nobody else writes the table."""
FAILURES = (PySparkException, Py4JError, DeltaError, pa.ArrowException, OSError, MaritimeError)
"""What keeps one table from being cared for now, and is no reason to leave the others alone."""

MANY, MOST = 4, 40
"""Versions that are named and have no checkpoint: from how many on they get one, and how many at a time."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done to a table, in words."""

    table: str
    text: str


def care(
    table: Table,
    settings: Settings,
    store: Callable[[], Store],
    alone: Alone,
    now: datetime,
    merging: Alone | None = None,
) -> Iterator[Deed]:
    """Do what the table wants, and tell it.

    Looking needs no lock. ``alone`` is entered, and ``store`` asked for, only where something is to be written; files
    are merged in ``merging`` where that is given.

    Raises:
        LockedError: Something is to be done, and another process writes the table.
    """
    before = look(settings, table)
    if before.shape.mergeable_files >= settings.upkeep_small_files:
        with alone():
            settle(table, store)
        with (merging or alone)():
            merge(table, settings, store)
        after = look(settings, table).shape.files
        yield Deed(table.name, f"{before.shape.files:,} files merged to {after:,}")
    elif before.commits_since_checkpoint > LONG_LOG_COMMITS:
        with alone():
            checkpoint(table, settings, store)
        yield Deed(table.name, f"checkpoint written after {before.commits_since_checkpoint:,} commits")
    yield from _delete(table, settings, store, alone, now)


def reason(error: BaseException) -> str:
    """Why a table could not be cared for, on one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def settle(table: Table, store: Callable[[], Store]) -> None:
    """Give the table today's properties, which a batch under way would die of; the caller is alone with the table."""
    if not ops_tables.is_ops(table):
        store().settle(table)


def merge(table: Table, settings: Settings, store: Callable[[], Store]) -> None:
    """Merge the table's small files by its clustering; nobody else may change rows meanwhile, nor write ops tables."""
    if ops_tables.is_ops(table):
        ops_tables.merge(table, settings)
    else:
        store().optimize(table, settings.upkeep_file_mb)


def checkpoint(table: Table, settings: Settings, store: Callable[[], Store]) -> None:
    """Write a checkpoint of the table's log; the caller is alone with the table."""
    if ops_tables.is_ops(table):
        ops_tables.checkpoint(table, settings)
    else:
        store().checkpoint(table)


def _delete(
    table: Table, settings: Settings, store: Callable[[], Store], alone: Alone, now: datetime
) -> Iterator[Deed]:
    """Delete what is old and needed by nobody; what somebody needs stays, and is told with the rest."""
    plan = vacuum.plan(table, settings, now)
    if len(plan.far) >= MANY and not ops_tables.is_ops(table):
        with alone():
            for version in plan.far[:MOST]:
                store().checkpoint(table, version)
        plan = vacuum.plan(table, settings, now)
    if max(len(plan.free), len(plan.log_free)) < settings.upkeep_small_files:
        return
    with alone():
        vacuum.execute(plan, settings)
    mb = sum(plan.free.values()) / 1e6
    who = ", ".join(sorted({reader.name for reader in plan.needed}))
    kept = f"; {len(plan.old) - len(plan.free):,} stay for {who}" if who else ""
    gone = f"{len(plan.free):,} old files ({mb:,.1f} MB) and {len(plan.log_free):,} of the log deleted"
    yield Deed(table.name, f"{gone}{kept}")
