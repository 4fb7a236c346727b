"""What one look at a table leads to: merge, write a checkpoint, delete; each only where it is worth its cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from contracts.settings import Settings
from contracts.tables import OPS_LEDGER, Table
from lakehouse.store import Store
from lakehouse.upkeep import vacuum
from lakehouse.upkeep.health import LONG_LOG_COMMITS, look
from lakehouse.upkeep.ledger_care import merge_entries

Alone = Callable[[], AbstractContextManager[None]]
"""Gives a block during which nobody else writes the table."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done to a table, in words."""

    table: str
    text: str


def care(table: Table, settings: Settings, store: Callable[[], Store], alone: Alone, now: datetime) -> Iterator[Deed]:
    """Do what the table wants, and tell it.

    Looking needs no lock. ``alone`` is entered, and ``store`` asked for, only where something is to be written.

    Raises:
        LockedError: Something is to be done, and another process writes the table.
    """
    before = look(settings, table)
    if before.shape.mergeable_files >= settings.upkeep_small_files:
        with alone():
            merged = _merge(table, settings, store)
        if merged:
            after = look(settings, table).shape.files
            yield Deed(table.name, f"{before.shape.files:,} files merged to {after:,}")
    elif before.commits_since_checkpoint > LONG_LOG_COMMITS:
        with alone():
            _checkpoint(table, settings, store)
        yield Deed(table.name, f"checkpoint written after {before.commits_since_checkpoint:,} commits")
    yield from _delete(table, settings, store, alone, now)


def _merge(table: Table, settings: Settings, store: Callable[[], Store]) -> bool:
    if table == OPS_LEDGER:
        return merge_entries(settings)
    tables = store()
    tables.settle(table)
    tables.optimize(table, settings.upkeep_file_mb)
    return True


def _checkpoint(table: Table, settings: Settings, store: Callable[[], Store]) -> None:
    if table == OPS_LEDGER:
        merge_entries(settings)
    else:
        store().checkpoint(table)


def _delete(
    table: Table, settings: Settings, store: Callable[[], Store], alone: Alone, now: datetime
) -> Iterator[Deed]:
    """Delete what is old and needed by nobody; what somebody needs stays, and is told with the rest."""
    plan = vacuum.plan(table, settings, now)
    log_files = plan.log_files if plan.log_is_free else 0
    if max(len(plan.free), log_files) < settings.upkeep_small_files:
        return
    with alone():
        vacuum.execute(store(), plan)
    mb = sum(plan.free.values()) / 1e6
    who = ", ".join(sorted({reader.name for reader in plan.needed}))
    kept = f"; {len(plan.old) - len(plan.free):,} stay for {who}" if who else ""
    yield Deed(table.name, f"{len(plan.free):,} old files ({mb:,.1f} MB) and {log_files:,} of the log deleted{kept}")
