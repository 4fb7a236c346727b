"""Rows by which two versions differ: where that cannot be told. What differs is tested on Spark."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from contracts.tables import SILVER_SHIP_REGISTER
from lakehouse.differences import differing
from lakehouse.store import Store
from lakehouse.upkeep import log

KEY = ["imo_number"]


class Reached(Exception):  # noqa: N818
    """What is asked of Spark would be read."""


class Reader:
    """Stands for Spark, which must be asked only where every file is there."""

    def __getattr__(self, name: str) -> object:
        raise Reached(name)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A register of two versions, each with a file of its own."""
    store = Store(cast(SparkSession, Reader()), str(tmp_path))
    for imo_number in (9074729, 9319466):
        rows = pa.table({"imo_number": pa.array([imo_number], pa.int64())})
        write_deltalake(store.path(SILVER_SHIP_REGISTER), rows, mode="overwrite")
    return store


def test_versions_whose_files_are_there_are_read(store: Store) -> None:
    with pytest.raises(Reached, match="read"):
        differing(store, SILVER_SHIP_REGISTER, 0, 1, KEY, KEY)


def test_versions_whose_files_are_gone_cannot_be_compared(store: Store) -> None:
    path = store.path(SILVER_SHIP_REGISTER)
    log.delete(path, sorted(log.snapshot_files(path, 0) - log.snapshot_files(path, 1)))

    assert differing(store, SILVER_SHIP_REGISTER, 0, 1, KEY, KEY) is None


def test_versions_that_the_log_no_longer_tells_of_cannot_be_compared(store: Store) -> None:
    path = store.path(SILVER_SHIP_REGISTER)
    DeltaTable(path).create_checkpoint()
    log.delete(path, [f"_delta_log/{0:020d}.json"])

    assert differing(store, SILVER_SHIP_REGISTER, 0, 1, KEY, KEY) is None
