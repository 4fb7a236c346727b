"""Takes the rows that name a vessel out of a table, and notes which offsets they came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pyarrow as pa
from pyspark.sql import functions as F

from contracts.fields import MMSI, Field
from contracts.tables import Table
from infra.erasure.subject import Subject
from lakehouse.erasure.account import SLICES, Erased, app_id, record
from lakehouse.ledger import OffsetRange
from lakehouse.recount.spans import by_partition, runs
from lakehouse.store import Store, Txn

PLACE = ("kafka_partition", "kafka_offset")


def condition(table: Table, subject: Subject) -> str:
    """SQL that is true of a row that names the vessel: in ``mmsi``, or in any text, raw value or header."""
    return _any(part for field in table.fields if (part := _names(field, field.name, subject)))


def condition_on_disk(table: Table, subject: Subject) -> str:
    """The same of a row as it lies in a file, where older rows have a value under a former name only."""
    former = [part for alias, field in table.former if (part := _names(field, alias.name, subject))]
    return _any([condition(table, subject), *former])


def _any(parts: Iterable[str]) -> str:
    return " OR ".join(f"coalesce({part}, false)" for part in parts) or "false"


def _names(field: Field, column: str, subject: Subject) -> str | None:
    is_like = f"RLIKE r'{subject.pattern}'"
    if MMSI.name in (field.name, *field.aliases):
        return f"{column} = {subject.mmsi}"
    if field.type in ("string", "binary"):
        return f"CAST({column} AS STRING) {is_like}"
    if field.type == "strings":
        return f"exists({column}, each -> each {is_like})"
    if field.type == "headers":
        return f"exists({column}, each -> CAST(each.value AS STRING) {is_like})"
    return None


def erase(store: Store, table: Table, subject: Subject, erasure_id: str) -> int:
    """Erase the vessel's rows from the table's newest version, and return how many they were.

    What they are is entered in ``ops.erasures`` first; it counts once the table's log holds the erasure, so a process
    that is killed in between leaves an account that adds up.
    """
    named = store.read(table).where(condition(table, subject))
    slices = [name for name in SLICES if name in table.columns]
    if not set(PLACE) <= set(table.columns):
        count = named.count()
    else:
        rows = named.select(*slices, *(F.col(name) for name in PLACE)).toArrow()
        record(store.root, list(_account(table, rows, slices, erasure_id)))
        count = rows.num_rows
    if count:
        store.erase(table, condition_on_disk(table, subject), Txn(app_id(erasure_id, table.name), 0))
    return count


def _account(table: Table, rows: pa.Table, slices: list[str], erasure_id: str) -> Iterator[Erased]:
    groups = rows.group_by(slices).aggregate([]).to_pylist() if slices else [{}]
    for group in groups if rows.num_rows else []:
        mine = rows
        for name, value in group.items():
            is_mine = pa.compute.is_null(mine[name]) if value is None else pa.compute.equal(mine[name], value)
            mine = mine.filter(is_mine)
        partitions, offsets = (mine[name].to_numpy() for name in PLACE)
        ranges = [
            OffsetRange("", partition, start, end)
            for partition, of in by_partition(partitions, offsets)
            for start, end in runs(of)
        ]
        yield Erased(
            erasure_id=erasure_id,
            table_name=table.name,
            **{name: group.get(name) for name in SLICES},
            rows_erased=mine.num_rows,
            ranges=tuple(ranges),
            erased_at=datetime.now(UTC),
        )
