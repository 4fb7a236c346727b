"""Erases a vessel from one table: its rows, the old files that hold them, and what the log tells of these."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

import deltalake

from contracts.settings import Settings
from contracts.tables import TABLES, Table
from infra.erasure.hits import Hit
from infra.erasure.subject import Subject
from lakehouse.erasure import history, rows
from lakehouse.erasure.account import is_erasure
from lakehouse.erasure.scan import DATA, LOG
from lakehouse.store import Store
from lakehouse.upkeep import log
from lakehouse.upkeep.care import checkpoint
from lakehouse.upkeep.ops_tables import is_ops
from lakehouse.upkeep.readers import Reader, readers_of


@dataclass(frozen=True, slots=True)
class TableErasure:
    """What was erased from a table: rows, old files, and files of the log that were written anew."""

    table: str
    rows: int
    files: int
    log_files: int


def named_tables(hits: Collection[Hit]) -> list[Table]:
    """Tables that have a hit in a data file or in their log."""
    places = [hit.where for hit in hits if hit.kind in (DATA, LOG)]
    return [table for table in TABLES if any(place.startswith(f"{table.path}/") for place in places)]


def unread(table: Table, settings: Settings, now: datetime) -> list[Reader]:
    """Streams that have not read all of the table's rows yet, and batches that are to be finished."""
    path = f"{settings.lake}/{table.path}"
    return [reader for reader in readers_of(table, settings, now) if not reader.is_pin and _has_unread(reader, path)]


def pins(table: Table, settings: Settings, now: datetime) -> list[Reader]:
    """Recorded runs and registered models that name a version of the table."""
    return [reader for reader in readers_of(table, settings, now) if reader.is_pin]


def erase_from(
    table: Table,
    settings: Settings,
    store: Callable[[], Store],
    subject: Subject,
    erasure_id: str,
    hits: Collection[Hit],
) -> TableErasure:
    """Erase; the caller is alone with the table and has asked who still reads it.

    Args:
        table: Must be there.
        settings: Where the lake is.
        store: Starts Spark, where it is asked for.
        subject: The vessel.
        erasure_id: Id of this run.
        hits: Where the lake names the vessel.
    """
    path = f"{settings.lake}/{table.path}"
    place = f"{table.path}/"
    named = {hit.where.removeprefix(place) for hit in hits if hit.kind == DATA and hit.where.startswith(place)}
    erased = 0
    if named & log.snapshot_files(path):
        erased = _mask(path, table, subject) if is_ops(table) else rows.erase(store(), table, subject, erasure_id)
    doomed = sorted(named - log.snapshot_files(path))
    history.delete_files(path, doomed)
    cleaned = history.clean_log(path, subject, lambda: checkpoint(table, settings, store))
    return TableErasure(table.name, erased, len(doomed), cleaned)


def _has_unread(reader: Reader, path: str) -> bool:
    """Whether rows are left for the reader; files that were only merged, or that an erasure cut, hold no new ones."""
    if not reader.follows or reader.whole:
        return True
    newest = deltalake.DeltaTable(path).version()
    commits = (log.commit(path, version) for version in range(reader.version, newest + 1))
    return any(
        action.get("add", {}).get("dataChange") for actions in commits if not is_erasure(actions) for action in actions
    )


def _mask(path: str, table: Table, subject: Subject) -> int:
    """An account of what happened keeps its row, and loses the number: by delta-rs, as these tables are written."""
    masked = 0
    for field in table.fields:
        if field.type == "string":
            done = deltalake.DeltaTable(path).update(
                updates={field.name: f"replace({field.name}, '{subject.mmsi}', '{history.ERASED}')"},
                predicate=f"{field.name} LIKE '%{subject.mmsi}%'",
            )
            masked += int(done["num_updated_rows"])
    return masked
