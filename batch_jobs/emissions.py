"""``maritime-emissions``: CO2 and carbon intensity of a period, and what the regulation says to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import get_args

import click
from deltalake import DeltaTable

from batch_jobs import emission_files, emission_news, emission_restated, emission_run, eu_checks, inputs, what_if
from batch_jobs.emission_files import Asked, Gases
from batch_jobs.runs import Run, tell, tell_plan, timed
from contracts import fields as f
from contracts.errors import InputError
from contracts.regulation import Regulation, as_known_on, load_regulation
from contracts.regulation.eu import load_eu_rules
from contracts.settings import Settings, load_settings
from contracts.tables import (
    GOLD_EMISSION_COMPLIANCE,
    GOLD_EMISSION_OUTLOOK,
    GOLD_EMISSION_YEAR,
    GOLD_TRACK_FUEL,
    GOLD_VOYAGE_EMISSIONS,
    SILVER_EMISSIONS,
    SILVER_SHIP_REGISTER,
)
from infra.console import Command, json_option, say
from lakehouse import engines
from lakehouse.engines import Engine
from lakehouse.runs import recorded
from lakehouse.transforms.uncertainty import FuelError

ENGINES = get_args(Engine)
CHECKS = ("imo-2030", *eu_checks.CHECKS)
OUTPUTS = (GOLD_EMISSION_COMPLIANCE, GOLD_EMISSION_YEAR, GOLD_EMISSION_OUTLOOK, GOLD_VOYAGE_EMISSIONS)
GWP_SETS = [gwp.gwp_set for gwp in load_eu_rules().gwps]
HOURS = (f.UNDERWAY_H, f.ANCHORED_H, f.BERTH_H)
NEEDED = [field for field in SILVER_EMISSIONS.fields if field not in HOURS]
NEEDED_OF_SHIPS = (f.IMO_NUMBER, f.CII_SHIP_TYPE, f.DWT_T, f.GROSS_TONNAGE)


@click.command("emissions", cls=Command)
@click.option(
    "--input", "input_path", help="Delta table of fuel days; default: the reported and modelled ones of the lake."
)
@click.option("--output", "output_path", help="Delta table to write; default: gold/emission_compliance of the lake.")
@click.option("--register", "register_path", help="Delta table of ships; default: silver/ship_register of the lake.")
@click.option("--compliance-check", type=click.Choice(CHECKS), default=CHECKS[0], show_default=True)
@click.option("--start-date", help="First day, as 2024-01-01; default: the first there is.")
@click.option("--end-date", help="Last day, included; default: the last there is.")
@click.option("--as-known-on", help="Rate as the rules stood on a day, as 2024-06-30; default: by all that is decided.")
@click.option("--what-if", "what_if_text", help="Beside it the year at another speed or fuel: speed=-10% or fuel=lng.")
@click.option("--vessel", type=int, help="The one ship of --what-if, by IMO number or MMSI; default: the fleet.")
@click.option("--gwp", type=click.Choice(GWP_SETS), help="Beside it CH4, N2O and well to wake by these potentials.")
@click.option("--baseline-2008", type=click.FloatRange(min=0, min_open=True), help="Your fleet in 2008, gCO2/t nm.")
@click.option("--report", "report_folder", type=click.Path(path_type=Path), help="Folder of the report files.")
@click.option("--engine", type=click.Choice(ENGINES), default="spark", show_default=True, help="What computes.")
@click.option("--changed-only", is_flag=True, help="Compute only vessels with other data than at the last run.")
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
    what_if_text: str | None,
    vessel: int | None,
    gwp: str | None,
    baseline_2008: float | None,
    report_folder: Path | None,
    engine: Engine,
    changed_only: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Compute CO2 and carbon intensity (CII) of each vessel and day, and rate its years.

    Fuel as ships report it; of days without a report what maritime-tracks has modelled from their positions.
    CO2 by the factors of MEPC.364(79), rolling values over 7 and 30 calendar days, attained and required CII, rating
    A to E so far, and the same against the limits to 2030. A run replaces exactly the days asked for; their calendar
    years are rated from all days there are, in the tables emission_year and emission_outlook beside it, and voyages
    that maritime-voyages has measured in voyage_emissions. Rules as they were known on a day are told by the rows'
    `regulation_version`, so give them an output of their own.

    With --changed-only a late, corrected or removed fuel day, ship or voyage costs its vessel alone: the tables'
    commits tell from which versions they were computed. Where that cannot be told (never run, other rules, settings,
    tables or program, old files deleted) it says so and computes everything. It writes a report only with --report.

    --engine sail computes the same without Java and in less time, and wants the extra: pip install 'maritimeiq[sail]'.
    It writes to no table that Spark has clustered, as those of the lake are: name an --output of its own. A correction
    restated there by --changed-only takes the least time of all.
    """
    if compliance_check in eu_checks.CHECKS:
        of_cii = {
            "--what-if": what_if_text, "--vessel": vessel, "--gwp": gwp, "--baseline-2008": baseline_2008,
            "--changed-only": changed_only or None, "--engine sail": None if engine == "spark" else engine,
        }  # fmt: skip
        _refuse(compliance_check, of_cii)
        paths = (input_path, output_path, register_path)
        eu_checks.check(
            compliance_check,
            eu_checks.Given(*paths, start_date, end_date, as_known_on, report_folder, dry_run, as_json),
        )
        return
    settings, regulation = load_settings(), rules_of(as_known_on)
    change = what_if.parse(what_if_text, vessel)
    emission_restated.check(engine, change, report_folder, changed_only=changed_only)
    source_path = input_path or f"{settings.lake}/{SILVER_EMISSIONS.path}"
    target = output_path or f"{settings.lake}/{GOLD_EMISSION_COMPLIANCE.path}"
    ships = register_path or f"{settings.lake}/{SILVER_SHIP_REGISTER.path}"
    source = inputs.read_log(source_path, SILVER_EMISSIONS, NEEDED, f.REPORTED_ON)
    modelled = None if input_path else modelled_in(settings, regulation)
    if modelled:
        source = inputs.together(source, modelled)
    period = inputs.period_in(source, start_date, end_date)
    for year in (period.start_on.year, period.end_on.year):
        regulation.reduction_pct(year)
    written = places_of(target)
    check_outputs(written, source, engine)
    inputs.read_log(ships, SILVER_SHIP_REGISTER, NEEDED_OF_SHIPS)
    arguments = {
        "input": source.path, "output": target, "register": ships, "compliance_check": compliance_check,
        "start_date": period.start_on, "end_date": period.end_on,
        **({emission_run.MODELLED: modelled.path} if modelled else {}),
        **({"as_known_on": as_known_on} if as_known_on else {}),
        **({"what_if": what_if_text, "vessel": vessel} if change else {}),
        **({"gwp": gwp} if gwp else {}),
        **({"baseline_2008": baseline_2008} if baseline_2008 else {}),
        **({"changed_only": True} if changed_only else {}),
        **({"engine": engine} if engine != "spark" else {}),
    }  # fmt: skip
    if dry_run:
        tell_plan(arguments, source.files_in(period), as_json=as_json)
        return

    places = {SILVER_EMISSIONS.name: source.path, SILVER_SHIP_REGISTER.name: ships, **written}
    error = FuelError(*settings.fuel_error_pct)
    gases = Gases(gwp, settings.eu_lng_engine) if gwp else None
    wanted = Asked(period, regulation, error, change, gases, baseline_2008, report_folder or settings.reports)
    with recorded(Run, "emissions", arguments, settings, places, engine=engine) as run:
        emission_news.note(run, regulation, error)
        vessels = what_if.vessels_of(run, period, change)
        with timed(run):
            restated = emission_restated.restate(run, period, regulation, error) if changed_only else None
            if restated is None:
                emission_run.compute_all(run, source, period, regulation, error)
        if restated is None or report_folder is not None:
            results, facts = emission_files.write(run, wanted, vessels)
        else:
            results, facts = emission_restated.told(restated)
    tell(run, results, facts, as_json=as_json)


