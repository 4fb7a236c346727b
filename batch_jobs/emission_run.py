"""What an emissions run computes and writes: its days, and the calendar years that they lie in."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs import emission_report, inputs
from batch_jobs.runs import Run, many_rows_of
from contracts import fields as f
from contracts.regulation import Regulation
from contracts.tables import (
    GOLD_EMISSION_COMPLIANCE,
    GOLD_EMISSION_OUTLOOK,
    GOLD_EMISSION_YEAR,
    GOLD_TRACK_FUEL,
    GOLD_VOYAGE_ANALYTICS,
    GOLD_VOYAGE_EMISSIONS,
    SILVER_EMISSIONS,
    SILVER_SHIP_REGISTER,
)
from lakehouse.engines import sums_by
from lakehouse.transforms.emission_outlook import emission_outlook
from lakehouse.transforms.emission_years import YEARS_BEFORE, emission_years
from lakehouse.transforms.emissions import ROLLING_DAYS, emission_compliance
from lakehouse.transforms.fuel_days import fuel_days, shared_days
from lakehouse.transforms.uncertainty import FuelError
from lakehouse.transforms.voyage_emissions import voyage_emissions

MODELLED = "modelled"
"""Argument of a run that takes modelled fuel days too: where they are."""


def compute_all(
    run: Run, source: inputs.Source, period: inputs.Period, regulation: Regulation, error: FuelError
) -> None:
    """Everything that a full run writes.

    Raises:
        InputError: There is no fuel day in the period.
    """
    compute(run, source, period, regulation)
    compute_years(run, period, regulation, error)
    compute_voyages(run, period, regulation, error)


def compute(run: Run, source: inputs.Source, period: inputs.Period, regulation: Regulation) -> None:
    """Read the period and the days that its rolling and yearly values need, rate, and replace the period's days.

    Raises:
        InputError: There is no fuel day in the period.
    """
    day = F.col("reported_on")
    earliest = min(period.start_on - timedelta(days=max(ROLLING_DAYS) - 1), date(period.start_on.year, 1, 1))
    found = fuel(run).filter((day >= earliest) & (day <= period.end_on))
    if not run.load(found, f.REPORTED_ON, period, source):
        raise inputs.no_rows(source, period)
    register, sums = run.read(SILVER_SHIP_REGISTER), sums_by(run.store)
    rated = emission_compliance(found, register, regulation, years_of(period), sums)
    covers = {"reported_on": (period.start_on, period.end_on)}
    run.write(GOLD_EMISSION_COMPLIANCE, rated.filter(period.where(f.REPORTED_ON)), covers)


def compute_years(run: Run, period: inputs.Period, regulation: Regulation, error: FuelError) -> None:
    """Rate the calendar years of the period, each from all its days that there are, and replace exactly these years."""
    years = years_of(period)
    register, covers = run.read(SILVER_SHIP_REGISTER), {"year": (years[0], years[-1])}
    found = emission_years(days_of_years(run, period), register, regulation, years, error)
    run.replace(GOLD_EMISSION_YEAR, found, in_years(period), covers)
    outlook = emission_outlook(run.read(GOLD_EMISSION_YEAR).filter(in_years(period)), register, regulation)
    run.replace(GOLD_EMISSION_OUTLOOK, outlook, in_years(period), covers)


def compute_voyages(run: Run, period: inputs.Period, regulation: Regulation, error: FuelError) -> None:
    """Rate the voyages that departed in the period, and replace exactly these; none where none were measured."""
    if not run.store.exists(GOLD_VOYAGE_ANALYTICS):
        return
    in_period = period.where(f.DEPARTED_ON)
    voyages, register = run.read(GOLD_VOYAGE_ANALYTICS).filter(in_period), run.read(SILVER_SHIP_REGISTER)
    days = fuel(run).filter(F.col("reported_on") >= period.start_on)
    found = voyage_emissions(voyages, days, register, regulation, years_of(period), error)
    run.replace(GOLD_VOYAGE_EMISSIONS, found, in_period, {"departed_on": (period.start_on, period.end_on)})


def days_of_years(run: Run, period: inputs.Period) -> DataFrame:
    """The fuel days that the period's calendar years rest on: their own, two years before, and whatever came later."""
    first = date(period.start_on.year - YEARS_BEFORE, 1, 1)
    return fuel(run).filter(F.col("reported_on") >= first)


