"""``--changed-only``: Gold's emissions of the vessels and days that differ from what was computed before.

What comes out is what a full run would have written: a fuel day tells on the days after it for 30 days and to the end
of its year, on all years of its vessel, and on the voyages of all that sailed under its MMSIs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs.emission_news import SINCE, CannotTellError, Reached, news, reached
from batch_jobs.emission_report import ESTIMATE
from batch_jobs.emission_run import in_years, years_of
from batch_jobs.emission_touched import Touched, touched_by
from batch_jobs.inputs import Period
from batch_jobs.runs import Run, rows_of
from batch_jobs.what_if import WhatIf
from contracts import fields as f
from contracts.errors import InputError
from contracts.regulation import Regulation
from contracts.tables import (
    GOLD_EMISSION_COMPLIANCE,
    GOLD_EMISSION_OUTLOOK,
    GOLD_EMISSION_YEAR,
    GOLD_VOYAGE_ANALYTICS,
    GOLD_VOYAGE_EMISSIONS,
    SILVER_SHIP_REGISTER,
    Table,
)
from infra.console import say
from lakehouse.engines import Engine, sums_by
from lakehouse.transforms.emission_outlook import emission_outlook
from lakehouse.transforms.emission_years import emission_years
from lakehouse.transforms.emissions import emission_compliance, vessel_id
from lakehouse.transforms.uncertainty import FuelError
from lakehouse.transforms.voyage_emissions import voyage_emissions

SHOWN = 20
"""Most vessel-years that the terminal shows."""


@dataclass(frozen=True, slots=True)
class Restated:
    """What was done: the vessel-years computed anew, each with what it was before, and whether anything had changed."""

    years: list[dict[str, Any]]
    is_new: bool = True


def check(engine: Engine, change: WhatIf | None, report_folder: Path | None, *, changed_only: bool) -> None:
    """See that nothing was asked for together with ``--changed-only``, or of Sail, that they do not do.

    Raises:
        InputError: Something was.
    """
    if engine == "sail" and change and change.speed_pct is not None:
        raise InputError("Sail cannot look up what a ship burns at another speed: leave --engine sail out.")
    if changed_only and change and report_folder is None:
        raise InputError("--what-if stands in the report, and --changed-only writes none: add --report FOLDER.")


def restate(run: Run, period: Period, regulation: Regulation, error: FuelError) -> Restated | None:
    """Bring the period's rows up to date; null where it cannot be known what has changed, and all is to be computed."""
    try:
        since = reached(run, period)
        found = news(run, since, period)
    except CannotTellError as reason:
        say(f"Everything is computed, for {reason}.")
        return None
    if found.is_empty():
        say("Nothing has changed since these tables were computed.")
        return Restated([], is_new=False)
    run.basis[SINCE] = dict(since.inputs)
    touched = touched_by(run, found, period)
    years = _years(run, touched, since, period, regulation, error)
    if run.store.exists(GOLD_VOYAGE_ANALYTICS):
        _voyages(run, touched, since, period, regulation, error)
    _days(run, touched, since, period, regulation)  # last: its commit says that all the others are done
    return Restated(years)


def told(of: Restated) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Result tables and facts for the terminal."""
    facts = {
        "changed": of.is_new,
        "vessels_restated": len({year["vessel_id"] for year in of.years}),
        "other_ratings": sum(year["rating"] != year["rating_before"] for year in of.years),
        "note": ESTIMATE,
    }
    return {"restated_years": of.years[:SHOWN]}, facts


def _days(run: Run, touched: Touched, since: Reached, period: Period, regulation: Regulation) -> None:
    register, years = run.read(SILVER_SHIP_REGISTER), years_of(period)
    in_years = (F.year("reported_on") >= years[0] - 1) & (F.col("reported_on") <= F.lit(period.end_on))
    rated = emission_compliance(touched.own_days.where(in_years), register, regulation, years, sums_by(run.store))
    rows = run.store.kept(_of_days(rated, touched, period))
    stored = run.store.read(GOLD_EMISSION_COMPLIANCE).where(period.where(f.REPORTED_ON))
    stale = _keys(GOLD_EMISSION_COMPLIANCE, _of_days(stored, touched, period)).unionByName(
        _keys(GOLD_EMISSION_COMPLIANCE, stored.where(since.beyond("reported_on")))
    )
    covers = {"reported_on": (period.start_on, period.end_on)}
    run.restate(GOLD_EMISSION_COMPLIANCE, rows, run.store.kept(stale), covers)
    run.rows_read, run.rows_written = touched.days.count(), rows.count()


def _of_days(rows: DataFrame, touched: Touched, period: Period) -> DataFrame:
    """Rows of the period's days that may be others now."""
    spans = F.broadcast(touched.vessels)
    held = (
        rows.withColumn("vessel_id", vessel_id())
        .join(spans, "vessel_id")
        .where("reported_on BETWEEN from_on AND to_on")
    )
    return held.where(period.where(f.REPORTED_ON)).select(*rows.columns)


