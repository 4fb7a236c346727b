"""What may be deleted: files and log entries that are old enough, and that no known reader still needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import deltalake
from deltalake.exceptions import DeltaError

from contracts.errors import InputError
from contracts.settings import Settings
from contracts.tables import Table
from lakehouse.upkeep import log
from lakehouse.upkeep.readers import Reader, readers_of


@dataclass(frozen=True, slots=True)
class Plan:
    """What a vacuum of one table would do.

    ``old`` are the files (path to bytes) that the table left behind more than ``keep_hours`` ago. ``needed`` names each
    reader that needs some of them, with these. ``log_free`` are paths of the log's entries that are old as well and
    that nobody needs; ``log_needed`` are the readers that begin before others that are old.
    """

    table: Table
    keep_hours: int
    old: Mapping[str, int]
    needed: Mapping[Reader, frozenset[str]]
    log_free: Sequence[str]
    log_needed: Sequence[Reader]

    @property
    def free(self) -> dict[str, int]:
        """The old files that nobody needs."""
        taken = frozenset[str]().union(*self.needed.values())
        return {path: size for path, size in self.old.items() if path not in taken}

    def refuse(self) -> None:
        """End here if somebody would be cut off.

        Raises:
            InputError: It names each reader and what it still has to read.
        """
        name = self.table.name
        who = [
            f"{reader.name} still has to read {name} version {reader.version}: {len(files)} of {len(self.old)} files"
            for reader, files in self.needed.items()
        ]
        if not who:
            who = [f"{r.name} still has to read {name} version {r.version}: log entries" for r in self.log_needed]
        if who:
            raise InputError(
                f"Vacuum of {name} is refused, it would take what is still needed. {'; '.join(who)}. "
                "Let them finish; `maritime upkeep --once` deletes only what nobody needs."
            )


def plan(table: Table, settings: Settings, now: datetime, keep_hours: int | None = None) -> Plan:
    """Look what a vacuum would take and from whom; nothing is changed.

    Args:
        table: Must be there.
        settings: Lake, checkpoints, how long runs are pinned.
        now: The present.
        keep_hours: How long files are kept after they were replaced; the table's own time when unset.
    """
    path = f"{settings.lake}/{table.path}"
    hours = table.keep_hours if keep_hours is None else keep_hours
    readers = readers_of(table, settings, now)
    old = _old_files(path, hours)
    needed = {reader: frozenset(_files(reader, path) & old.keys()) for reader in readers} if old else {}
    log_free, log_needed = _log(path, readers, now - timedelta(days=table.log_keep_days))
    return Plan(
        table=table,
        keep_hours=hours,
        old=old,
        needed={reader: files for reader, files in needed.items() if files},
        log_free=log_free,
        log_needed=log_needed,
    )


def execute(made: Plan, settings: Settings) -> None:
    """Delete what the plan says that nobody needs, and no other file; the caller is alone with the table.

    A file that the table has taken back since it was planned, by a restore, stays.
    """
    path = f"{settings.lake}/{made.table.path}"
    still_old = _old_files(path, made.keep_hours) if made.free else {}
    log.delete(path, [*(name for name in made.free if name in still_old), *made.log_free])


def _old_files(path: str, hours: int) -> dict[str, int]:
    delta = deltalake.DeltaTable(path)
    named = delta.vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True)
    stored = log.stored_bytes(path)
    return {name: stored[name] for name in named if name in stored}


def _files(reader: Reader, path: str) -> set[str]:
    """What the reader needs; nothing where its version is gone from the log, for then it is cut off already."""
    try:
        return reader.files(path)
    except (DeltaError, FileNotFoundError):
        return set()


def _log(path: str, readers: Sequence[Reader], before: datetime) -> tuple[list[str], list[Reader]]:
    """Paths of the log's entries that can go, and the readers that begin before others that are old."""
    files = log.log_files(path)
    old = max((file.version for file in files if file.is_commit and file.written_at < before), default=-1)
    start = _checkpoint_at(files, old)
    first = _checkpoint_at(files, min([old, *(reader.version for reader in readers)]))
    free = [file.path for file in files if file.version < first and file.written_at < before]
    return free, [reader for reader in readers if reader.version < start]


def _checkpoint_at(files: Sequence[log.LogFile], version: int) -> int:
    """The last checkpoint from which a version can be read; all that is older is not asked for by its readers."""
    return max((file.version for file in files if file.is_checkpoint and file.version <= version), default=0)
