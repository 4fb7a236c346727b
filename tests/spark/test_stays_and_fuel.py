"""Port stays and fuel per mile of the voyage report."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from contracts.tables import GOLD_PORT_CALLS, GOLD_VOYAGE_ANALYTICS, SILVER_EMISSIONS, Table
from lakehouse.schema import spark_schema
from lakehouse.transforms.port_stays import port_stays
from lakehouse.transforms.voyage_fuel import fuel_by_route

MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)


def frame(spark: SparkSession, table: Table, rows: list[dict[str, Any]]) -> DataFrame:
    return spark.createDataFrame([tuple(r.get(n) for n in table.columns) for r in rows], spark_schema(table))


def call(name: str, hours: float, **changes: object) -> dict[str, Any]:
    return {
        "port_call_id": name, "track_id": name[0], "wpi_number": "1", "port_name": "One", "arrived_at": MIDNIGHT,
        "departed_at": MIDNIGHT + timedelta(hours=hours), "stopped_hours": hours - 1.0, "has_entry": True,
        "has_gap": False, "is_open": False, "is_at_anchor": False, "confidence": 4, "source": "noaa", **changes,
    }  # fmt: skip


def test_a_stay_is_told_by_calls_that_were_seen_from_beginning_to_end(spark: SparkSession) -> None:
    rows = [
        call("a1", 10), call("a2", 12, source="noaa, twin"), call("b1", 90, has_gap=True),
        call("c1", 500, is_open=True), call("c2", 500, has_entry=False), call("c3", 500, is_at_anchor=True),
        call("c4", 500, confidence=1), call("d1", 5, wpi_number="2"),
    ]  # fmt: skip

    one, two = port_stays(frame(spark, GOLD_PORT_CALLS, rows)).orderBy("wpi_number").collect()

    assert (one.calls, one.vessels, one.median_hours, one.median_stopped_hours) == (3, 2, 12.0, 11.0)
    assert (one.calls_with_gap, one.source) == (1, "noaa, twin")
    assert (two.calls, two.median_hours) == (1, 5.0)


def day(number: int, fuel_t: float | None, nm: float | None, **changes: object) -> dict[str, Any]:
    on = date(2024, 3, 1) + timedelta(days=number)
    return {"mmsi": 1, "reported_on": on, "fuel_hfo_t": fuel_t, "distance_nm": nm, "method": "reported",
            "source": "twin", **changes}  # fmt: skip


def voyage(name: str, start: float, end: float | None, **changes: object) -> dict[str, Any]:
    arrived = None if end is None else MIDNIGHT + timedelta(days=end)
    departed = MIDNIGHT + timedelta(days=start)
    return {"voyage_id": name, "mmsi": 1, "route_id": "A-B", "departed_at": departed, "arrived_at": arrived,
            "departed_on": departed.date(), **changes}  # fmt: skip


def test_fuel_per_mile_is_that_of_the_days_that_lie_wholly_in_a_voyage(spark: SparkSession) -> None:
    voyages = [voyage("v", 0.5, 3), voyage("w", 4, 5.5), voyage("open", 6, None), voyage("x", 0, 9, mmsi=2)]
    days = [
        day(0, 99.0, 10.0), day(1, 30.0, 300.0), day(2, 10.0, 100.0), day(3, 99.0, 10.0), day(4, 8.0, None),
        day(5, 99.0, 10.0), day(7, 99.0, 10.0), day(1, None, 300.0, mmsi=2),
        day(2, 12.0, 400.0, mmsi=2, fuel_mdo_t=3.0, method="modelled"),
    ]  # fmt: skip

    (row,) = fuel_by_route(frame(spark, GOLD_VOYAGE_ANALYTICS, voyages), frame(spark, SILVER_EMISSIONS, days)).collect()

    assert (row.voyages, row.fuel_days, row.fuel_t, row.distance_nm) == (2, 3, 55.0, 800.0)
    assert row.fuel_kg_per_nm == pytest.approx(55_000 / 800)
    assert (row.method, row.source) == ("modelled, reported", "twin")