def _years(
    run: Run, touched: Touched, since: Reached, period: Period, regulation: Regulation, error: FuelError
) -> list[dict[str, Any]]:
    register, covers = run.read(SILVER_SHIP_REGISTER), {"year": (period.start_on.year, period.end_on.year)}
    rows = run.store.kept(emission_years(touched.own_days, register, regulation, years_of(period), error))
    before = run.store.read(GOLD_EMISSION_YEAR).where(in_years(period))
    was = run.store.kept(before.join(touched.vessels, "vessel_id", "left_semi"))
    _restate_years(run, GOLD_EMISSION_YEAR, rows, touched, since, period, covers)
    outlook = run.store.kept(emission_outlook(rows, register, regulation))
    run.read(GOLD_EMISSION_YEAR)  # the outlook's commit names the version that its rows follow from
    _restate_years(run, GOLD_EMISSION_OUTLOOK, outlook, touched, since, period, covers)
    return _beside(rows_of(was), rows_of(rows.orderBy("vessel_id", "year")))


def _restate_years(
    run: Run, table: Table, rows: DataFrame, touched: Touched, since: Reached, period: Period, covers: dict[str, Any]
) -> None:
    stored = run.store.read(table).where(in_years(period))
    beyond = stored.where(F.col("year") > since.last.year)
    stale = stored.join(touched.vessels, "vessel_id", "left_semi").unionByName(beyond)
    run.restate(table, rows, run.store.kept(_keys(table, stale)), covers)


def _voyages(
    run: Run, touched: Touched, since: Reached, period: Period, regulation: Regulation, error: FuelError
) -> None:
    run.store.create(GOLD_VOYAGE_EMISSIONS)
    departed, register = period.where(f.DEPARTED_ON), run.read(SILVER_SHIP_REGISTER)
    voyages = _sailed(run.read(GOLD_VOYAGE_ANALYTICS).where(departed), touched)
    found = voyage_emissions(voyages, touched.days, register, regulation, years_of(period), error)
    rows = run.store.kept(found)
    stored = run.store.read(GOLD_VOYAGE_EMISSIONS).where(departed)
    stale = _sailed(stored, touched).unionByName(stored.where(since.beyond("departed_on")))
    covers = {"departed_on": (period.start_on, period.end_on)}
    run.restate(GOLD_VOYAGE_EMISSIONS, rows, run.store.kept(_keys(GOLD_VOYAGE_EMISSIONS, stale)), covers)


def _sailed(voyages: DataFrame, touched: Touched) -> DataFrame:
    return voyages.join(F.broadcast(touched.mmsis), "mmsi", "left_semi")


def _keys(table: Table, rows: DataFrame) -> DataFrame:
    return rows.select(*(column.name for column in table.key))


def _beside(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each vessel-year with what it was; one that is no more has nothing now."""
    was, new = ({(year["vessel_id"], year["year"]): year for year in years} for years in (before, now))
    return [
        {
            "vessel_id": str(vessel),
            "year": str(year),
            "cii_before": was.get((vessel, year), {}).get("cii_attained"),
            "cii": new.get((vessel, year), {}).get("cii_attained"),
            "rating_before": was.get((vessel, year), {}).get("cii_rating"),
            "rating": new.get((vessel, year), {}).get("cii_rating"),
        }
        for vessel, year in sorted(was.keys() | new.keys())
    ]
