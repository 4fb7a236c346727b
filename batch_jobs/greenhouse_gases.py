"""``--gwp``: methane, nitrous oxide and well-to-wake emissions of a year, told beside it and written to no table.

CII counts CO2 of burning alone. Here the other gases, fuel that leaves the engine unburnt, and the making of the fuel
are added by the default factors of FuelEU Maritime (annex II), which are not those of the IMO: CO2 itself differs a
little where fuel slips, and so does the heating value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from contracts.fields import FUEL_KINDS
from contracts.regulation.eu import EuRules, Gwp, WellToWake
from lakehouse.transforms.eu_scope import fuel_name
from lakehouse.transforms.fueleu import tank_to_wake_g_per_g, well_to_wake_g_per_mj

G_PER_T = 1_000_000
COLUMNS = (
    "vessel_id", "year", "total_fuel_year_t", "co2_year_t", "ch4_t", "n2o_t", "co2e_tank_to_wake_t",
    "co2e_well_to_wake_t", "well_to_wake_g_per_mj", "gwp_set", "basis", "source",
)  # fmt: skip
BASIS = "Reckoned: default factors of Regulation (EU) 2023/1805, annex II; CO2e over 100 years by {}."

Row = dict[str, Any]


def beside(years: Iterable[Mapping[str, Any]], eu: EuRules, gwp: Gwp, lng_engine: str | None) -> list[Row]:
    """Greenhouse gases of vessel-years, whether they are rated or not.

    Args:
        years: Rows of ``gold.emission_year``.
        eu: Factors of fuels.
        gwp: Global warming potentials that count.
        lng_engine: The kind of engine in which LNG is burnt; None where nobody told, and then LNG has no factors.

    Returns:
        `COLUMNS`, tonnes and gCO2e per MJ. Where a fuel was burnt that has no factors, or none is known, all figures
        but the year's own are null and ``basis`` says why.
    """
    return [_beside(year, eu, gwp, lng_engine) for year in years]


def _beside(year: Mapping[str, Any], eu: EuRules, gwp: Gwp, lng_engine: str | None) -> Row:
    burnt = {fuel_name(kind, lng_engine): year[f"fuel_{kind}_year_t"] or 0.0 for kind in FUEL_KINDS}
    factors = {fuel.fuel: fuel for fuel in eu.fuels}
    unknown = [name for name, fuel_t in burnt.items() if fuel_t and name not in factors]
    known = [(factors[name], fuel_t) for name, fuel_t in burnt.items() if fuel_t and name in factors]
    told = {name: year[name] for name in ("total_fuel_year_t", "co2_year_t", "source")}
    named = {"vessel_id": str(year["vessel_id"]), "year": str(year["year"]), "gwp_set": gwp.gwp_set}
    if unknown or not known:
        return {**dict.fromkeys(COLUMNS), **named, **told, "basis": _why_not(unknown)}
    return {**named, **told, **_figures(known, gwp), "basis": BASIS.format(gwp.source)}


def _figures(burnt: list[tuple[WellToWake, float]], gwp: Gwp) -> dict[str, float]:
    slips = [(fuel, fuel_t, fuel.slip_pct / 100) for fuel, fuel_t in burnt]
    energy_mj = sum(fuel_t * G_PER_T * fuel.lcv_mj_per_g for fuel, fuel_t in burnt)
    whole_g = sum(fuel_t * G_PER_T * fuel.lcv_mj_per_g * well_to_wake_g_per_mj(fuel, gwp) for fuel, fuel_t in burnt)
    return {
        "ch4_t": sum(fuel_t * ((1 - slip) * fuel.ch4_g_per_g + slip) for fuel, fuel_t, slip in slips),
        "n2o_t": sum(fuel_t * (1 - slip) * fuel.n2o_g_per_g for fuel, fuel_t, slip in slips),
        "co2e_tank_to_wake_t": sum(fuel_t * tank_to_wake_g_per_g(fuel, gwp) for fuel, fuel_t in burnt),
        "co2e_well_to_wake_t": whole_g / G_PER_T,
        "well_to_wake_g_per_mj": whole_g / energy_mj,
    }


def _why_not(unknown: list[str]) -> str:
    if not unknown:
        return "No fuel is known."
    names = ", ".join("LNG (name its engine in MARITIME_EU_LNG_ENGINE)" if name == "lng" else name for name in unknown)
    return f"No factors here for {names}."
