"""``maritime-emissions``: CO2 and carbon intensity of a period, and what the regulation says to them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click
from pyspark.sql import functions as F

from batch_jobs import emission_report, eu_checks, inputs
from batch_jobs.runs import Run, tell, tell_plan, timed
from contracts import fields as f
from contracts.regulation import Regulation, as_known_on, load_regulation
from contracts.settings import load_settings
from contracts.tables import GOLD_EMISSION_COMPLIANCE, SILVER_EMISSIONS, SILVER_SHIP_REGISTER
from infra.console import Command, json_option
from lakehouse.runs import recorded
from lakehouse.transforms.emissions import ROLLING_DAYS, emission_compliance

CHECKS = ("imo-2030", *eu_checks.CHECKS)
HOURS = (f.UNDERWAY_H, f.ANCHORED_H, f.BERTH_H)
NEEDED = [field for field in SILVER_EMISSIONS.fields if field not in HOURS]
NEEDED_OF_SHIPS = (f.IMO_NUMBER, f.CII_SHIP_TYPE, f.DWT_T, f.GROSS_TONNAGE)


@click.command("emissions", cls=Command)
@click.option("--input", "input_path", help="Delta table of fuel days; default: silver/emissions of the lake.")
@click.option("--output", "output_path", help="Delta table to write; default: gold/emission_compliance of the lake.")
@click.option("--register", "register_path", help="Delta table of ships; default: silver/ship_register of the lake.")
@click.option("--compliance-check", type=click.Choice(CHECKS), default=CHECKS[0], show_default=True)
@click.option("--start-date", help="First day, as 2024-01-01; default: the first there is.")
@click.option("--end-date", help="Last day, included; default: the last there is.")
@click.option("--as-known-on", help="Rate as the rules stood on a day, as 2024-06-30; default: by all that is decided.")
@click.option("--report", "report_folder", type=click.Path(path_type=Path), help="Folder of the report files.")
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")
@json_option
def main(
    input_path: str | None,
    output_path: str | None,
    register_path: str | None,
    compliance_check: str,
    start_date: str | None,
    end_date: str | None,
    as_known_on: str | None,
    report_folder: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Compute CO2 and carbon intensity (CII) of each vessel and day, and rate the year so far.

    CO2 by the factors of MEPC.364(79), rolling values over 7 and 30 calendar days, attained and required CII, rating
    A to E so far, and the same against the limit of 2030. A run replaces exactly the days asked for; rules as they
    were known on a day are told by the rows' `regulation_version`, so give them an output of their own.
    """
    if compliance_check in eu_checks.CHECKS:
        asked = (input_path, output_path, register_path, start_date, end_date, as_known_on, report_folder)
        eu_checks.check(compliance_check, *asked, dry_run=dry_run, as_json=as_json)
        return
    settings, regulation = load_settings(), rules_of(as_known_on)
    source_path = input_path or f"{settings.lake}/{SILVER_EMISSIONS.path}"
    target = output_path or f"{settings.lake}/{GOLD_EMISSION_COMPLIANCE.path}"
    ships = register_path or f"{settings.lake}/{SILVER_SHIP_REGISTER.path}"
    source = inputs.read_log(source_path, SILVER_EMISSIONS, NEEDED, f.REPORTED_ON)
    period = inputs.period_in(source, start_date, end_date)
    for year in (period.start_on.year, period.end_on.year):
        regulation.reduction_pct(year)
    inputs.check_output(target, GOLD_EMISSION_COMPLIANCE, source)
    inputs.read_log(ships, SILVER_SHIP_REGISTER, NEEDED_OF_SHIPS)
    arguments = {
        "input": source.path, "output": target, "register": ships, "compliance_check": compliance_check,
        "start_date": period.start_on, "end_date": period.end_on,
        **({"as_known_on": as_known_on} if as_known_on else {}),
    }  # fmt: skip
    if dry_run:
        tell_plan(arguments, source.files_in(period), as_json=as_json)
        return

    places = {
        SILVER_EMISSIONS.name: source.path,
        SILVER_SHIP_REGISTER.name: ships,
        GOLD_EMISSION_COMPLIANCE.name: target,
    }
    with recorded(Run, "emissions", arguments, settings, places) as run:
        with timed(run):
            compute(run, source, period, regulation)
        fleet = emission_report.fleet(run, period)
        results, facts = summarise(run, fleet)
        run.reports = emission_report.write(run, period, fleet, regulation, report_folder or settings.reports)
    tell(run, results, facts, as_json=as_json)


def rules_of(as_known_on_day: str | None) -> Regulation:
    """The rules to rate by: all that is decided, or only what was by the day.

    Raises:
        InputError: It is not a day.
        ConfigurationError: There was no CII on it.
    """
    day = inputs.parse_day(as_known_on_day, "--as-known-on")
    return as_known_on(day) if day else load_regulation()


def compute(run: Run, source: inputs.Source, period: inputs.Period, regulation: Regulation) -> None:
    """Read the period and the days that its rolling and yearly values need, rate, and replace the period's days.

    Raises:
        InputError: There is no fuel day in the period.
    """
    day = F.col("reported_on")
    earliest = min(period.start_on - timedelta(days=max(ROLLING_DAYS) - 1), date(period.start_on.year, 1, 1))
    fuel_days = run.read(SILVER_EMISSIONS).filter((day >= earliest) & (day <= period.end_on))
    if not run.load(fuel_days, f.REPORTED_ON, period, source):
        raise inputs.no_rows(source, period)
    years = range(period.start_on.year, period.end_on.year + 1)
    rated = emission_compliance(fuel_days, run.read(SILVER_SHIP_REGISTER), regulation, years)
    run.basis["regulation"] = regulation.version
    covers = {"reported_on": (period.start_on, period.end_on)}
    run.write(GOLD_EMISSION_COMPLIANCE, rated.filter(period.where(f.REPORTED_ON)), covers)


def summarise(run: Run, fleet: list[dict[str, Any]]) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Ratings of the fleet and the vessels furthest over their limit."""
    run.rows_written = sum(ship["days"] for ship in fleet)
    rated = [ship for ship in fleet if ship["cii_rating_ytd"]]
    over = sorted((ship for ship in rated if ship["is_over_limit"]), key=emission_report.excess, reverse=True)
    results = {
        "ratings_of_the_year_so_far": emission_report.rating_counts(fleet),
        "furthest_over_their_limit": [_shown(ship) for ship in over[:10]],
    }
    facts = {
        "vessel_years": len(fleet),
        "rated": len(rated),
        "not_rated": len(fleet) - len(rated),
        "over_limit": len(over),
        "over_limit_of_2030": sum(bool(ship["is_over_limit_2030"]) for ship in rated),
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
