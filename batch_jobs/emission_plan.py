"""What a run of ``maritime-emissions`` is about to do; all is seen to be as it should be before an engine starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from deltalake import DeltaTable

from batch_jobs import emission_restated, emission_run, inputs, what_if
from batch_jobs.emission_options import Options
from contracts import fields as f
from contracts.regulation import Regulation, as_known_on, load_regulation
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
from infra.console import say
from lakehouse import engines
from lakehouse.engines import Engine

OUTPUTS = (GOLD_EMISSION_COMPLIANCE, GOLD_EMISSION_YEAR, GOLD_EMISSION_OUTLOOK, GOLD_VOYAGE_EMISSIONS)
HOURS = (f.UNDERWAY_H, f.ANCHORED_H, f.BERTH_H)
NEEDED = [field for field in SILVER_EMISSIONS.fields if field not in HOURS]
NEEDED_OF_SHIPS = (f.IMO_NUMBER, f.CII_SHIP_TYPE, f.DWT_T, f.GROSS_TONNAGE)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is computed, by which rules, from which tables to which.

    Attributes:
        settings: Of the program.
        regulation: Rules to rate by.
        change: The what-if, if any.
        source: Fuel days as their logs describe them.
        period: Days.
        places: Where tables are, by name.
        arguments: What the run is recorded with.
    """

    settings: Settings
    regulation: Regulation
    change: what_if.WhatIf | None
    source: inputs.Source
    period: inputs.Period
    places: Mapping[str, str]
    arguments: Mapping[str, Any]


def planned(options: Options) -> Plan:
    """Look at what was asked for, and at the logs of the tables.

    Raises:
        InputError: An option, a table or a column is not as it should be, or there is no fuel day in the period.
        ConfigurationError: There are no rules for the period.
    """
    settings, regulation = load_settings(), rules_of(options.as_known_on)
    change = what_if.parse(options.what_if_text, options.vessel)
    emission_restated.check(options.engine, change, options.report_folder, changed_only=options.changed_only)
    inputs.days_asked(options.start_date, options.end_date)
    source, modelled = _fuel(options, settings, regulation)
    period = inputs.period_in(source, options.start_date, options.end_date)
    for year in (period.start_on.year, period.end_on.year):
        regulation.reduction_pct(year)
    written = places_of(options.output_path or f"{settings.lake}/{GOLD_EMISSION_COMPLIANCE.path}")
    check_outputs(written, source, options.engine)
    ships = options.register_path or f"{settings.lake}/{SILVER_SHIP_REGISTER.path}"
    inputs.read_log(ships, SILVER_SHIP_REGISTER, NEEDED_OF_SHIPS)
    places = {SILVER_EMISSIONS.name: source.path, SILVER_SHIP_REGISTER.name: ships, **written}
    arguments = _arguments(options, period, places, modelled)
    return Plan(settings, regulation, change, source, period, places, arguments)


def _fuel(options: Options, settings: Settings, regulation: Regulation) -> tuple[inputs.Source, inputs.Source | None]:
    """The fuel days, and those among them that are modelled: null where none are."""
    path = options.input_path or f"{settings.lake}/{SILVER_EMISSIONS.path}"
    reported = inputs.read_log(path, SILVER_EMISSIONS, NEEDED, f.REPORTED_ON)
    modelled = None if options.input_path else modelled_in(settings, regulation)
    return (inputs.together(reported, modelled) if modelled else reported), modelled


def _arguments(
    options: Options, period: inputs.Period, places: Mapping[str, str], modelled: inputs.Source | None
) -> dict[str, Any]:
    """What the run is recorded with: what was found out, and of the options those that were given."""
    return {
        "input": places[SILVER_EMISSIONS.name],
        "output": places[GOLD_EMISSION_COMPLIANCE.name],
        "register": places[SILVER_SHIP_REGISTER.name],
        "compliance_check": options.compliance_check,
        "start_date": period.start_on,
        "end_date": period.end_on,
        **({emission_run.MODELLED: modelled.path} if modelled else {}),
        **({"as_known_on": options.as_known_on} if options.as_known_on else {}),
        **({"vessel": None} if options.what_if_text else {}),  # the fleet, unless one is named
        **options.of_cii,
    }


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