def fuel(run: Run) -> DataFrame:
    """Fuel days: those reported, and where the run is asked for it those that `maritime-tracks` has modelled."""
    reported = run.read(SILVER_EMISSIONS)
    return fuel_days(reported, run.read(GOLD_TRACK_FUEL)) if MODELLED in run.arguments else reported


def years_of(period: inputs.Period) -> range:
    """The calendar years that the period touches."""
    return range(period.start_on.year, period.end_on.year + 1)


def in_years(period: inputs.Period) -> str:
    """SQL condition on ``year``: the period's calendar years."""
    return f"year BETWEEN {period.start_on.year} AND {period.end_on.year}"


def written_years(run: Run, period: inputs.Period) -> list[dict[str, Any]]:
    """The vessel-years of the period as they stand in Gold, with what every figure of them is."""
    rows = run.told(GOLD_EMISSION_YEAR).filter(in_years(period)).orderBy("vessel_id", "year")
    return [{**row, "statement": emission_report.ESTIMATE} for row in many_rows_of(rows)]


def summarise(
    run: Run, fleet: list[dict[str, Any]], years: list[dict[str, Any]]
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Ratings of the fleet, the vessels furthest over their limit, and the years that want somebody to act."""
    run.rows_written = sum(ship["days"] for ship in fleet)
    rated = [ship for ship in fleet if ship["cii_rating_ytd"]]
    over = sorted((ship for ship in rated if ship["is_over_limit"]), key=emission_report.excess, reverse=True)
    warned = [year for year in years if year["warning"]]
    results = {
        "ratings_of_the_year_so_far": emission_report.rating_counts(fleet),
        "furthest_over_their_limit": [_shown(ship) for ship in over[:10]],
        "warnings": [_warned(year) for year in warned[:10]],
    }
    facts = {
        "vessel_years": len(fleet),
        "rated": len(rated),
        "not_rated": len(fleet) - len(rated),
        "over_limit": len(over),
        "over_limit_of_2030": sum(bool(ship["is_over_limit_2030"]) for ship in rated),
        "near_a_boundary": sum(bool(year["is_near_boundary"]) for year in years),
        "corrective_action_plans": sum((year["consequence"] or "none") != "none" for year in years),
        "warned": len(warned),
        "shared_mmsi_days": shared_days(run.read(GOLD_TRACK_FUEL)).count() if MODELLED in run.arguments else 0,
        "note": emission_report.ESTIMATE,
    }
    return results, facts


def _shown(ship: dict[str, Any]) -> dict[str, Any]:
    """A ship in a line; its numbers as text, for a thousands separator has no place in them."""
    return {
        "imo_number": str(ship["imo_number"]),
        "year": str(ship["year"]),
        "ship_type": ship["cii_ship_type"],
        "attained": ship["cii_attained_ytd"],
        "required": ship["cii_required"],
        "rating": ship["cii_rating_ytd"],
        "in_2030": ship["cii_rating_2030"],
        "source": ship["source"],
    }


def _warned(year: dict[str, Any]) -> dict[str, Any]:
    return {
        "imo_number": str(year["imo_number"]),
        "year": str(year["year"]),
        "last_day": str(year["last_on"]),
        "rating_so_far": year["cii_rating"],
        "projected": year["cii_rating_projected"],
        "rest_may_have": year["cii_rest_limit"],
        "warning": year["warning"],
    }
