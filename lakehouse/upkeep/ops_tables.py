"""Care of the tables in ``ops``, the ledger above all: by delta-rs, whose commits are atomic between processes.

Streams and jobs of several processes write them at any moment, a small file at a time, so no lock of theirs is asked
for: what another process commits meanwhile is an appended row, which merging does not touch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import deltalake

from contracts.settings import Settings
from contracts.tables import Table
from infra.lock import single_writer


def is_ops(table: Table) -> bool:
    """Whether the table is one of ``ops``."""
    return table.name.startswith("ops.")


def merge(table: Table, settings: Settings) -> None:
    """Merge the table's small files and write a checkpoint."""
    delta = deltalake.DeltaTable(f"{settings.lake}/{table.path}")
    delta.optimize.compact(target_size=settings.upkeep_file_mb * 1_000_000)
    delta.create_checkpoint()


def checkpoint(table: Table, settings: Settings) -> None:
    """Write a checkpoint of the table's log."""
    deltalake.DeltaTable(f"{settings.lake}/{table.path}").create_checkpoint()


@contextmanager
def upkeep_turn(table: Table, settings: Settings) -> Iterator[None]:
    """Keep a second process from merging the table at the same time; writers of rows are not held up.

    Raises:
        LockedError: One is doing so.
    """
    with single_writer(Path(settings.home) / "locks", f"{table.name}-upkeep"):
        yield
