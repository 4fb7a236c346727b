"""What a merge is given that puts rows in the place of stale ones. Pure, but for one look at the rows' spans."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.tables import Table

GONE = "_is_gone"
"""Marks, in the source of a merge, a row that is to be deleted."""


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
