"""A year's fuel and distance by ship, in the style of the annual report to the IMO data collection system (DCS).

It is no official form: what a verifier asks for beside it (net tonnage, engines, EEDI or EEXI, ice class, how fuel
was measured) is not known here.
"""

from __future__ import annotations

from typing import Any

from contracts.fields import FUEL_KINDS
from contracts.regulation import Regulation

FUEL_NAMES = {"hfo": "heavy_fuel_oil", "lfo": "light_fuel_oil", "mdo": "diesel_gas_oil"}
STATEMENT = "In the style of the IMO DCS report, not the official form; an estimate, not verified."
COLUMNS = (
    "imo_number", "year", "first_day", "last_day", "ship_type", "gross_tonnage", "deadweight_t",
    "distance_travelled_nm", "hours_under_way_h", *(f"{FUEL_NAMES.get(kind, kind)}_t" for kind in FUEL_KINDS),
    "co2_t", "cii_metric", "attained_cii_g_per_capacity_nm", "required_cii_g_per_capacity_nm", "rating",
    "days_reported", "days_in_year", "method", "regulation_version", "source", "statement",
)  # fmt: skip


def rows(years: list[dict[str, Any]], regulation: Regulation) -> list[dict[str, Any]]:
    """Ships of the tonnage that must report, by IMO number.

    Args:
        years: Rows of ``gold.emission_year`` of one year.
        regulation: Its least gross tonnage counts.
    """
    return [_row(year) for year in years if _must_report(year, regulation)]


def _must_report(year: dict[str, Any], regulation: Regulation) -> bool:
    least = regulation.scope("least_gross_tonnage", year["year"])
    return bool(year["imo_number"]) and (year["gross_tonnage"] or 0) >= least


def _row(year: dict[str, Any]) -> dict[str, Any]:
    modelled = year["modelled_co2_share"] or 0.0
    method = "reported" if not modelled else "modelled" if modelled == 1 else f"{modelled:.0%} of CO2 modelled"
    return {
        **{name: year[name] for name in COLUMNS if name in year},
        "first_day": year["first_on"],
        "last_day": year["last_on"],
        "ship_type": year["cii_ship_type"],
        "deadweight_t": year["dwt_t"],
        "distance_travelled_nm": year["distance_year_nm"],
        "hours_under_way_h": year["underway_year_h"],
        **{f"{FUEL_NAMES.get(kind, kind)}_t": year[f"fuel_{kind}_year_t"] for kind in FUEL_KINDS},
        "co2_t": year["co2_year_t"],
        "attained_cii_g_per_capacity_nm": year["cii_attained"],
        "required_cii_g_per_capacity_nm": year["cii_required"],
        "rating": year["cii_rating"],
        "method": method,
        "statement": STATEMENT,
    }
