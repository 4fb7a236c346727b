"""The checks ``eu-ets`` and ``fueleu`` of ``maritime-emissions``: what the EU's rules say to each ship and year."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs import eu_report, inputs
from batch_jobs.emission_options import Options
from batch_jobs.inputs import Period
from batch_jobs.runs import Run, tell, tell_plan, timed
from contracts import fields as f
from contracts.regulation.eu import EuRules, eu_as_known_on, load_eu_rules
from contracts.settings import Settings, load_settings
from contracts.tables import (
    GOLD_EU_ETS_YEAR,
    GOLD_FUELEU_YEAR,
    SILVER_EMISSIONS,
    SILVER_SHIP_REGISTER,
    SILVER_VOYAGES,
    Table,
)
from lakehouse.provenance import told_settings
from lakehouse.runs import recorded
from lakehouse.transforms.eu_scope import scope_spans, scoped_days
from lakehouse.transforms.eu_years import ets_years, fueleu_years

HOURS = (f.UNDERWAY_H, f.ANCHORED_H, f.BERTH_H)
NEEDED = [field for field in SILVER_EMISSIONS.fields if field not in HOURS]
NEEDED_OF_SHIPS = (f.IMO_NUMBER, f.CII_SHIP_TYPE, f.GROSS_TONNAGE)
NEEDED_OF_VOYAGES = (f.VOYAGE_ID, f.MMSI, f.FROM_LOCODE, f.TO_LOCODE, f.DEPARTED_AT, f.ARRIVED_AT, f.STATUS)
Years = Callable[[DataFrame, DataFrame, EuRules, str | None], DataFrame]


@dataclass(frozen=True, slots=True)
class Check:
    """A check: the table that it writes, what computes it, and its report."""

    table: Table
    years: Years
    page: eu_report.Page


CHECKS = {
    "eu-ets": Check(GOLD_EU_ETS_YEAR, ets_years, eu_report.ETS),
    "fueleu": Check(GOLD_FUELEU_YEAR, fueleu_years, eu_report.FUELEU),
}


def check(given: Options) -> None:
    """Reckon the calendar years that a period touches, up to its last day, and report them.

    A run replaces exactly these years. Voyages are those of the lake.

    Raises:
        InputError: A table, a column or a day is not there, or there is no fuel day in the period.
    """
    inputs.days_asked(given.start_date, given.end_date)
    settings, day = load_settings(), inputs.parse_day(given.as_known_on, "--as-known-on")
    name = given.compliance_check
    chosen, rules = CHECKS[name], eu_as_known_on(day) if day else load_eu_rules()
    places = {
        SILVER_EMISSIONS.name: given.input_path or f"{settings.lake}/{SILVER_EMISSIONS.path}",
        SILVER_SHIP_REGISTER.name: given.register_path or f"{settings.lake}/{SILVER_SHIP_REGISTER.path}",
        SILVER_VOYAGES.name: f"{settings.lake}/{SILVER_VOYAGES.path}",
        chosen.table.name: given.output_path or f"{settings.lake}/{chosen.table.path}",
    }
    source = _looked_up(chosen, places)
    period = inputs.period_in(source, given.start_date, given.end_date)
    arguments = {
        "input": source.path, "output": places[chosen.table.name], "register": places[SILVER_SHIP_REGISTER.name],
        "voyages": places[SILVER_VOYAGES.name], "compliance_check": name, "start_date": period.start_on,
        "end_date": period.end_on, **({"as_known_on": given.as_known_on} if given.as_known_on else {}),
    }  # fmt: skip
    if given.dry_run:
        tell_plan(arguments, source.files_in(period), as_json=given.as_json)
        return
    with recorded(Run, "emissions", arguments, settings, places) as run:
        with timed(run):
            days = compute(run, chosen, source, period, rules, settings)
        fleet, unknown = eu_report.fleet(run, chosen.table, period), eu_report.unknown_days(days, period)
        run.rows_written = len(fleet)
        results, facts = eu_report.summarise(chosen.page, fleet, unknown)
        folder = given.report_folder or settings.reports
        run.reports = eu_report.write(run, chosen.page, period, fleet, unknown, rules, folder)
    tell(run, results, facts, as_json=given.as_json)


def _looked_up(chosen: Check, places: Mapping[str, str]) -> inputs.Source:
    """The fuel days as their log describes them; everything else is seen to be as it should, before Spark starts."""
    source = inputs.read_log(places[SILVER_EMISSIONS.name], SILVER_EMISSIONS, NEEDED, f.REPORTED_ON)
    inputs.check_output(places[chosen.table.name], chosen.table, source)
    inputs.read_log(places[SILVER_SHIP_REGISTER.name], SILVER_SHIP_REGISTER, NEEDED_OF_SHIPS)
    inputs.read_log(places[SILVER_VOYAGES.name], SILVER_VOYAGES, NEEDED_OF_VOYAGES)
    return source


def compute(
    run: Run, chosen: Check, source: inputs.Source, period: Period, rules: EuRules, settings: Settings
) -> DataFrame:
    """Read the years' fuel days and all voyages, reckon, and replace these years.

    Returns:
        The fuel days with their scope.

    Raises:
        InputError: There is no fuel day in the period.
    """
    begins_on = date(period.start_on.year, 1, 1)
    is_asked = (F.col("reported_on") >= begins_on) & (F.col("reported_on") <= period.end_on)
    fuel_days = run.read(SILVER_EMISSIONS).where(is_asked)
    if not run.load(fuel_days, f.REPORTED_ON, period, source):
        raise inputs.no_rows(source, period)
    days = scoped_days(fuel_days, scope_spans(run.read(SILVER_VOYAGES), rules))
    rows = chosen.years(days, run.read(SILVER_SHIP_REGISTER), rules, settings.eu_lng_engine)
    run.basis["regulation"] = rules.version
    run.basis["settings"] = {**told_settings(settings), "eu_lng_engine": settings.eu_lng_engine}
    first, last = period.start_on.year, period.end_on.year
    run.replace(chosen.table, rows, f"year >= {first} AND year <= {last}", {"year": (first, last)})
    return days
