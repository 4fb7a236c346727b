"""Methane, nitrous oxide and well to wake beside a year: against figures of the published tables."""

from __future__ import annotations

from typing import Any

import pytest

from batch_jobs.greenhouse_gases import COLUMNS, beside
from contracts.regulation.eu import load_eu_rules
from contracts.tables import GOLD_EMISSION_YEAR

EU = load_eu_rules()


def year(**fuel_t: float) -> dict[str, Any]:
    burnt = {f"fuel_{kind}_year_t": tonnes for kind, tonnes in fuel_t.items()}
    known = {"vessel_id": 9074729, "year": 2026, "total_fuel_year_t": sum(fuel_t.values()), "source": "twin"}
    return {**dict.fromkeys(GOLD_EMISSION_YEAR.columns), **known, **burnt}


def gases(gwp_set: str, lng_engine: str | None = None, **fuel_t: float) -> dict[str, Any]:
    (row,) = beside([year(**fuel_t)], EU, EU.gwp(gwp_set), lng_engine)
    assert set(row) == set(COLUMNS)
    return row


@pytest.mark.parametrize(("gwp_set", "g_per_mj"), [("red_ii", 91.7442), ("ar5", 91.6012), ("ar6", 91.6356)])
def test_the_set_of_potentials_is_the_callers_choice_and_said_in_the_row(gwp_set: str, g_per_mj: float) -> None:
    row = gases(gwp_set, hfo=1_000.0)

    assert row["gwp_set"] == gwp_set
    assert row["well_to_wake_g_per_mj"] == pytest.approx(g_per_mj, abs=5e-5)
    assert row["co2e_well_to_wake_t"] == pytest.approx(row["well_to_wake_g_per_mj"] * 40.5, rel=1e-12)
    assert (row["ch4_t"], row["n2o_t"]) == (pytest.approx(0.05), pytest.approx(0.18))


def test_gas_that_slips_through_the_engine_is_methane() -> None:
    row = gases("ar6", "otto_medium_speed", lng=1_000.0)

    assert row["co2e_tank_to_wake_t"] == pytest.approx(3_530.85, abs=0.005)
    assert row["well_to_wake_g_per_mj"] == pytest.approx(92.0594, abs=5e-5)
    assert row["ch4_t"] == pytest.approx(31.0)
    assert row["n2o_t"] == pytest.approx(0.969 * 0.11)


def test_fuels_add_up_and_their_intensity_is_the_mean_by_energy() -> None:
    row, hfo, mdo = gases("ar5", hfo=100.0, mdo=50.0), gases("ar5", hfo=100.0), gases("ar5", mdo=50.0)

    for name in ("ch4_t", "n2o_t", "co2e_tank_to_wake_t", "co2e_well_to_wake_t"):
        assert row[name] == pytest.approx(hfo[name] + mdo[name], rel=1e-12)
    energy_gj = 100 * 40.5 + 50 * 42.7
    assert row["well_to_wake_g_per_mj"] == pytest.approx(row["co2e_well_to_wake_t"] * 1_000 / energy_gj, rel=1e-12)


@pytest.mark.parametrize(
    ("fuel_t", "why"),
    [({"hfo": 1.0, "lng": 1.0}, "MARITIME_EU_LNG_ENGINE"), ({"lpg_butane": 1.0}, "for lpg_butane"), ({}, "No fuel")],
)
def test_a_year_with_fuel_that_has_no_factors_says_so_and_has_no_figure(fuel_t: dict[str, float], why: str) -> None:
    row = gases("ar5", None, **fuel_t)

    assert why in row["basis"]
    assert row["co2e_well_to_wake_t"] is row["ch4_t"] is row["well_to_wake_g_per_mj"] is None
