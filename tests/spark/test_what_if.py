"""Fuel days at another speed or on another fuel, and the intensity of a fleet, on Spark."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from contracts.fuel_model import load_fuel_model
from contracts.regulation.heating_values import heating_values
from contracts.tables import GOLD_EMISSION_YEAR, SILVER_EMISSIONS, SILVER_SHIP_REGISTER, Table
from lakehouse.schema import spark_schema
from lakehouse.transforms.fleet_intensity import fleet_intensity
from lakehouse.transforms.what_if import at_speed, hotel_rates, on_fuel

BULKER = {
    "imo_number": 9074729, "mmsi": 230_000_001, "cii_ship_type": "bulk_carrier", "dwt_t": 82_000.0,
    "gross_tonnage": 43_000.0, "engine_type": "SSD", "main_engine_kw": 9_800.0, "service_speed_kn": 14.5,
    "design_draught_m": 14.4, "built_year": 2010, "fuel_kind": "hfo",
}  # fmt: skip
SEA_T = 20 * 410 * 195 / 1e6
"""Auxiliary engines of the study's example: 410 kW at 195 g/kWh, no boiler at sea."""
PORT_T = 4 * (240 * 195 + 260 * 340) / 1e6


def frame(spark: SparkSession, table: Table, rows: Iterable[dict[str, Any]]) -> DataFrame:
    return spark.createDataFrame([tuple(row.get(c) for c in table.columns) for row in rows], spark_schema(table))


def slowed(
    spark: SparkSession, change: float = -0.1, register: tuple[dict[str, Any], ...] = (BULKER,), **day: Any
) -> Row:
    row = {
        "mmsi": 230_000_001, "imo_number": 9074729, "reported_on": date(2026, 1, 1), "distance_nm": 240.0,
        "underway_h": 20.0, "anchored_h": 0.0, "berth_h": 4.0, "fuel_hfo_t": 18.0, "fuel_mdo_t": 2.0,
        "method": "reported", "quality": "high", "source": "twin", **day,
    }  # fmt: skip
    emissions, ships = frame(spark, SILVER_EMISSIONS, [row]), frame(spark, SILVER_SHIP_REGISTER, register)
    (found,) = at_speed(emissions, ships, load_fuel_model(), change).collect()
    return found


def test_auxiliary_and_boiler_fuel_by_phase_is_that_of_the_studys_tables(spark: SparkSession) -> None:
    (row,) = hotel_rates(frame(spark, SILVER_SHIP_REGISTER, [BULKER]), load_fuel_model()).collect()

    berth, _, _, sea = row.hotel_t_per_h
    assert sea * 20 == pytest.approx(SEA_T)
    assert berth * 4 == pytest.approx(PORT_T)


@pytest.mark.parametrize("change", [-0.1, 0.1])
def test_propulsion_goes_with_the_square_of_speed_and_auxiliaries_at_sea_with_the_time(
    spark: SparkSession, change: float
) -> None:
    day, factor = slowed(spark, change), 1 + change
    main = 20.0 - SEA_T - PORT_T

    burnt = main * factor**2 + SEA_T / factor + PORT_T
    assert day.fuel_hfo_t + day.fuel_mdo_t == pytest.approx(burnt, rel=1e-9)
    assert day.fuel_hfo_t / day.fuel_mdo_t == pytest.approx(9.0)
    assert (day.distance_nm, day.underway_h) == (240.0, pytest.approx(20 / factor))
    assert day.is_split


def test_a_day_in_port_burns_the_same_at_any_speed(spark: SparkSession) -> None:
    assert slowed(spark, underway_h=0.0, berth_h=24.0, distance_nm=0.0, fuel_hfo_t=3.0).fuel_hfo_t == pytest.approx(3.0)


def test_less_fuel_than_the_tables_say_for_auxiliaries_is_never_below_none(spark: SparkSession) -> None:
    day = slowed(spark, fuel_hfo_t=1.0, fuel_mdo_t=None)

    assert day.fuel_hfo_t == pytest.approx(1.0 / 0.9)  # all of it is of auxiliary engines under way


@pytest.mark.parametrize(
    ("given", "share"),
    [
        ({"register": ()}, 20 / 24),
        ({"underway_h": None, "berth_h": None, "anchored_h": None}, 1.0),
        ({"register": (), "underway_h": None, "berth_h": None, "anchored_h": None}, 1.0),
    ],
)
def test_without_engine_data_or_hours_all_fuel_under_way_is_propulsion_and_said_to_be(
    spark: SparkSession, given: dict[str, Any], share: float
) -> None:
    day = slowed(spark, **given)

    assert not day.is_split
    assert day.fuel_hfo_t + day.fuel_mdo_t == pytest.approx(20 * (share * 0.81 + 1 - share))


def test_another_fuel_has_the_same_energy(spark: SparkSession) -> None:
    days = [{"mmsi": 1, "reported_on": date(2026, 1, 1), "fuel_hfo_t": 100.0, "fuel_mdo_t": 10.0},
            {"mmsi": 2, "reported_on": date(2026, 1, 1)}]  # fmt: skip
    changed = on_fuel(frame(spark, SILVER_EMISSIONS, days), "lng", heating_values())
    burnt, nothing = changed.orderBy("mmsi").collect()

    assert burnt.fuel_lng_t == pytest.approx((100 * 40.2 + 10 * 42.7) / 48.0)
    assert (burnt.fuel_hfo_t, burnt.fuel_mdo_t, nothing.fuel_lng_t) == (None, None, None)


def test_deadweight_and_gross_tonnage_are_never_added_up_and_unrated_ships_not_counted(spark: SparkSession) -> None:
    def year(vessel: int, unit: str, co2_t: float, capacity: float, rating: str | None = "C") -> dict[str, Any]:
        return {
            "vessel_id": vessel, "year": 2026, "mmsi": vessel, "capacity_unit": unit, "capacity": capacity,
            "co2_year_t": co2_t, "distance_year_nm": 1_000.0, "cii_rating": rating,
        }  # fmt: skip

    rows = [year(1, "dwt", 500.0, 50_000.0), year(2, "dwt", 400.0, 100_000.0), year(3, "gt", 300.0, 20_000.0),
            year(4, "dwt", 9_999.0, 1_000.0, None)]  # fmt: skip
    dwt, gt = fleet_intensity(frame(spark, GOLD_EMISSION_YEAR, rows)).orderBy("capacity_unit").collect()

    assert (dwt.vessels, dwt.transport_work, dwt.fleet_intensity) == (2, 150e6, pytest.approx(6.0))
    assert (gt.vessels, gt.fleet_intensity) == (1, pytest.approx(15.0))
