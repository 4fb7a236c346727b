"""FuelEU and ETS data, against figures computed from the texts' own formulas."""

from __future__ import annotations

import pytest

from contracts.errors import ConfigurationError
from contracts.regulation.eu import load_eu_rules
from contracts.regulation.rows import Dated
from lakehouse.transforms.fueleu import tank_to_wake_g_per_g, well_to_wake_g_per_mj

EU = load_eu_rules()


@pytest.mark.parametrize(
    ("gwp_set", "hfo", "lfo", "mdo"),
    [("red_ii", 91.7442, 91.3924, 90.7674), ("ar5", 91.6012, 91.2512, 90.6319), ("ar6", 91.6356, 91.2851, 90.6644)],
)
def test_the_intensity_of_oil_fuels_is_that_of_the_published_tables(
    gwp_set: str, hfo: float, lfo: float, mdo: float
) -> None:
    found = [round(well_to_wake_g_per_mj(EU.fuel(name), EU.gwp(gwp_set)), 4) for name in ("hfo", "lfo", "mdo")]

    assert found == [hfo, lfo, mdo]


def test_methane_that_slips_through_an_engine_counts() -> None:
    fuel, gwp = EU.fuel("lng_otto_medium_speed"), EU.gwp("ar6")

    assert round(tank_to_wake_g_per_g(fuel, gwp), 5) == 3.53085
    assert round(well_to_wake_g_per_mj(fuel, gwp), 4) == 92.0594
    assert well_to_wake_g_per_mj(EU.fuel("lng_diesel_slow_speed"), gwp) < 78


def test_the_intensity_of_oil_fuels_is_the_formula_of_annex_i_to_the_last_digit() -> None:
    factors = {"hfo": (13.5, 3.114, 0.0405), "lfo": (13.2, 3.151, 0.0410), "mdo": (14.4, 3.206, 0.0427)}
    potentials = {"red_ii": (25, 298), "ar5": (28, 265), "ar6": (27, 273)}

    for name, (wtt, co2, lcv) in factors.items():
        for gwp_set, (ch4, n2o) in potentials.items():
            exact = wtt + (co2 + 0.00005 * ch4 + 0.00018 * n2o) / lcv
            assert well_to_wake_g_per_mj(EU.fuel(name), EU.gwp(gwp_set)) == pytest.approx(exact, rel=1e-12)


def test_each_kind_of_lng_engine_and_methanol_have_the_defaults_of_annex_ii() -> None:
    ar6 = EU.gwp("ar6")
    slips = {"otto_medium_speed": 3.1, "otto_slow_speed": 1.7, "diesel_slow_speed": 0.2, "lean_burn": 2.6}

    for engine, slip_pct in slips.items():
        slip = slip_pct / 100
        exact = 18.5 + ((1 - slip) * (2.75 + 0.00011 * 273) + slip * 27) / 0.048
        assert well_to_wake_g_per_mj(EU.fuel(f"lng_{engine}"), ar6) == pytest.approx(exact, rel=1e-12)
    methanol = 31.3 + (1.375 + 0.00005 * 27 + 0.00018 * 273) / 0.0199
    assert well_to_wake_g_per_mj(EU.fuel("methanol"), ar6) == pytest.approx(methanol, rel=1e-12)


@pytest.mark.parametrize(
    ("year", "limit"),
    [(2025, 89.3368), (2029, 89.3368), (2030, 85.6904), (2035, 77.9418), (2040, 62.9004), (2045, 34.6408),
     (2050, 18.2320), (2060, 18.2320)],
)  # fmt: skip
def test_the_limit_falls_in_steps(year: int, limit: float) -> None:
    assert EU.limit_g_per_mj(year) == pytest.approx(limit, abs=5e-5)


def test_there_is_no_limit_before_2025_and_no_trading_before_2024() -> None:
    assert EU.limit_g_per_mj(2024) is None
    assert EU.ets_phase(2023) is None


def test_allowances_are_phased_in_and_methane_counts_from_2026() -> None:
    phases = {year: EU.ets_phase(year) for year in (2024, 2025, 2026, 2030)}

    assert [phase and phase.surrender_pct for phase in phases.values()] == [40, 70, 100, 100]
    assert [phase and "ch4" in phase.gases for phase in phases.values()] == [False, False, True, True]


def test_a_fuel_or_a_set_of_potentials_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigurationError, match="lng_otto_slow_speed"):
        EU.fuel("lng")
    with pytest.raises(ConfigurationError, match="ar5"):
        EU.gwp("ar4")


def test_every_number_names_its_act_and_the_days_it_holds_and_was_adopted() -> None:
    rows: list[Dated] = [*EU.fuels, *EU.limits, *EU.ets_phases]

    assert {row.resolution for row in rows} == {"Regulation (EU) 2023/1805", "Directive (EU) 2023/959"}
    assert all(row.adopted_on and row.adopted_on < row.valid_from for row in rows)


def test_the_european_countries_are_the_unions_27_and_the_three_of_the_economic_area() -> None:
    assert len(set(EU.countries)) == 30
    assert {"NO", "IS", "NL"} <= set(EU.countries)
    assert not {"GB", "CH", "TR", "US"} & set(EU.countries)
