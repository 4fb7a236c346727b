"""Allowances and FuelEU balances of ships and years, on Spark, against examples worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from contracts.fields import ENERGY_KINDS
from contracts.regulation.eu import eu_as_known_on, load_eu_rules
from contracts.tables import GOLD_EU_ETS_YEAR, GOLD_FUELEU_YEAR, SILVER_EMISSIONS, SILVER_SHIP_REGISTER
from lakehouse.schema import spark_schema
from lakehouse.transforms.eu_years import ets_years, fueleu_years

EU = load_eu_rules()
SHIP = {"imo_number": 9074729, "cii_ship_type": "bulk_carrier", "gross_tonnage": 30_000.0}
HFO_2026 = 3.114 + 0.00005 * 28 + 0.00018 * 265
"""t CO2e per tonne, tank to wake, with the potentials of AR5."""


def day(reported_on: date, share: float | None = 1.0, unknown_h: float = 0.0, **changes: object) -> dict[str, Any]:
    """A fuel day of the ship with its scope: 100 t of HFO."""
    return {
        "mmsi": 230_000_001, "imo_number": SHIP["imo_number"], "reported_on": reported_on, "fuel_hfo_t": 100.0,
        "method": "reported", "quality": "high", "source": "test", "scope_share": share, "scope_unknown_h": unknown_h,
        **changes,
    }  # fmt: skip


def reckon(
    spark: SparkSession, years: Callable[..., DataFrame], *days: dict[str, Any], ship: dict[str, Any] = SHIP,
    **more: Any,
) -> list[Row]:  # fmt: skip
    schema = spark_schema(SILVER_EMISSIONS).add("scope_share", "double").add("scope_unknown_h", "double")
    frame = spark.createDataFrame([tuple(row.get(name) for name in schema.names) for row in days], schema)
    register = spark.createDataFrame(
        [tuple(ship.get(name) for name in SILVER_SHIP_REGISTER.columns)], spark_schema(SILVER_SHIP_REGISTER)
    )
    given = frame.withColumn("year", F.year("reported_on"))
    return years(given, register, **{"eu": EU, **more}).orderBy("year").collect()


def only(rows: list[Row]) -> Row:
    (row,) = rows
    return row


def test_allowances_are_owed_for_the_share_that_counts_and_for_the_years_part(spark: SparkSession) -> None:
    found = reckon(spark, ets_years, *(day(date(year, 3, 1), 0.5) for year in (2024, 2025, 2026)))

    assert [row.year for row in found] == [2024, 2025, 2026]
    assert [row.ets_emissions_t for row in found] == pytest.approx([155.7, 155.7, 50 * HFO_2026])
    assert [row.ets_surrender_pct for row in found] == [40, 70, 100]
    assert [row.ets_surrender_t for row in found] == pytest.approx([62.28, 108.99, 50 * HFO_2026])
    assert [row.ets_due_on for row in found] == [date(2025, 9, 30), date(2026, 9, 30), date(2027, 9, 30)]
    assert [row.ets_gases for row in found] == ["co2", "co2", "co2 ch4 n2o"]
    assert found[0].asDict().keys() == set(GOLD_EU_ETS_YEAR.columns)
    assert {row.eu_scope_note for row in found} == {None}


def test_a_thousand_tonnes_of_hfo_cost_62208_euro_80_in_2025(spark: SparkSession) -> None:
    row = only(reckon(spark, fueleu_years, day(date(2025, 3, 1), fuel_hfo_t=1_000.0)))

    assert row.energy_in_scope_mj == row.energy_hfo_mj == pytest.approx(40_500_000)
    assert row.ghg_intensity_g_per_mj == pytest.approx(91.7441975, abs=1e-7)
    assert row.fueleu_limit_g_per_mj == pytest.approx(89.3368)
    assert row.compliance_balance_t == pytest.approx(-97.4996, abs=1e-4)
    assert row.penalty_eur == pytest.approx(62_208.8, abs=0.05)
    assert (row.energy_mdo_mj, row.eu_scope_note) == (None, None)
    assert row.asDict().keys() == set(GOLD_FUELEU_YEAR.columns)


def test_energy_is_told_by_fuel_and_the_days_of_a_year_add_up(spark: SparkSession) -> None:
    row = only(reckon(
        spark, fueleu_years, day(date(2025, 3, 1), 0.5), day(date(2025, 3, 2), 1.0, fuel_mdo_t=10.0),
    ))  # fmt: skip

    assert row.energy_hfo_mj == pytest.approx(150 * 40_500)
    assert row.energy_mdo_mj == pytest.approx(10 * 42_700)
    assert row.energy_in_scope_mj == pytest.approx(150 * 40_500 + 10 * 42_700)
    assert (row.fuel_days, row.fuel_of_year_t, row.fuel_in_scope_t) == (2, pytest.approx(210), pytest.approx(160))


def test_the_kinds_with_an_energy_of_their_own_are_those_with_factors() -> None:
    assert {fuel.fuel_kind for fuel in EU.fuels} == set(ENERGY_KINDS)


def test_what_is_of_unknown_scope_is_told_and_in_no_figure(spark: SparkSession) -> None:
    row = only(reckon(
        spark, ets_years, day(date(2024, 3, 1)), day(date(2024, 3, 2), None, 24.0), day(date(2024, 3, 3), 0.125, 18.0),
    ))  # fmt: skip

    assert (row.fuel_days, row.scope_unknown_days) == (3, 2)
    assert row.fuel_scope_unknown_t == pytest.approx(100 + 75)
    assert row.fuel_in_scope_t == pytest.approx(112.5)
    assert row.ets_emissions_t == pytest.approx(112.5 * 3.114)


@pytest.mark.parametrize(
    ("ship", "changes", "note"),
    [
        ({}, {"imo_number": 9319466}, "not in the ship register"),
        ({}, {"imo_number": None}, "no IMO number reported"),
        ({"gross_tonnage": 4_999.0}, {}, "below 5,000 gross tonnage"),
        ({"gross_tonnage": None}, {}, "gross tonnage not known"),
        ({"cii_ship_type": None}, {}, "ship type not known"),
        ({}, {"quality": "very_low", "method": "modelled"}, "fuel of a guessed ship in the year"),
        ({}, {"scope_share": None, "scope_unknown_h": 24.0},
         "no ended voyage or stay in port is known on any of its days"),
        ({}, {"fuel_hfo_t": None}, "no fuel known in the year"),
        ({}, {"fuel_ethane_t": 1.0, "fuel_lng_t": 2.0}, "no factors here for ethane, lng"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("years", [ets_years, fueleu_years])
def test_a_ship_out_of_scope_or_that_cannot_be_reckoned_has_a_reason_and_no_figure(
    years: Callable[..., DataFrame], ship: dict[str, Any], changes: dict[str, Any], note: str, spark: SparkSession
) -> None:
    row = only(reckon(spark, years, day(date(2025, 3, 1), **changes), ship={**SHIP, **ship})).asDict()
    figures = {"ets_emissions_t", "ets_surrender_t", "ets_due_on", "energy_in_scope_mj", "energy_hfo_mj", "penalty_eur",
               "compliance_balance_t"} & row.keys()  # fmt: skip

    assert row["eu_scope_note"] == note
    assert {row[name] for name in figures} == {None}


def test_a_ship_of_5000_gross_tonnage_is_in_scope(spark: SparkSession) -> None:
    row = only(reckon(spark, ets_years, day(date(2025, 3, 1)), ship={**SHIP, "gross_tonnage": 5_000.0}))

    assert row.ets_emissions_t == pytest.approx(311.4)


def test_lng_is_reckoned_with_the_slip_of_the_engine_that_was_named(spark: SparkSession) -> None:
    row = only(reckon(
        spark, ets_years, day(date(2026, 3, 1), fuel_hfo_t=None, fuel_lng_t=100.0), lng_engine="otto_medium_speed"
    ))  # fmt: skip

    assert row.ets_emissions_t == pytest.approx(100 * (0.969 * (2.75 + 0.00011 * 265) + 0.031 * 28))


def test_a_ship_that_is_known_to_sail_elsewhere_owes_nothing(spark: SparkSession) -> None:
    away = day(date(2025, 3, 1), 0.0)

    assert only(reckon(spark, ets_years, away)).ets_surrender_t == 0.0
    assert only(reckon(spark, fueleu_years, away)).eu_scope_note == "no energy in scope"


def test_years_before_the_rules_and_rules_not_yet_adopted_give_no_figure(spark: SparkSession) -> None:
    assert only(reckon(spark, ets_years, day(date(2023, 3, 1)))).eu_scope_note == "allowances are owed from 2024 on"
    assert only(reckon(spark, fueleu_years, day(date(2024, 3, 1)))).eu_scope_note == "there is a limit from 2025 on"


def test_the_rules_of_a_day_say_so_in_their_version() -> None:
    early, later = eu_as_known_on(date(2023, 6, 1)), eu_as_known_on(date(2024, 1, 1))

    assert (early.limits, early.fuels) == ((), ())
    assert early.ets_phases == EU.ets_phases
    assert later.limits == EU.limits
    assert later.version == f"{EU.version}@2024-01-01"
