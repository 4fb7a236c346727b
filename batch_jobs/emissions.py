"""``maritime-emissions``: CO2 and carbon intensity of a period, and what the regulation says to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from batch_jobs import emission_files, emission_news, emission_restated, emission_run, eu_checks, what_if
from batch_jobs.emission_files import Asked, Gases
from batch_jobs.emission_options import Options
from batch_jobs.emission_plan import Plan, planned
from batch_jobs.runs import Run, tell, tell_plan, timed
from contracts.errors import InputError
from contracts.regulation.eu import load_eu_rules
from infra.console import Command, json_option
from lakehouse.engines import Engine
from lakehouse.runs import recorded
from lakehouse.transforms.uncertainty import FuelError

ENGINES = get_args(Engine)
CHECKS = ("imo-2030", *eu_checks.CHECKS)
GWP_SETS = [gwp.gwp_set for gwp in load_eu_rules().gwps]


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
def main(**typed: Any) -> None:  # noqa: ANN401  click calls it by the names of the options
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
    options = Options(**typed)
    if options.compliance_check in eu_checks.CHECKS:
        _refuse_those_of_cii(options)
        eu_checks.check(options)
        return
    plan = planned(options)
    if options.dry_run:
        tell_plan(plan.arguments, plan.source.files_in(plan.period), as_json=options.as_json)
        return
    _compute(options, plan)


def _compute(options: Options, plan: Plan) -> None:
    """Compute all of it or what has changed, report it, and tell."""
    period, regulation, error = plan.period, plan.regulation, FuelError(*plan.settings.fuel_error_pct)
    with recorded(Run, "emissions", plan.arguments, plan.settings, plan.places, engine=options.engine) as run:
        emission_news.note(run, regulation, error)
        vessels = what_if.vessels_of(run, period, plan.change)
        with timed(run):
            restated = emission_restated.restate(run, period, regulation, error) if options.changed_only else None
            if restated is None:
                emission_run.compute_all(run, plan.source, period, regulation, error)
        if restated is None or options.report_folder is not None:
            results, facts = emission_files.write(run, _asked(options, plan, error), vessels)
        else:
            results, facts = emission_restated.told(restated)
    tell(run, results, facts, as_json=options.as_json)


def _asked(options: Options, plan: Plan, error: FuelError) -> Asked:
    """What the report is asked for."""
    gases = Gases(options.gwp, plan.settings.eu_lng_engine) if options.gwp else None
    folder = options.report_folder or plan.settings.reports
    return Asked(plan.period, plan.regulation, error, plan.change, gases, options.baseline_2008, folder)


def _refuse_those_of_cii(options: Options) -> None:
    """See that no option was given that only CII knows.

    Raises:
        InputError: One was.
    """
    for name, given in options.of_cii.items():
        option = f"--{name.replace('_', '-')}{f' {given}' if name == 'engine' else ''}"
        check = options.compliance_check
        raise InputError(f"{option} belongs to --compliance-check imo-2030: leave it out with {check}.")
