"""Gaps, encounters and loitering: what positions tell, and no more than they tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from lakehouse.reference import PORT_SCHEMA
from lakehouse.transforms.encounters import encounters
from lakehouse.transforms.gaps import gaps, open_gaps, positions_before
from lakehouse.transforms.loitering import loitering, with_far_ports

MIDNIGHT = datetime(2024, 3, 2, tzinfo=UTC)
SCHEMA = (
    "segment_id string, mmsi long, observed_at timestamp, lat_deg double, lon_deg double, sog_kn double, "
    "port_km double"
)  # fmt: skip
Report = tuple[str, int, datetime, float, float, float | None, float | None]


def report(
    hours: float, lon: float = 0.0, sog: float | None = 1.0, km: float | None = None, ship: str = "a", mmsi: int = 1
) -> Report:
    return ship, mmsi, MIDNIGHT + timedelta(hours=hours), 0.0, (lon + 180.0) % 360 - 180, sog and float(sog), km


def at(hours: float) -> datetime:
    return (MIDNIGHT + timedelta(hours=hours)).replace(tzinfo=None)


def frame(spark: SparkSession, rows: list[Report]) -> DataFrame:
    return spark.createDataFrame(rows, SCHEMA)


def found_gaps(spark: SparkSession, rows: list[Report]) -> list[Row]:
    return gaps(frame(spark, rows)).orderBy("started_at").collect()


def test_a_gap_has_both_ends_the_way_between_them_and_how_well_the_ship_was_heard_before(spark: SparkSession) -> None:
    heard = [report(h, 179.5) for h in (-13, -12, -1, 0)]

    (gap,) = found_gaps(spark, [*heard, report(12, 180.5), report(23.9, 181)])

    assert (gap.started_at, gap.ended_at, gap.duration_hours, gap.is_open) == (at(0), at(12), 12.0, False)
    assert (gap.start_lon_deg, gap.end_lon_deg, gap.positions_before) == (179.5, -179.5, 3)
    assert gap.distance_nm == pytest.approx(60.1077, rel=2e-5)
    assert gap.implied_speed_kn == pytest.approx(60.1077 / 12, rel=2e-5)


def test_an_open_gap_lasts_as_long_as_the_feeds_were_read_and_is_closed_under_the_same_id(spark: SparkSession) -> None:
    heard = [("a", 1, MIDNIGHT, 0.0, 10.0, 3, MIDNIGHT + timedelta(hours=14)),
             ("b", 1, MIDNIGHT + timedelta(hours=2.1), 0.0, 10.0, 3, MIDNIGHT + timedelta(hours=14)),
             ("c", 1, MIDNIGHT, 0.0, 10.0, 3, None)]  # fmt: skip
    known = "segment_id string, mmsi long, heard_at timestamp, heard_lat_deg double, heard_lon_deg double, "
    frame_heard = spark.createDataFrame(heard, known + "positions_before long, complete_until timestamp")

    (gap,) = open_gaps(frame_heard).collect()
    (closed,) = found_gaps(spark, [report(0), report(14)])

    assert (gap.is_open, gap.duration_hours, gap.ended_at, gap.distance_nm) == (True, 14.0, None, None)
    assert (closed.is_open, closed.duration_hours, closed.gap_id) == (False, 14.0, gap.gap_id)


def test_how_well_a_ship_was_heard_is_counted_over_the_twelve_hours_up_to_its_last_position(
    spark: SparkSession,
) -> None:
    (one,) = positions_before(frame(spark, [report(h) for h in (-13, -12, -11, 0)])).collect()

    assert (one.segment_id, one.positions_before) == ("a", 3)


def pair(name: str, lon: float, *, hours: float = 2.5, apart_deg: float = 0.003, sog: float = 1.0,
         km: float | None = None, mmsi: int = 2, start_h: float = 0) -> list[Report]:  # fmt: skip
    """Two ships beside each other, one reporting every 7 minutes and the other every 12."""
    one = [report(start_h + i * 7 / 60, lon, sog, km, f"{name} 1") for i in range(int(hours * 60 / 7) + 2)]
    beside = lon + apart_deg
    return one + [report(start_h + i / 5, beside, sog, km, f"{name} 2", mmsi) for i in range(int(hours * 5) + 2)]


def test_two_slow_ships_side_by_side_for_two_hours_meet_away_from_ports_and_no_others_do(spark: SparkSession) -> None:
    pairs = [
        pair("at the antimeridian", 179.999),
        pair("600 m apart", 10, apart_deg=0.0054),
        pair("under two hours", 20, hours=1.8),
        pair("fast", 30, sog=2.5),
        pair("near a port", 40, km=9.0),
        pair("one and the same vessel", 50, mmsi=1),
        pair("again", 60),
        pair("again", 60, start_h=9),
    ]

    found = encounters(frame(spark, [each for rows in pairs for each in rows])).orderBy("encounter_id").collect()

    assert [met.segment_id_1 for met in found] == ["again 1", "again 1", "at the antimeridian 1"]
    met = found[-1]
    assert (met.mmsi_1, met.segment_id_2, met.mmsi_2) == (1, "at the antimeridian 2", 2)
    assert (met.started_at, met.ended_at) == (at(1 / 6), at(2 + 1 / 2))
    assert met.median_distance_km == pytest.approx(0.334, abs=0.001)
    assert (met.median_speed_kn, met.lon_deg) == (1.0, pytest.approx(179.999))


def test_a_ship_that_is_slow_for_four_hours_far_from_ports_loiters(spark: SparkSession) -> None:
    slow = [report(h / 2, 10 + h / 100, 1.5, None if h else 60.0) for h in range(9)]

    (stay,) = loitering(frame(spark, [report(-1, 9, 12), *slow, report(5, 11, 12)])).collect()

    assert (stay.started_at, stay.ended_at, stay.duration_hours) == (at(0), at(4), 4.0)
    assert (stay.avg_speed_kn, stay.position_count, stay.lon_deg) == (1.5, 9, 10.0)
    assert stay.nearest_port_nm == pytest.approx(60 / 1.852)


def test_a_fast_moment_a_long_silence_or_a_port_within_twenty_miles_ends_it(spark: SparkSession) -> None:
    fast = [report(h / 2, sog=3.0 if h == 5 else 1.0) for h in range(13)]
    silent = [report(h, ship="b") for h in (0, 1, 2, 3, 7.5, 8.5, 9.5)]
    near = [report(h, km=37.0, ship="c") for h in range(6)]

    assert loitering(frame(spark, [*fast, *silent, *near])).collect() == []


def test_far_ports_are_looked_for_where_a_ship_is_slow_and_none_is_near(spark: SparkSession) -> None:
    ports = spark.createDataFrame([("1", "XXONE", "One", 0.25, 0.0)], PORT_SCHEMA)
    names = {name: F.lit(None).cast("string") for name in ("wpi_number", "locode", "port_name")}
    rows = frame(spark, [report(0, sog=1.0), report(1, sog=9.0), report(2, sog=1.0, km=5.0), report(3, 1.0, sog=1.0)])

    found = with_far_ports(rows.withColumns(names), ports).orderBy("observed_at").collect()

    assert [row.port_km for row in found] == [pytest.approx(27.644, abs=0.01), None, 5.0, None]
