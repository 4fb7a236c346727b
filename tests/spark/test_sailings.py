"""Sailings: from the end of one port call to the start of the next, with their miles."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from lakehouse.reference import PORT_SCHEMA
from lakehouse.transforms.port_areas import with_nearest_port
from lakehouse.transforms.port_calls import port_calls
from lakehouse.transforms.sailings import SAILING, sailings

MIDNIGHT = datetime(2024, 3, 2, tzinfo=UTC)
SCHEMA = (
    "segment_id string, mmsi long, observed_at timestamp, lat_deg double, lon_deg double, sog_kn double, nav_status int"
)
MOORED, ANCHORED = 5, 1
DEGREE_NM = 60.107717
"""A degree of longitude at the equator (geographiclib 2.1)."""
Seen = tuple[float, float, float | None]
"""Hours after midnight, degrees east of 179 E along the equator, speed."""


@pytest.fixture(scope="module")
def ports(spark: SparkSession) -> DataFrame:
    """Three ports on the equator, a degree apart: the antimeridian lies between the first and the third."""
    rows = [("1", "XXONE", "One", 0.0, 179.0), ("2", "XXTWO", "Two", 0.0, 180.0), ("3", "XXTRE", "Three", 0.0, -179.0)]
    return spark.createDataFrame(rows, PORT_SCHEMA)


def sailed(ports: DataFrame, *seen: Seen, nav_status: int | None = None) -> list[Row]:
    rows = [
        (
            "a",
            1,
            MIDNIGHT + timedelta(hours=hours),
            0.0,
            (359.0 + east) % 360 - 180,
            None if sog is None else float(sog),
            nav_status,
        )
        for hours, east, sog in seen
    ]
    seen_at_ports = with_nearest_port(ports.sparkSession.createDataFrame(rows, SCHEMA), ports)
    positions = seen_at_ports.withColumn("is_tanker", F.lit(False))
    found = sailings(port_calls(positions), positions).orderBy("departed_at")
    assert tuple(found.columns) == SAILING
    return found.collect()


def at(hours: float) -> datetime:
    return (MIDNIGHT + timedelta(hours=hours)).replace(tzinfo=None)


def passage(start_h: float, from_deg: float, to_deg: float, hours: int) -> list[Seen]:
    step = (to_deg - from_deg) / hours
    return [(start_h + i, from_deg + step * i, 10.0) for i in range(hours + 1)]


def test_a_voyage_over_the_antimeridian_is_as_long_as_the_geodesic_and_passing_a_port_does_not_end_it(
    ports: DataFrame,
) -> None:
    (voyage,) = sailed(ports, (-1, 0, 0), *passage(0, 0, 2, 12), (13, 2, 0))

    assert (voyage.from_locode, voyage.to_locode, voyage.is_open) == ("XXONE", "XXTRE", False)
    assert (voyage.departed_at, voyage.arrived_at, voyage.duration_hours) == (at(0), at(12), 12.0)
    assert voyage.distance_nm == pytest.approx(2 * DEGREE_NM, rel=2e-5)
    assert (voyage.observed_share, voyage.interpolated_share, voyage.position_count) == (1.0, 0.0, 12)


def test_each_mile_belongs_to_one_voyage_and_those_between_rim_and_berth_to_the_log_only(ports: DataFrame) -> None:
    way = [(0, 0, 0), (1, 0, 0), (2, 0.02, 5), (3, 0.5, 10), (4, 0.98, 5), (5, 1, 0), (6, 1.01, 3), (7, 1, 0)]

    first, second = sailed(ports, *way, (8, 0.98, 5), (9, 0.5, 10), (10, 0.02, 5), (11, 0, 0))

    for voyage in (first, second):
        assert voyage.distance_nm == pytest.approx(0.96 * DEGREE_NM, rel=2e-5)
        assert voyage.berth_to_berth_nm == pytest.approx(DEGREE_NM, rel=2e-5)
    assert (first.sailing_id, first.arrived_at, second.departed_at) == (
        f"a-{int(MIDNIGHT.timestamp()) + 7_200}",
        at(4),
        at(8),
    )


def test_a_ship_at_anchor_off_the_port_adds_no_phantom_miles_but_a_drift_over_hours_does(ports: DataFrame) -> None:
    waiting = [(3 + i / 10, 0.5 + 0.0005 * (i % 2), 0.1 if i % 3 else None) for i in range(1, 40) if i % 3]
    drifted = (10, 0.6, 0.1)

    (voyage,) = sailed(ports, (0, 0, 0), (3, 0.5, 0.0), *waiting, drifted, (11, 1, 0))

    assert voyage.distance_nm == pytest.approx(DEGREE_NM, rel=1e-3)


def test_the_voyage_under_way_is_open_and_counts_its_miles_so_far(ports: DataFrame) -> None:
    (voyage,) = sailed(ports, (-1, 0, 0), *passage(0, 0, 0.5, 5))

    assert (voyage.is_open, voyage.to_locode, voyage.arrived_at, voyage.duration_hours) == (True, None, None, None)
    assert voyage.distance_nm == pytest.approx(DEGREE_NM / 2, rel=2e-5)


@pytest.mark.parametrize(("nav_status", "ends"), [(MOORED, [at(4), at(10)]), (None, [at(4), at(10)]), (ANCHORED, [])])
def test_a_ship_that_only_anchors_near_a_port_goes_on_with_its_voyage(
    ports: DataFrame, nav_status: int | None, ends: list[datetime]
) -> None:
    way = [(0, 0, 0), (1, 0, 0), (2, 0.02, 5), (3, 0.5, 10), (4, 0.98, 5), (5, 1, 0), (6, 1.01, 3), (7, 1, 0)]

    found = sailed(ports, *way, (8, 1.02, 5), (9, 1.5, 10), (10, 1.98, 5), (11, 2, 0), nav_status=nav_status)

    assert [voyage.arrived_at for voyage in found if voyage.arrived_at] == ends


def test_what_was_not_observed_is_told_by_hours_and_by_miles(ports: DataFrame) -> None:
    (voyage,) = sailed(ports, (0, 0, 0), (0.5, 0.1, 10), (1, 0.2, 10), (4, 0.8, 10), (5, 1, 0))

    assert voyage.observed_share == pytest.approx(2 / 5)
    assert voyage.interpolated_share == pytest.approx(0.6, rel=1e-4)


def test_the_hours_of_a_voyage_by_phase_add_up_to_its_duration(ports: DataFrame) -> None:
    way = [(0, 0.03, 4), (1, 0.2, 10), (2, 0.4, 2), (7, 0.4, 10), (8, 0.98, 5)]

    (voyage,) = sailed(ports, (-1, 0, 0), *way, (9, 1, 0))

    hours = [voyage[f"{name}_hours"] for name in ("manoeuvring", "sea", "anchored", "berth", "unknown")]
    assert (hours, voyage.duration_hours) == ([1.0, 2.0, 2.0, 0.0, 3.0], 8.0)


def test_what_lies_before_the_first_call_is_no_voyage(ports: DataFrame) -> None:
    assert sailed(ports, *passage(0, 0.5, 1, 5), (6, 1, 0)) == []
