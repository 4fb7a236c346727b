"""What a merge is given that puts rows in the place of stale ones. Pure, but for one look at the rows' spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.tables import Table

GONE = "_is_gone"
"""Marks, in the source of a merge, a row that is to be deleted."""
RESTATED = "restated_rows"
"""View of the source in the session that merges."""


def replacements(table: Table, new: DataFrame, stale: DataFrame) -> DataFrame:
    """The rows that are true now, and beside them the keys of those that are no more.

    Args:
        table: Its contract.
        new: What is true now, at most one row per key.
        stale: Keys of rows that may no longer be.

    Returns:
        One row per key of either: the columns of ``new`` and ``_is_gone``, which is true where only ``stale`` has the
        key; the columns beside the key are null there.
    """
    key = [column.name for column in table.key]
    gone = stale.select(*key).distinct().join(new, on=key, how="left_anti")
    return new.withColumn(GONE, F.lit(False)).unionByName(gone.withColumn(GONE, F.lit(True)), allowMissingColumns=True)


def spans(table: Table, source: DataFrame) -> dict[str, tuple[Any, Any]]:
    """First and last value of each key column of these rows: as literals, they let files be skipped.

    None of an instant: Python would take it through the hour that a clock's change has twice.
    """
    names = [column.name for column in table.key if column.type != "timestamp"]
    ends = source.agg(*(F.struct(F.min(name), F.max(name)).alias(name) for name in names)).collect()[0]
    return {name: tuple(ends[name]) for name in names}


def merge_sql(
    table: Table, path: str, source: str, columns: Sequence[str], within: Mapping[str, tuple[Any, Any]]
) -> str:
    """The statement that puts the rows of a view in their place.

    Args:
        table: Its contract.
        path: Where it is.
        source: View of `replacements`.
        columns: To be written; those of an earlier contract stay as they are.
        within: Of `spans`, so that Delta leaves the other files unread. Literals, for its MERGE binds no parameters.
    """
    same_key = [f"old.`{column.name}` = new.`{column.name}`" for column in table.key]
    spanned = [f"old.`{name}` BETWEEN {_literal(first)} AND {_literal(last)}" for name, (first, last) in within.items()]
    names, values = (", ".join(f"{side}`{name}`" for name in columns) for side in ("", "new."))
    return (
        f"MERGE INTO delta.`{path}` AS old USING {source} AS new ON {' AND '.join([*same_key, *spanned])} "  # nosec B608
        f"WHEN MATCHED AND new.{GONE} THEN DELETE "
        f"WHEN MATCHED THEN UPDATE SET {', '.join(f'`{name}` = new.`{name}`' for name in columns)} "
        f"WHEN NOT MATCHED AND NOT new.{GONE} THEN INSERT ({names}) VALUES ({values})"
    )


def _literal(value: object) -> str:
    """A value of a key in Spark's SQL; null of no rows.

    >>> _literal("it"), _literal(date(2024, 3, 1)), _literal(7), _literal(None)
    ("'it'", "DATE'2024-03-01'", '7', 'NULL')
    """
    if value is None:
        return "NULL"
    if isinstance(value, date):
        return f"DATE'{value}'"
    if isinstance(value, str):
        return "'{}'".format(value.replace("\\", "\\\\").replace("'", "\\'"))
    return repr(value)
