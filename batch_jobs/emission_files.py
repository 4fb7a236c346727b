"""What an emissions run tells of what it has written: figures for the terminal, the page, and the files beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batch_jobs import emission_report, emission_run, greenhouse_gases, what_if, worst_voyages, year_report
from batch_jobs.inputs import Period
from batch_jobs.reports import write_csv
from batch_jobs.runs import Run
from contracts.regulation import Regulation
from contracts.regulation.eu import load_eu_rules
from lakehouse.transforms.uncertainty import FuelError


@dataclass(frozen=True, slots=True)
class Gases:
    """Which global warming potentials count, and the kind of engine in which LNG is burnt, if that was told."""

    gwp_set: str
    lng_engine: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked for.

    Attributes:
        period: Days.
        regulation: Rules to rate by.
        error: How far fuel may be off.
        change: The what-if, if any.
        gases: By what greenhouse gases are told beside the years; None for not at all.
        baseline_2008: The fleet's gCO2 per tonne and mile in 2008, if it was given.
        folder: Where the files go.
    """

    period: Period
    regulation: Regulation
    error: FuelError
    change: what_if.WhatIf | None
    gases: Gases | None
    baseline_2008: float | None
    folder: Path


def write(run: Run, asked: Asked, vessels: list[int] | None) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Write the page and the files; returns result tables and facts for the terminal.

    Args:
        run: The run that wrote the tables.
        asked: What it was asked for.
        vessels: Those of the what-if, of `what_if.vessels_of`.
    """
    period, regulation = asked.period, asked.regulation
    fleet, years = emission_report.fleet(run, period), emission_run.written_years(run, period)
    voyages = worst_voyages.written(run, period, emission_report.ESTIMATE)
    supposed = (
        what_if.reckon(run, period, regulation, asked.error, asked.change, years, vessels) if asked.change else []
    )
    gases = _gases(asked, years)
    results, facts = emission_run.summarise(run, fleet, years)
    results |= {"fleet_intensity": year_report.fleet_rows(run, period, asked.baseline_2008), "what_if_years": supposed}
    results |= {"greenhouse_gases": gases}
    content = year_report.content(run, period, years, results, asked.error)
    content |= worst_voyages.content(run, period, voyages, years)
    run.reports = emission_report.write(run, period, fleet, regulation, asked.folder, content)
    name = run.reports[0].stem
    run.reports += year_report.write_files(asked.folder, name, years, regulation, supposed)
    run.reports.append(write_csv(asked.folder / f"{name}_voyages.csv", worst_voyages.COLUMNS, voyages))
    if gases:
        run.reports.append(write_csv(asked.folder / f"{name}_greenhouse_gases.csv", greenhouse_gases.COLUMNS, gases))
    return results, facts


def _gases(asked: Asked, years: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Greenhouse gases beside the years, where they were asked for."""
    if asked.gases is None:
        return []
    eu = load_eu_rules()
    return greenhouse_gases.beside(years, eu, eu.gwp(asked.gases.gwp_set), asked.gases.lng_engine)
