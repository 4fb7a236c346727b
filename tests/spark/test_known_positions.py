"""Repeats are told from what the position stream remembers; what it does not remember, from the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.settings import Settings
from contracts.tables import SILVER_POSITIONS, Table
from contracts.topics import AIS
from lakehouse import known_positions, ledger, silver, tracking
from lakehouse.batch_facts import Bucket, batch_facts
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store

AIS_FLOW = SILVER_FLOWS[0]
START_MS = 1_700_000_000_000
MINUTE_MS = 60_000
Make = Callable[..., dict[str, Any]]
Land = Callable[..., None]
Reports = Callable[[int, int], list[dict[str, Any]]]


@pytest.fixture
def one_by_one(settings: Settings) -> Settings:
    """Settings under which what was landed at once is a batch of its own."""
    return settings.model_copy(update={"batch_max_bytes": "1b"})


@pytest.fixture
def land(store: Store, land_in: Callable[[Store], Land]) -> Land:
    """Append events to Bronze, each time as one file."""

    class OneFile:
        create = staticmethod(store.create)

        def append(self, table: Table, rows: DataFrame) -> None:
            store.append(table, rows.coalesce(1))

    return land_in(cast("Store", OneFile()))


@pytest.fixture
def reports(position: Make) -> Reports:
    """A report a minute from each of two ships, from one minute to another."""

    def sail(first: int, last: int) -> list[dict[str, Any]]:
        return [
            position(mmsi=mmsi, observed_at_ms=START_MS + n * MINUTE_MS, lat_deg=37.8 + n / 300)
            for n in range(first, last)
            for mmsi in (366053209, 366053210)
        ]

    return sail


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of each batch for which the table was asked."""
    numbers: list[int] = []
    look = known_positions._in_table

    def noted(store: Store, batch: Any, *more: Any) -> Any:
        numbers.append(batch.batch_id)
        return look(store, batch, *more)

    monkeypatch.setattr(known_positions, "_in_table", noted)
    return numbers


def outcomes(settings: Settings) -> list[tuple[int, int]]:
    """Accepted and duplicate by batch, in the order of the ledger."""
    return [(row["rows_accepted"], row["rows_duplicate"]) for row in ledger.entries(settings.lake, "silver.ais")]


def test_a_repeat_of_late_is_told_without_a_look_at_the_table(
    store: Store, one_by_one: Settings, land: Land, reports: Reports, asked: list[int]
) -> None:
    for first, last in ((0, 10), (10, 20), (20, 30), (20, 30), (16, 35)):
        land(AIS, reports(first, last))

    run_flows([AIS_FLOW], one_by_one, once=True)

    assert outcomes(one_by_one) == [(20, 0), (20, 0), (20, 0), (0, 20), (10, 28)]
    assert asked == [0, 1]  # the second begins to remember at its middle
    assert store.read(SILVER_POSITIONS).count() == 70


def test_a_repeat_from_before_all_that_is_remembered_is_found_in_the_table(
    store: Store, one_by_one: Settings, land: Land, reports: Reports, asked: list[int]
) -> None:
    for first, last in ((0, 10), (10, 20), (20, 30), (0, 30), (30, 40)):
        land(AIS, reports(first, last))

    run_flows([AIS_FLOW], one_by_one, once=True)

    assert outcomes(one_by_one) == [(20, 0), (20, 0), (20, 0), (0, 60), (20, 0)]
    assert asked == [0, 1, 3]
    assert store.read(SILVER_POSITIONS).count() == 80


def test_where_the_table_holds_too_much_to_be_remembered_it_is_asked_for_each_batch(
    one_by_one: Settings, land: Land, reports: Reports, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_positions, "MOST", 3)
    for first, last in ((100, 110), (10, 20), (12, 22), (100, 110)):
        land(AIS, reports(first, last))

    run_flows([AIS_FLOW], one_by_one, once=True)

    assert outcomes(one_by_one) == [(20, 0), (20, 0), (4, 16), (0, 20)]
    assert asked == [0, 1, 2, 3]


def test_repeats_are_told_after_a_restart_and_in_a_batch_that_is_done_again(
    store: Store, one_by_one: Settings, land: Land, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    for first, last in ((0, 10), (10, 20), (15, 30)):
        land(AIS, reports(first, last))
    with monkeypatch.context() as killed:
        write = tracking.remember

        def die(store: Store, batch: Any, *more: Any) -> dict[str, int]:
            if batch.batch_id == 2:
                raise RuntimeError("killed after its rows were written")
            return write(store, batch, *more)

        killed.setattr(silver, "remember", die)
        with pytest.raises(Exception, match="killed after"):
            run_flows([AIS_FLOW], one_by_one, once=True)
    assert store.read(SILVER_POSITIONS).count() == 60
    land(AIS, reports(25, 31))

    run_flows([AIS_FLOW], one_by_one, once=True)

    assert outcomes(one_by_one) == [(20, 0), (20, 0), (20, 10), (2, 10)]
    assert store.read(SILVER_POSITIONS).count() == 62


def test_a_batch_is_counted_as_spark_would_count_it(store: Store) -> None:
    columns = (
        "kafka_topic string, kafka_partition int, kafka_offset long, source string, event_type string, "
        "observed_at_ms long, rule string, identity_id string, mmsi long"
    )
    rows = [
        ("t", n % 3, n, None if n % 7 == 0 else f"s{n % 2}", None if n % 11 == 0 else "position",
         None if n % 5 == 0 else (n % 4 - 1) * 400_000 + n, "broken" if n % 6 == 0 else None,
         "who" if n % 4 == 0 else None, n)
        for n in range(500)
    ]  # fmt: skip
    judged = store.spark.createDataFrame(rows, columns)

    facts = batch_facts(judged, ["mmsi"])

    by_spark = (
        judged.withColumns({"is_lawful": F.col("rule").isNull(), "bucket": F.expr("observed_at_ms div 600000")})
        .groupBy("kafka_topic", "kafka_partition", "source", "event_type", "is_lawful", "bucket")
        .agg(
            F.count(F.lit(1)), F.count("identity_id"), F.min("kafka_offset"), F.max("kafka_offset"),
            F.min("observed_at_ms"), F.max("observed_at_ms"),
        )
    )  # fmt: skip
    assert set(facts.buckets) == {Bucket(*row) for row in by_spark.collect()}
    assert facts.rows is not None
    assert sorted(facts.rows["mmsi"].to_pylist()) == [n for n in range(500) if n % 6]
    assert batch_facts(judged).rows is None