def _refuse(check: str, options: Mapping[str, object]) -> None:
    """See that no option was given that only CII knows.

    Raises:
        InputError: One was.
    """
    for option, given in options.items():
        if given is not None:
            raise InputError(f"{option} belongs to --compliance-check imo-2030: leave it out with {check}.")


def places_of(target: str) -> dict[str, str]:
    """Where the tables go: the days to the target, the years and their outlook beside it."""
    folder = target.rstrip("/").rpartition("/")[0]
    beside = {table.name: f"{folder}/{table.name.partition('.')[2]}" for table in OUTPUTS[1:]}
    return {GOLD_EMISSION_COMPLIANCE.name: target, **beside}


def check_outputs(written: Mapping[str, str], source: inputs.Source, engine: Engine) -> None:
    """See that the run may write where it will.

    Raises:
        InputError: A table is the input, holds something else, lies where we may not write, or is none for the engine.
    """
    for table in OUTPUTS:
        inputs.check_output(written[table.name], table, source)
        engines.check_output(engine, written[table.name])


def modelled_in(settings: Settings, regulation: Regulation) -> inputs.Source | None:
    """Fuel days that maritime-tracks has modelled, of years that have a reduction; null where it has never run.

    Positions may be of any year. Those of a year before CII bring no period that nobody asked for.
    """
    path = f"{settings.lake}/{GOLD_TRACK_FUEL.path}"
    if not DeltaTable.is_deltatable(path):
        return None
    found = inputs.read_log(path, GOLD_TRACK_FUEL, GOLD_TRACK_FUEL.fields, f.REPORTED_ON)
    rated = inputs.Period(date(min(regulation.years), 1, 1), date(max(regulation.years), 12, 31))
    held = found.within(rated)
    if held.files != found.files:
        say(f"Modelled days outside {rated} are in no report: CII has no reduction for their years.")
    return held


def rules_of(as_known_on_day: str | None) -> Regulation:
    """The rules to rate by: all that is decided, or only what was by the day.

    Raises:
        InputError: It is not a day.
        ConfigurationError: There was no CII on it.
    """
    day = inputs.parse_day(as_known_on_day, "--as-known-on")
    return as_known_on(day) if day else load_regulation()
