"""What a merge is given that puts rows in the place of stale ones. Pure, but for one look at the rows' spans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def same_rows(table: Table, source: DataFrame, quoted: Callable[[str], str]) -> str:
    """SQL condition of a merge: the same key in ``old`` and ``new``, within the span of the rows, so that files of
    others are left unread.

    Args:
        table: Its contract.
        source: Of `replacements`.
        quoted: A text between quotes, as the engine's SQL escapes it.
    """
    same_key = [f"old.{column.name} = new.{column.name}" for column in table.key]
    within = [
        f"old.{name} BETWEEN {_literal(first, quoted)} AND {_literal(last, quoted)}"
        for name, (first, last) in spans(table, source).items()
        if first is not None
    ]
    return " AND ".join([*same_key, *within])


def merge_sql(path: str, source: str, condition: str, columns: Sequence[str]) -> str:
    """Spark's statement that puts the rows of a view in their place.

    Args:
        path: Where the table is.
        source: View of `replacements`.
        condition: Of `same_rows`. With literals, for Delta's MERGE binds no parameters.
        columns: To be written; those of an earlier contract stay as they are.
    """
    names, values = (", ".join(f"{side}`{name}`" for name in columns) for side in ("", "new."))
    return (
        f"MERGE INTO delta.`{path}` AS old USING {source} AS new ON {condition} "  # nosec B608
        f"WHEN MATCHED AND new.{GONE} THEN DELETE "
        f"WHEN MATCHED THEN UPDATE SET {', '.join(f'`{name}` = new.`{name}`' for name in columns)} "
        f"WHEN NOT MATCHED AND NOT new.{GONE} THEN INSERT ({names}) VALUES ({values})"
    )


def escaped(text: str) -> str:
    """A text between quotes in Spark's SQL."""
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _literal(value: object, quoted: Callable[[str], str]) -> str:
    if isinstance(value, date):
        return f"DATE '{value}'"
    return f"'{quoted(value)}'" if isinstance(value, str) else repr(value)
