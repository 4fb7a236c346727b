"""``maritime tables``: how the tables of the lake are doing, and care for them by hand."""

from __future__ import annotations

import click

from maritime.lazy import LazyGroup

COMMANDS = {
    "list": ("maritime.table_views:list_tables", "Rows, files, size, version and last write of each table."),
    "health": ("maritime.table_views:health", "Small files, log size, what deleted files take, and what to type."),
    "history": ("maritime.table_views:history", "Versions of a table: when, by what, how many rows, which batch."),
    "optimize": ("maritime.table_care:optimize", "Merge small files by the table's clustering, or in Z-order."),
    "checkpoint": ("maritime.table_care:checkpoint", "Write a checkpoint, so that readers replay a short log."),
    "vacuum": ("maritime.table_care:vacuum", "Delete files and log entries that no reader needs any more."),
    "restore": ("maritime.table_care:restore", "Make a table what it was at an earlier version."),
}


@click.group("tables", cls=LazyGroup, commands_at=COMMANDS)
def tables() -> None:
    """Show the tables of the lake and care for them. TABLE is a name of docs/tables.md; without one, all of them.

    Running streams care for their tables themselves; `maritime upkeep` does it for the others.
    """
