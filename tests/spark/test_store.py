"""The store makes tables whole, and appends a batch once."""

from __future__ import annotations

from pathlib import Path

import pytest
from delta.exceptions import ConcurrentTransactionException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.errors import ContractError
from contracts.tables import GOLD_VOYAGE_EMISSIONS, SILVER_QUARANTINE, SILVER_VESSELS
from lakehouse.append_once import append_once
from lakehouse.schema import spark_schema
from lakehouse.store import Store, Txn


def left_by_a_killed_process(path: Path) -> Path:
    """What was seen after a kill during the first commit; returns the file that the commit was written to."""
    (path / "_delta_log" / "_staged_commits").mkdir(parents=True)
    file = path / "_delta_log" / ".00000000000000000000.json.5b8c8590.tmp"
    file.touch()
    return file


def rows_of_quarantine(store: Store, count: int) -> DataFrame:
    """Rows without values, for columns that are never null with some."""
    some = {"string": "x", "int": "0", "bigint": "0", "date": "2026-01-01", "timestamp": "2026-01-01", "binary": ""}
    values = [
        F.lit(None if column.nullable else some[column.dataType.simpleString()])
        .cast(column.dataType)
        .alias(column.name)
        for column in spark_schema(SILVER_QUARANTINE)
    ]
    return store.spark.range(count).select(*values).coalesce(1)


def test_a_table_whose_creation_was_killed_is_made_by_the_next_start(store: Store) -> None:
    left = left_by_a_killed_process(Path(store.path(SILVER_VESSELS)))

    store.create(SILVER_VESSELS)

    assert store.version(SILVER_VESSELS) == 0
    assert not left.exists()


def test_files_of_something_else_are_left_alone_and_told(store: Store) -> None:
    path = Path(store.path(SILVER_VESSELS))
    left_by_a_killed_process(path)
    other = path / "notes.txt"
    other.touch()

    with pytest.raises(ContractError, match="is no Delta table: move them"):
        store.create(SILVER_VESSELS)

    assert other.exists()


def test_a_batch_is_appended_once_however_often_it_is_written(store: Store) -> None:
    store.create(SILVER_QUARANTINE)

    for version in (7, 7, 8, 7):
        store.append(SILVER_QUARANTINE, rows_of_quarantine(store, version), Txn("stream", version), {"batch": version})

    assert store.version(SILVER_QUARANTINE) == 2
    assert store.transaction(SILVER_QUARANTINE, "stream") == 8
    assert store.read(SILVER_QUARANTINE).count() == 15


def test_delta_refuses_a_batch_that_another_process_commits_meanwhile(store: Store) -> None:
    store.create(SILVER_QUARANTINE)

    def not_yet() -> None:
        """What the log says before the other one commits."""
        store.append(SILVER_QUARANTINE, rows_of_quarantine(store, 3), Txn("stream", 0))

    with pytest.raises(ConcurrentTransactionException):
        append_once(rows_of_quarantine(store, 3), store.path(SILVER_QUARANTINE), "stream", 0, "{}", not_yet)

    assert store.read(SILVER_QUARANTINE).count() == 3


def test_a_row_is_restated_whatever_is_written_in_its_key(store: Store) -> None:
    keys = ["'first", "a \\ b", "{x}", "100 %", "~last's \\"]  # the first and the last stand in the statement
    columns = [(column.name, column.dataType) for column in spark_schema(GOLD_VOYAGE_EMISSIONS)]

    def rows(names: list[str], co2_t: float) -> DataFrame:
        made = {
            "voyage_id": F.col("value"),
            "co2_inside_t": F.lit(co2_t),
            "departed_on": F.lit("2026-01-01"),
            "mmsi": F.lit(1),
        }
        given = store.spark.createDataFrame([(name,) for name in names], "value string")
        return given.select(*(made.get(name, F.lit(None)).cast(kind).alias(name) for name, kind in columns))

    store.create(GOLD_VOYAGE_EMISSIONS)
    store.restate(GOLD_VOYAGE_EMISSIONS, rows(keys, 1.0), rows([], 0.0))
    store.restate(GOLD_VOYAGE_EMISSIONS, rows(keys[:3], 2.0), rows(keys, 0.0))

    found = store.read(GOLD_VOYAGE_EMISSIONS).collect()
    assert sorted((row.voyage_id, row.co2_inside_t) for row in found) == [(key, 2.0) for key in sorted(keys[:3])]
    assert store.spark.catalog.listTables() == []  # no view is left
