"""Rows of the tables in ``ops``, appended with delta-rs.

Not with Spark: a small row would cost a job, and delta-rs commits are atomic between processes on a local disk, so that
streams, jobs and producers may share a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from deltalake import WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError

from contracts.fields import Type
from contracts.tables import Table

_RANGE = pa.struct([("topic", pa.string()), ("partition", pa.int32()), ("start", pa.int64()), ("end", pa.int64())])
_ARROW: dict[Type, pa.DataType] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "ranges": pa.list_(_RANGE),
    "versions": pa.map_(pa.string(), pa.int64()),
    "watermarks": pa.map_(pa.string(), pa.timestamp("us", tz="UTC")),
}
TRIES = 16
"""A commit fails when another process makes the table, or adds a column to it, at the same moment."""
_DENSE = WriterProperties(compression="ZSTD")
"""Each row says much of what the one before it said, a lineage event above all."""


def arrow_rows(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows as Arrow, by the table's contract: instants as UTC microseconds."""
    schema = pa.schema([pa.field(f.name, _ARROW[f.type], f not in table.key) for f in table.fields])
    return pa.Table.from_pylist([{name: _plain(value) for name, value in row.items()} for row in rows], schema)


def append(root: str, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append rows in one commit; the table is made, or given the columns that it lacks, where that is needed."""
    if not rows:
        return
    path, arrow = f"{root}/{table.path}", arrow_rows(table, rows)
    for left in reversed(range(TRIES)):
        try:
            write_deltalake(path, arrow, mode="append", schema_mode="merge", writer_properties=_DENSE)
        except CommitFailedError:
            if not left:
                raise
        else:
            return


def _plain(value: Any) -> Any:  # noqa: ANN401  any cell of a row
    return list(value.items()) if isinstance(value, Mapping) and "topic" not in value else value
