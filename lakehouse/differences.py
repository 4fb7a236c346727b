"""Rows by which two versions of a Delta table differ, by the files that only one has: a change feed need not be on."""

from __future__ import annotations

import json
from collections.abc import Sequence

import deltalake
from deltalake.exceptions import DeltaError
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from contracts.tables import Table
from lakehouse.additions import are_there, located
from lakehouse.schema import as_declared
from lakehouse.store import Store
from lakehouse.upkeep import log


def differing(
    store: Store, table: Table, before: int | None, now: int, told: Sequence[str], compared: Sequence[str]
) -> DataFrame | None:
    """Where two versions of a table differ: of each row that one has and the other has not, some columns.

    Files that both versions have are not read. A file that was written anew with the same rows tells nothing.

    Args:
        store: The lake.
        table: Its contract.
        before: The earlier version; unset: there was none, and every row is new.
        now: The later version.
        told: Columns that are given back, each combination of values once.
        compared: Columns by which two rows are the same.

    Returns:
        Null where it cannot be told any more, since files of the earlier version are gone.
    """
    if before is None:
        return store.read(table, now).select(*told).distinct()
    if before == now:
        return store.read(table, now).select(*told).limit(0)
    was = _only_in(store, table, before, now)
    new = None if was is None else _only_in(store, table, now, before)
    if was is None or new is None:
        return None
    was, new = (
        rows.select(*told, _digest(compared).alias("digest"), F.lit(sign).alias("sign"))
        for rows, sign in ((was, -1), (new, 1))
    )
    counts = was.unionByName(new).groupBy(*told, "digest").agg(F.sum("sign").alias("more"))
    return counts.where("more <> 0").select(*told).distinct()


def appeared(store: Store, table: Table, before: int, now: int, columns: Sequence[str]) -> DataFrame | None:
    """Rows that a version has and an earlier one had not, by the files that only one has: the log between may be gone.

    Returns:
        Null where files of the earlier version are gone, or where rows of it are.
    """
    was = _only_in(store, table, before, now)
    new = None if was is None else _only_in(store, table, now, before)
    if was is None or new is None:
        return None
    was, new = was.select(*columns), new.select(*columns)
    return new.exceptAll(was) if was.exceptAll(new).isEmpty() else None


def _digest(columns: Sequence[str]) -> Column:
    """A hash over a row. Spark's passes nulls over, so which columns are null is part of it."""
    return F.xxhash64(*columns, *(F.col(name).isNull() for name in columns))


def _only_in(store: Store, table: Table, version: int, other: int) -> DataFrame | None:
    """Rows of the files that a version has and another one has not; null where the version can no longer be read."""
    path = store.path(table)
    try:
        delta = deltalake.DeltaTable(path, version=version)
        names, others = log.snapshot_files(path, version), log.snapshot_files(path, other)
    except DeltaError:
        return None
    is_plain = not delta.metadata().partition_columns and not delta.protocol().reader_features
    wanted = sorted(names - others) if is_plain else sorted(names)  # else a file alone does not tell its rows
    if not are_there(path, wanted):
        return None
    if not is_plain:
        return store.read(table, version)
    if not wanted:
        return store.read(table, version).limit(0)
    schema = StructType.fromJson(json.loads(delta.schema().to_json()))
    return as_declared(table, store.spark.read.schema(schema).parquet(*located(path, wanted)))
