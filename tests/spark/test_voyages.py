"""Voyages against their schedule, and the rolling share of a route."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from contracts.tables import SILVER_VOYAGES
from lakehouse.schema import spark_schema
from lakehouse.transforms.voyages import route_performance, voyage_analytics

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def voyage(voyage_id: str, departed_at: datetime | None, **changes: object) -> dict[str, Any]:
    """A voyage of 24 hours and 240 nm that arrives on time, unless it is told otherwise."""
    arrives = departed_at and departed_at + timedelta(hours=24)
    return {
        **dict.fromkeys(SILVER_VOYAGES.columns),
        "voyage_id": voyage_id,
        "mmsi": 230_000_001,
        "route_id": "FIHEL-SESTO",
        "departed_at": departed_at,
        "departed_on": departed_at and departed_at.date(),
        "arrived_at": arrives,
        "scheduled_arrival_at": arrives,
        "status": "arrived",
        "distance_nm": 240.0,
        "source": "twin",
        **changes,
    }


def late(voyage_id: str, departed_at: datetime) -> dict[str, Any]:
    return voyage(voyage_id, departed_at, scheduled_arrival_at=departed_at + timedelta(hours=20))


def frame(spark: SparkSession, *voyages: dict[str, Any]) -> DataFrame:
    rows = [tuple(v[name] for name in SILVER_VOYAGES.columns) for v in voyages]
    return spark.createDataFrame(rows, spark_schema(SILVER_VOYAGES))


def measured(spark: SparkSession, *voyages: dict[str, Any]) -> dict[str, Row]:
    return {row.voyage_id: row for row in voyage_analytics(frame(spark, *voyages)).collect()}


def test_a_late_arrival_is_delayed_by_the_hours_after_its_schedule(spark: SparkSession) -> None:
    row = measured(spark, late("v", NOON))["v"]

    assert (row.duration_hours, row.delay_hours, row.is_delayed, row.mean_speed_kn) == (24.0, 4.0, True, 10.0)


@pytest.mark.parametrize(("early_minutes", "is_delayed"), [(90, False), (0, False), (-1, True)])
def test_a_voyage_is_late_without_any_tolerance_and_never_has_a_negative_delay(
    spark: SparkSession, early_minutes: int, is_delayed: bool
) -> None:
    schedule = NOON + timedelta(hours=24, minutes=early_minutes)
    row = measured(spark, voyage("v", NOON, scheduled_arrival_at=schedule))["v"]

    assert row.is_delayed is is_delayed
    assert row.delay_hours == pytest.approx(max(0, -early_minutes / 60))


def test_the_seven_days_of_a_route_are_calendar_days_and_not_rows(spark: SparkSession) -> None:
    many = [late(f"late-{hour}", NOON + timedelta(hours=hour)) for hour in range(10)]
    rows = measured(
        spark,
        *many,  # ten on one day: a window of seven rows would see seven of them
        voyage("six-days-on", NOON + timedelta(days=6)),
        voyage("seven-days-on", NOON + timedelta(days=7)),
    )

    assert (rows["late-0"].route_voyages_7d, rows["late-0"].route_delayed_share_7d) == (10, 1.0)
    assert (rows["six-days-on"].route_voyages_7d, rows["six-days-on"].route_delayed_share_7d) == (11, 10 / 11)
    assert (rows["seven-days-on"].route_voyages_7d, rows["seven-days-on"].route_delayed_share_7d) == (2, 0.0)


def test_the_seven_days_are_those_of_departure_and_of_the_same_route(spark: SparkSession) -> None:
    rows = measured(
        spark,
        late("slow", NOON - timedelta(days=20)) | {"arrived_at": NOON},
        late("elsewhere", NOON) | {"route_id": "FIHEL-DEHAM"},
        voyage("v", NOON),
    )

    assert (rows["v"].route_voyages_7d, rows["v"].route_delayed_share_7d) == (1, 0.0)


def test_what_only_an_arrival_tells_is_null_before_it_and_is_not_judged(spark: SparkSession) -> None:
    rows = measured(
        spark,
        voyage("under way", NOON, arrived_at=None, status="in_progress", distance_nm=None),
        voyage("cancelled", NOON, arrived_at=None, status="cancelled"),
        voyage("unscheduled", NOON, scheduled_arrival_at=None),
        voyage("contradictory", NOON, arrived_at=NOON - timedelta(hours=1)),
        voyage("not departed", None, status="scheduled"),
    )

    for name in ("under way", "cancelled"):
        assert (rows[name].duration_hours, rows[name].is_delayed, rows[name].delay_hours) == (None, None, None)
        assert rows[name].mean_speed_kn is None
    assert (rows["unscheduled"].is_delayed, rows["unscheduled"].delay_hours) == (None, None)
    assert (rows["contradictory"].duration_hours, rows["contradictory"].mean_speed_kn) == (None, None)
    assert rows["under way"].route_voyages_7d == 1  # the contradictory one has both instants
    assert "not departed" not in rows


def test_a_route_is_summed_up_over_the_period(spark: SparkSession) -> None:
    voyages = frame(
        spark,
        late("late", NOON),
        voyage("on time", NOON, distance_nm=480.0, source="ais"),
        voyage("under way", NOON, arrived_at=None, distance_nm=None),
    )

    route = route_performance(voyage_analytics(voyages), date(2024, 3, 1), date(2024, 3, 31)).first()

    assert route is not None
    assert (route.start_on, route.end_on) == (date(2024, 3, 1), date(2024, 3, 31))
    assert (route.voyages, route.arrived_voyages, route.delayed_voyages) == (3, 2, 1)
    assert (route.delayed_share, route.mean_delay_hours, route.mean_duration_hours) == (0.5, 2.0, 24.0)
    assert (route.distance_nm, route.mean_speed_kn) == (720.0, 15.0)
    assert route.source == "ais, twin"
