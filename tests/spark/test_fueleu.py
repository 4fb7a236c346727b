"""Scope, balance, penalty and allowances, on Spark."""

from __future__ import annotations

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from contracts.regulation.eu import load_eu_rules
from lakehouse.transforms.fueleu import ets_emissions, fueleu_balances, scope_share

EU = load_eu_rules()
Use = tuple[int, int, str, float, float | None]
FUEL_USE = "imo_number long, year int, fuel string, fuel_t double, scope_share double"


def balance(spark: SparkSession, *uses: Use, gwp_set: str = "red_ii") -> Row:
    (row,) = fueleu_balances(spark.createDataFrame(list(uses), FUEL_USE), EU, gwp_set).collect()
    return row


def owed(spark: SparkSession, *uses: Use) -> list[tuple[float | None, float | None]]:
    rows = ets_emissions(spark.createDataFrame(list(uses), FUEL_USE), EU).orderBy("year").collect()
    return [(row.ets_emissions_t, row.ets_surrender_t) for row in rows]


def test_a_thousand_tonnes_of_hfo_cost_about_62200_euro_in_2025(spark: SparkSession) -> None:
    row = balance(spark, (1, 2025, "hfo", 1_000.0, 1.0))

    assert row.energy_mj == pytest.approx(40_500_000)
    assert round(row.ghg_intensity_g_per_mj, 4) == 91.7442
    assert row.compliance_balance_t == pytest.approx(-97.5, abs=0.01)
    assert row.penalty_eur == pytest.approx(62_204, rel=1e-4)


def test_half_of_a_voyage_from_outside_counts_and_the_intensity_stays(spark: SparkSession) -> None:
    whole, half = (balance(spark, (1, 2025, "hfo", 1_000.0, share)) for share in (1.0, 0.5))

    assert half.compliance_balance_t == pytest.approx(whole.compliance_balance_t / 2)
    assert half.ghg_intensity_g_per_mj == pytest.approx(whole.ghg_intensity_g_per_mj)


def test_the_intensity_of_a_year_is_the_mean_by_energy_and_a_surplus_costs_nothing(spark: SparkSession) -> None:
    row = balance(spark, (1, 2025, "hfo", 100.0, 1.0), (1, 2025, "lng_diesel_slow_speed", 900.0, 1.0))

    energy, gas = 100 * 40_500 + 900 * 48_000, EU.fuel("lng_diesel_slow_speed")
    assert row.energy_mj == pytest.approx(energy)
    ttw = 0.998 * (2.75 + 0.00011 * 298) + 0.002 * 25
    assert row.ghg_intensity_g_per_mj == pytest.approx(
        (91.74419753 * 100 * 40_500 + (18.5 + ttw / gas.lcv_mj_per_g) * 900 * 48_000) / energy
    )
    assert row.compliance_balance_t > 0
    assert row.penalty_eur == 0.0


def test_the_set_of_potentials_is_the_callers_choice(spark: SparkSession) -> None:
    assert round(balance(spark, (1, 2025, "mdo", 1.0, 1.0), gwp_set="ar5").ghg_intensity_g_per_mj, 4) == 90.6319


def test_what_cannot_be_judged_is_null_not_nil(spark: SparkSession) -> None:
    unknown = balance(spark, (1, 2025, "hfo", 1.0, 1.0), (1, 2025, "whale oil", 1.0, 1.0))
    early = balance(spark, (1, 2024, "hfo", 1.0, 1.0))
    outside = balance(spark, (1, 2025, "hfo", 1.0, 0.0))

    assert (unknown.energy_mj, unknown.penalty_eur) == (None, None)
    assert (early.fueleu_limit_g_per_mj, early.penalty_eur) == (None, None)
    assert (outside.energy_mj, outside.ghg_intensity_g_per_mj, outside.penalty_eur) == (0.0, None, None)


def test_allowances_are_owed_for_a_growing_share_and_for_all_gases_from_2026(spark: SparkSession) -> None:
    found = owed(spark, *((1, year, "hfo", 100.0, 0.5) for year in (2023, 2024, 2025, 2026)))

    in_2026 = 50 * (3.114 + 0.00005 * 28 + 0.00018 * 265)
    assert found[0] == (None, None)
    assert found[1:] == [
        pytest.approx((155.7, 62.28)), pytest.approx((155.7, 108.99)), pytest.approx((in_2026, in_2026)),
    ]  # fmt: skip


def test_a_voyage_counts_by_how_many_of_its_ends_are_european(spark: SparkSession) -> None:
    voyages = {
        ("NLRTM", "DEHAM"): 1.0, ("NLRTM", "NLRTM"): 1.0, ("NOOSL", "ISREY"): 1.0, ("USNYC", "NLRTM"): 0.5,
        ("NLRTM", "GBLON"): 0.5, ("USNYC", "SGSIN"): 0.0, ("NLRTM", None): None,
    }  # fmt: skip
    frame = spark.createDataFrame(list(voyages), "from_locode string, to_locode string")
    share = scope_share(EU, F.col("from_locode"), F.col("to_locode"))

    assert [row.share for row in frame.select(share.alias("share")).collect()] == list(voyages.values())
