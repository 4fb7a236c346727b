"""From positions to intervals that fuel can be modelled of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from contracts.regulation.emission_control_areas import control_areas
from contracts.tables import GOLD_TRACK_FUEL, SILVER_EMISSIONS, Table
from lakehouse.schema import spark_schema
from lakehouse.transforms.fuel_days import fuel_days, shared_days
from lakehouse.transforms.track_intervals import track_intervals

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
SCHEMA = (
    "segment_id string, mmsi long, observed_at timestamp, lat_deg double, lon_deg double, sog_kn double,"
    " source string, is_tanker boolean, port_km double"
)


def intervals(spark: SparkSession, *track: dict[str, Any]) -> list[Row]:
    """Of a track that is given by minutes after noon."""
    names = [column.split()[0] for column in SCHEMA.split(",")]
    given = {"segment_id": "1", "mmsi": 1, "lat_deg": 30.0, "source": "noaa", "is_tanker": False}
    rows = [{**given, "observed_at": NOON + timedelta(minutes=point.pop("minute")), **point} for point in track]
    frame = spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], SCHEMA)
    return track_intervals(frame, control_areas(), 60).orderBy("started_at").collect()


def test_an_interval_is_the_way_from_a_position_to_the_next(spark: SparkSession) -> None:
    first, second = intervals(
        spark,
        {"minute": 0, "lon_deg": 32.0, "sog_kn": 10.0},
        {"minute": 30, "lon_deg": 32.1, "sog_kn": 12.0},
        {"minute": 150, "lon_deg": 32.6, "sog_kn": 14.0},
    )

    assert (first.interval_h, first.sog_kn, first.phase) == (0.5, 11.0, "sea")
    assert first.distance_nm == pytest.approx(5.21, rel=1e-3)
    assert second.interval_h == 2.0
    assert second.sog_kn == pytest.approx(second.distance_nm / 2)  # two hours: what it said tells little of the way


def test_a_ship_that_lies_still_sails_nothing_by_its_receivers_jitter(spark: SparkSession) -> None:
    (lying,) = intervals(
        spark,
        {"minute": 0, "lon_deg": 32.0, "sog_kn": 0.1, "port_km": 1.0},
        {"minute": 3, "lon_deg": 32.0005, "sog_kn": 0.0, "port_km": 1.0},
    )

    assert (lying.distance_nm, lying.phase) == (0.0, "berth")


def test_a_leg_that_no_ship_can_sail_is_none(spark: SparkSession) -> None:
    assert intervals(spark, {"minute": 0, "lon_deg": 32.0}, {"minute": 10, "lon_deg": 52.0}) == []


def test_a_position_in_a_control_area_says_so(spark: SparkSession) -> None:
    (at_sea,) = intervals(
        spark,
        {"minute": 0, "lat_deg": 54.0, "lon_deg": 3.0, "sog_kn": 10.0},
        {"minute": 6, "lat_deg": 54.0, "lon_deg": 3.03, "sog_kn": 10.0},
    )

    assert at_sea.is_in_eca is True


def days(spark: SparkSession, table: Table, *days: dict[str, Any]) -> DataFrame:
    given = {"reported_on": date(2024, 3, 1), "method": "modelled", "quality": "high", "source": "twin"}
    rows = [tuple({**given, **day}.get(name) for name in table.columns) for day in days]
    return spark.createDataFrame(rows, spark_schema(table))


def test_a_day_is_modelled_only_where_none_was_reported_under_the_mmsi_or_by_the_ship(spark: SparkSession) -> None:
    reported = days(spark, SILVER_EMISSIONS, {"mmsi": 1, "method": "reported"},
                    {"mmsi": 2, "imo_number": 9074729, "method": "reported"})  # fmt: skip
    modelled = days(spark, GOLD_TRACK_FUEL, {"track_id": "1", "mmsi": 1}, {"track_id": "3", "mmsi": 3},
                    {"track_id": "4", "mmsi": 4, "imo_number": 9074729})  # fmt: skip
    found = fuel_days(reported, modelled).collect()

    assert {row.mmsi: row.method for row in found} == {1: "reported", 2: "reported", 3: "modelled"}


def test_a_day_of_two_ships_under_one_mmsi_is_told_of_neither_and_counted(spark: SparkSession) -> None:
    two = [{"track_id": name, "mmsi": 1} for name in ("a", "b")]
    another_day = {"track_id": "a", "mmsi": 1, "reported_on": date(2024, 3, 2)}
    modelled = days(spark, GOLD_TRACK_FUEL, *two, another_day)
    found = fuel_days(days(spark, SILVER_EMISSIONS), modelled).collect()

    assert [row.reported_on for row in found] == [date(2024, 3, 2)]
    assert shared_days(modelled).count() == 1
