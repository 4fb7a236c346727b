"""Logs of Delta tables, opened with delta-rs. A stream keeps them open and reads what is new, not all of it again."""

from __future__ import annotations

import deltalake

Logs = dict[str, deltalake.DeltaTable]
"""By path. One thread's own; of tables whose history nobody rewrites meanwhile, as under a stream's lock."""


def log_of(path: str, opened: Logs | None = None) -> deltalake.DeltaTable:
    """The table's log as it is now.

    Args:
        path: Folder or URI of the table.
        opened: Logs that were opened before; this one is among them afterwards.
    """
    if opened is None:
        return deltalake.DeltaTable(path)
    if path in opened:
        opened[path].update_incremental()
    else:
        opened[path] = deltalake.DeltaTable(path)
    return opened[path]
