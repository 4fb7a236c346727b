"""Declared voyages beside sailings: which belong together, and what nobody declared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from contracts.tables import GOLD_SAILINGS, GOLD_VOYAGE_ANALYTICS, SILVER_VOYAGES, Table
from lakehouse.schema import spark_schema
from lakehouse.transforms.voyages import route_performance, voyage_analytics

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def at(hours: float | None) -> datetime | None:
    return None if hours is None else NOON + timedelta(hours=hours)


def voyage(name: str, start: float, end: float | None, **changes: object) -> dict[str, Any]:
    departed = NOON + timedelta(hours=start)
    return {
        "voyage_id": name, "mmsi": 1, "from_locode": "FIHEL", "to_locode": "SESTO", "route_id": "FIHEL-SESTO",
        "departed_at": departed, "departed_on": departed.date(), "arrived_at": at(end), "distance_nm": 240.0,
        "status": "in_progress" if end is None else "arrived", "source": "operator", **changes,
    }  # fmt: skip


def sailing(name: str, start: float, end: float | None, **changes: object) -> dict[str, Any]:
    departed = NOON + timedelta(hours=start)
    return {
        "sailing_id": name, "track_id": "t", "mmsi": 1, "from_locode": "FIHEL", "to_locode": end and "SESTO",
        "route_id": end and "FIHEL-SESTO", "departed_at": departed, "departed_on": departed.date(),
        "arrived_at": at(end), "distance_nm": 230.0, "berth_to_berth_nm": 238.0, "observed_share": 0.9,
        "interpolated_share": 0.1, "sea_hours": 20.0, "unknown_hours": 1.0, "is_open": end is None, "source": "noaa",
        **changes,
    }  # fmt: skip


def frame(spark: SparkSession, table: Table, rows: list[dict[str, Any]]) -> DataFrame:
    return spark.createDataFrame([tuple(r.get(n) for n in table.columns) for r in rows], spark_schema(table))


def told(spark: SparkSession, voyages: list[dict[str, Any]], sailings: list[dict[str, Any]]) -> dict[str, Row]:
    found = voyage_analytics(frame(spark, SILVER_VOYAGES, voyages), frame(spark, GOLD_SAILINGS, sailings))
    assert found.columns == GOLD_VOYAGE_ANALYTICS.columns
    rows = found.collect()
    assert len({row.voyage_id for row in rows}) == len(rows)
    return {row.voyage_id: row for row in rows}


def test_a_declared_voyage_stands_beside_what_its_ship_sailed(spark: SparkSession) -> None:
    rows = told(spark, [voyage("v", 0, 24)], [sailing("s", 1, 23)])

    row = rows["v"]
    assert list(rows) == ["v"]
    assert (row.basis, row.sailing_id, row.source) == ("declared_and_sailed", "s", "operator")
    assert (row.departed_at.hour, row.sailed_departed_at.hour, row.sailed_arrived_at.hour) == (12, 13, 11)
    assert (row.distance_nm, row.sailed_distance_nm, row.mean_speed_kn) == (240.0, 238.0, 10.0)
    assert (row.observed_share, row.interpolated_share, row.sea_hours, row.unknown_hours) == (0.9, 0.1, 20.0, 1.0)


def test_what_nobody_declared_is_a_voyage_too_and_is_not_judged(spark: SparkSession) -> None:
    sailings = [sailing("s", 30, 50), sailing("open", 60, None), sailing("2", 1, 9, mmsi=2)]

    rows = told(spark, [voyage("v", 0, 24)], sailings)

    assert {name: row.basis for name, row in rows.items()} == {
        "v": "declared", "s": "sailed", "open": "sailed", "2": "sailed",
    }  # fmt: skip
    s, still_open = rows["s"], rows["open"]
    assert (s.route_id, s.status, s.distance_nm, s.duration_hours, s.source) == (
        "FIHEL-SESTO", "arrived", 230.0, 20.0, "noaa",
    )  # fmt: skip
    assert (s.schedule_status, s.is_delayed, s.imo_number) == (None, None, None)
    assert (still_open.status, still_open.schedule_status) == ("in_progress", "in_progress")
    assert still_open.arrived_at is None


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"to_locode": None}, True),
        ({"from_locode": None}, True),
        ({"mmsi": 2}, False),
        ({"to_locode": "DEHAM"}, False),
        ({"from_locode": "DEHAM"}, False),
        ({"departed_at": at(24), "arrived_at": at(40)}, False),
    ],
    ids=["both ports", "from only", "to only", "another ship", "another end", "another start", "another time"],
)
def test_it_fits_by_ship_and_time_and_where_no_port_says_otherwise(
    spark: SparkSession, changes: dict[str, Any], fits: bool
) -> None:
    rows = told(spark, [voyage("v", 0, 24)], [sailing("s", 1, 23, **changes)])

    assert (rows["v"].sailing_id == "s") is fits


def test_of_several_each_has_the_nearest_and_none_is_taken_twice(spark: SparkSession) -> None:
    to_and_fro = {"from_locode": None, "to_locode": None, "route_id": None}
    voyages = [voyage("first", 0, 24), voyage("second", 25, 60)]

    rows = told(spark, voyages, [sailing("a", 1, 26, **to_and_fro), sailing("b", 27, 59, **to_and_fro)])

    assert {name: row.sailing_id for name, row in rows.items()} == {"first": "a", "second": "b"}


def test_a_leg_of_a_declared_voyage_is_not_counted_again_as_one_that_nobody_declared(spark: SparkSession) -> None:
    legs = [sailing("one", 1, 12, to_locode="EETLL"), sailing("two", 13, 23, from_locode="EETLL")]

    assert list(told(spark, [voyage("v", 0, 24)], legs)) == ["v"]


def test_a_voyage_whose_arrival_nobody_told_lasts_until_the_next_departure(spark: SparkSession) -> None:
    voyages = [voyage("lost", 0, None), voyage("next", 100, 124), voyage("off", 200, None, status="cancelled")]

    rows = told(spark, voyages, [sailing("s", 130, 150), sailing("after", 210, 230)])

    assert {name for name, row in rows.items() if row.basis == "sailed"} == {"s", "after"}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"scheduled_arrival_at": at(24)}, "on_time"),
        ({"scheduled_arrival_at": at(23)}, "delayed"),
        ({"status": "cancelled", "arrived_at": None}, "cancelled"),
        ({"status": "in_progress", "arrived_at": None}, "in_progress"),
        ({}, None),
    ],
)
def test_a_voyage_is_on_time_delayed_cancelled_or_in_progress(
    spark: SparkSession, changes: dict[str, Any], status: str | None
) -> None:
    row = voyage_analytics(frame(spark, SILVER_VOYAGES, [voyage("v", 0, 24, **changes)])).first()

    assert row is not None
    assert (row.schedule_status, row.basis) == (status, "declared")


def test_a_voyage_without_a_known_end_is_in_no_route(spark: SparkSession) -> None:
    found = voyage_analytics(frame(spark, SILVER_VOYAGES, []), frame(spark, GOLD_SAILINGS, [sailing("s", 0, None)]))

    assert found.count() == 1
    assert route_performance(found, NOON.date(), NOON.date()).collect() == []
