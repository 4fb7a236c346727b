"""Whether a table may be made what it was at an earlier version: not where a stream or the ledger says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import deltalake
from deltalake.exceptions import DeltaError

from contracts.errors import InputError
from contracts.settings import Settings
from contracts.tables import Table
from lakehouse import ledger
from lakehouse.status import TABLE_OF
from lakehouse.upkeep import log
from lakehouse.upkeep.health import Shape, shape, small_bytes
from lakehouse.upkeep.ops_tables import is_ops


@dataclass(frozen=True, slots=True)
class Comparison:
    """A table now and as of the version that it would be restored to."""

    now: Shape
    then: Shape


def compare(table: Table, version: int, settings: Settings) -> Comparison:
    """Look what a restore would change.

    Raises:
        InputError: It is not lawful, or the version is not there any more; the sentence says why.
    """
    path = f"{settings.lake}/{table.path}"
    _refuse_where_it_would_lie(table, version, settings)
    newest = deltalake.DeltaTable(path).version()
    if not 0 <= version < newest:
        raise InputError(f"{table.name} has no earlier version {version}: it is at version {newest}.")
    try:
        then = log.actions(path, version)
    except DeltaError as error:
        raise InputError(f"Version {version} of {table.name} is no longer in its log.") from error
    gone = log.snapshot_files(path, version) - log.stored_bytes(path).keys()
    if gone:
        raise InputError(f"Version {version} of {table.name} cannot be restored: {len(gone)} of its files are deleted.")
    small = small_bytes(settings)
    return Comparison(now=shape(log.actions(path), small), then=shape(then, small))


def _refuse_where_it_would_lie(table: Table, version: int, settings: Settings) -> None:
    if is_ops(table):
        raise InputError(f"{table.name} is an account of what happened: it is not restored, for it would forget.")
    readers = [stream for stream, source in TABLE_OF.items() if source == table]
    if readers:
        raise InputError(
            f"{table.name} is read by the stream {', '.join(readers)}, and streams read tables that only grow: rows "
            "that a restore brings back would be read again, and those it takes away have been read already. "
            f"`maritime sql` and Spark (versionAsOf) read version {version} without a restore."
        )
    later = [entry for entry in ledger.entries(settings.lake) if entry["versions"].get(table.name, -1) > version]
    if later:
        first, last = min(e["batch_id"] for e in later), max(e["batch_id"] for e in later)
        raise InputError(
            f"{table.name} holds batches {first} to {last} of {', '.join(sorted({e['stream'] for e in later}))} since "
            f"version {version}, and the ledger counts them as landed: a restore would lose them, and no stream "
            "would write them again."
        )
