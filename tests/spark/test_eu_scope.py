"""Which part of a day counts under the EU's rules, on Spark, against hours counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from contracts.regulation.eu import load_eu_rules
from contracts.tables import SILVER_EMISSIONS, SILVER_VOYAGES
from lakehouse.schema import spark_schema
from lakehouse.transforms.eu_scope import fuel_use, scope_spans, scoped_days

EU = load_eu_rules()
SHIP = 230_000_001


def at(text: str | None) -> datetime | None:
    if text is None:
        return None
    day, hour = map(int, text.split())
    return datetime(2025, 1, day, hour, tzinfo=UTC)


def voyage(number: int, legs: tuple[str | None, str | None], departed: str | None, arrived: str | None,
           status: str = "arrived", mmsi: int = SHIP) -> dict[str, Any]:  # fmt: skip
    return {
        "voyage_id": f"v{number}", "mmsi": mmsi, "from_locode": legs[0], "to_locode": legs[1],
        "departed_at": at(departed), "arrived_at": at(arrived), "status": status, "source": "test",
    }  # fmt: skip


def shares(spark: SparkSession, days: list[int], *voyages: dict[str, Any]) -> dict[int, Any]:
    """Share and unknown hours of each day of January 2025."""
    rows = [{"mmsi": SHIP, "reported_on": date(2025, 1, day), "fuel_hfo_t": 24.0} for day in days]
    frame = spark.createDataFrame(
        [tuple(row.get(name) for name in SILVER_EMISSIONS.columns) for row in rows], spark_schema(SILVER_EMISSIONS)
    )
    sailed = spark.createDataFrame(
        [tuple(row.get(name) for name in SILVER_VOYAGES.columns) for row in voyages], spark_schema(SILVER_VOYAGES)
    )
    found = scoped_days(frame, scope_spans(sailed, EU)).collect()
    assert len(found) == len(days)
    return {row.reported_on.day: (row.scope_share, row.scope_unknown_h) for row in found}


CROSSING = voyage(1, ("USNYC", "NLRTM"), "1 0", "10 12")
COASTAL = voyage(2, ("NLRTM", "DEHAM"), "11 18", "12 6")
OUTBOUND = voyage(3, ("DEHAM", "SGSIN"), "13 0", "15 6")


def test_days_at_sea_and_in_port_count_by_the_ports_at_their_ends_and_by_hours(spark: SparkSession) -> None:
    found = shares(spark, [5, 10, 11, 12, 13, 15], CROSSING, COASTAL, OUTBOUND)

    assert found == {
        5: (0.5, 0.0),
        10: (pytest.approx((12 * 0.5 + 12 * 1) / 24), 0.0),
        11: (1.0, 0.0),
        12: (1.0, 0.0),
        13: (0.5, 0.0),
        15: (pytest.approx(6 * 0.5 / 24), 18.0),  # what comes after the arrival is not known yet
    }


def test_outside_of_all_voyages_the_scope_is_unknown_and_not_nil(spark: SparkSession) -> None:
    coast = voyage(1, ("USNYC", "USBAL"), "2 0", "3 0")

    assert shares(spark, [1, 2, 3], coast) == {1: (None, 24.0), 2: (0.0, 0.0), 3: (None, 24.0)}


def test_a_voyage_that_has_not_ended_or_does_not_name_its_ports_tells_nothing(spark: SparkSession) -> None:
    under_way = voyage(1, ("NLRTM", "DEHAM"), "1 0", None, "in_progress")
    nameless = voyage(2, ("NLRTM", None), "3 0", "4 0")
    cancelled = voyage(3, ("NLRTM", "DEHAM"), "5 0", "6 0", "cancelled")

    assert shares(spark, [1, 3, 5], under_way, nameless, cancelled) == dict.fromkeys((1, 3, 5), (None, 24.0))


def test_a_stay_counts_only_where_the_ship_leaves_from_the_port_at_which_it_came_in(spark: SparkSession) -> None:
    there, back = voyage(1, ("USNYC", "NLRTM"), "1 0", "2 0"), voyage(2, ("NLRTM", "USNYC"), "4 0", "5 0")
    elsewhere = {**back, "from_locode": "DEHAM"}
    abroad = voyage(1, ("NLRTM", "SGSIN"), "1 0", "2 0"), voyage(2, ("SGSIN", "NLRTM"), "4 0", "5 0")

    assert shares(spark, [3], there, back) == {3: (1.0, 0.0)}
    assert shares(spark, [3], there, elsewhere) == {3: (None, 24.0)}
    assert shares(spark, [3], *abroad) == {3: (0.0, 0.0)}


def test_voyages_that_overlap_make_no_day_longer(spark: SparkSession) -> None:
    long, next_one = voyage(1, ("USNYC", "NLRTM"), "1 0", "4 0"), voyage(2, ("NLRTM", "DEHAM"), "2 12", "3 12")

    assert shares(spark, [2, 3], long, next_one) == {2: (pytest.approx(0.75), 0.0), 3: (pytest.approx(0.5), 12.0)}


def test_a_ships_day_lies_in_no_other_ships_voyage(spark: SparkSession) -> None:
    other = voyage(1, ("NLRTM", "DEHAM"), "1 0", "3 0", mmsi=SHIP + 1)

    assert shares(spark, [2], other) == {2: (None, 24.0)}


def test_fuel_counts_by_kind_and_lng_by_the_engine_that_burns_it(spark: SparkSession) -> None:
    columns = "imo_number long, year int, scope_share double, " + ", ".join(
        f"fuel_{kind}_t double"
        for kind in ("hfo", "lfo", "mdo", "lng", "lpg_propane", "lpg_butane", "ethane", "methanol", "ethanol")
    )
    day = (1, 2025, 0.5, 10.0, None, 0.0, 3.0, None, None, None, None, None)
    outside = (1, 2025, 0.0, 7.0, *(None,) * 8)
    unknown = (1, 2025, None, 7.0, *(None,) * 8)
    days = spark.createDataFrame([day, outside, unknown], columns)

    told = {row.fuel: (row.fuel_t, row.scope_share) for row in fuel_use(days, "lean_burn").collect()}
    untold = {row.fuel for row in fuel_use(days, None).collect()}

    assert told == {"hfo": (10.0, 0.5), "lng_lean_burn": (3.0, 0.5)}
    assert untold == {"hfo", "lng"}
    assert "lng" not in {fuel.fuel for fuel in EU.fuels}
