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
from lakehouse.upkeep import log, thinning
from lakehouse.upkeep.readers import Reader, readers_of
from lakehouse.upkeep.thinning import Rule


@dataclass(frozen=True, slots=True)
class Plan:
    """What a vacuum of one table would do.

    ``old`` are the files (path to bytes) that the table left behind more than ``keep_hours`` ago. ``needed`` names each
    reader that needs some of them, with these. ``log_free`` are paths of the log's entries that nobody needs (see
    ``thinning``); ``log_needed`` are the readers for whom entries are kept that would go otherwise. ``far`` are
    versions that are named, and for which fewer entries would do if they had a checkpoint.
    """

    table: Table
    keep_hours: int
    old: Mapping[str, int]
    needed: Mapping[Reader, frozenset[str]]
    log_free: Sequence[str]
    log_needed: Sequence[Reader]
    far: Sequence[int]

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
    in_log = log.log_files(path)
    rule = Rule(
        newest=settings.upkeep_log_versions,
        all_since=now - timedelta(days=table.log_keep_days),
        hourly_since=now - timedelta(hours=hours),
    )
    return Plan(
        table=table,
        keep_hours=hours,
        old=old,
        needed={reader: files for reader, files in needed.items() if files},
        log_free=[file.path for file in thinning.free(in_log, readers, rule)],
        log_needed=thinning.cut_off(in_log, readers, rule),
        far=thinning.far(in_log, readers, rule),
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
