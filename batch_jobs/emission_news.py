"""What has changed since Gold's emissions were computed: from which versions they were, and what differs from these.

Each commit of a run names the versions that it read, the rules and the fuel errors, and the tables' own ids. Where
these are the same today, only what differs between the versions wants computing. ``gold.emission_compliance`` speaks
for the tables beside it: a full run is whole once all of them have its commit, and `emission_restated` writes it last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Any

import deltalake
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs.emission_run import MODELLED
from batch_jobs.inputs import Period
from batch_jobs.runs import Run
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
    Table,
)
from infra.release import code_version
from lakehouse.differences import differing
from lakehouse.evidence.history import Commit, history
from lakehouse.transforms.uncertainty import FuelError
from lakehouse.transforms.voyage_emissions import OF_VOYAGE

DAY = ("mmsi", "imo_number", "reported_on")
OF_SHIP = ("imo_number", "cii_ship_type", "dwt_t", "gross_tonnage")
"""What a rating reads of the register."""
BESIDE = (GOLD_EMISSION_YEAR, GOLD_EMISSION_OUTLOOK, GOLD_VOYAGE_EMISSIONS)
SINCE = "restated_since"
"""In a commit of `emission_restated`: the versions from which it looked for changes."""
CARE = {
    "OPTIMIZE", "VACUUM START", "VACUUM END", "CREATE TABLE", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "CLUSTER BY",
    "ADD COLUMNS", "CHANGE COLUMN",
}  # fmt: skip
"""Operations that change no row."""


class CannotTellError(Exception):
    """Why it cannot be known what has changed."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What Gold rests on: the version of each table that was read, and the days for which that holds."""

    inputs: Mapping[str, int]
    first: date
    last: date

    def beyond(self, day: str) -> str:
        """SQL condition on a day of a period that begins with these: nothing was computed of it at these versions."""
        return f"{day} > DATE'{self.last}'"


@dataclass(frozen=True, slots=True)
class News:
    """What differs.

    Attributes:
        days: ``mmsi``, ``imo_number``, ``reported_on`` of fuel days that came, went or are other than before.
        ships: ``imo_number`` of ships that the register has otherwise.
        voyages: ``voyage_id``, ``mmsi`` of voyages that came, went or are other than before.
    """

    days: DataFrame
    ships: DataFrame
    voyages: DataFrame

    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return all(rows.isEmpty() for rows in (self.days, self.ships, self.voyages))


def note(run: Run, regulation: Regulation, error: FuelError) -> None:
    """Let all commits of the run say what its rows rest on: a later one knows then whether it may go on from there."""
    reads = [SILVER_EMISSIONS, SILVER_SHIP_REGISTER, GOLD_VOYAGE_ANALYTICS]
    if MODELLED in run.arguments:
        reads.append(GOLD_TRACK_FUEL)
    run.basis["regulation"] = regulation.version
    run.basis["fuel_error_pct"] = [error.reported_pct, error.modelled_pct, error.modelled_low_pct]
    run.basis["table_ids"] = {
        table.name: str(deltalake.DeltaTable(run.store.path(table)).metadata().id)
        for table in reads
        if run.store.exists(table)
    }


def reached(run: Run, period: Period) -> Reached:
    """The versions that the period's rows in Gold rest on, and the days of it for which that holds.

    Raises:
        CannotTellError: They were never computed, or by other rules, from other tables, or by somebody else.
    """
    if not run.store.exists(GOLD_EMISSION_COMPLIANCE):
        raise CannotTellError("nothing has been computed yet")
    best: Reached | None = None
    for commit in _commits(run):
        other = _other_basis(run, commit)
        if other and best is None:
            raise CannotTellError(other)
        if other:
            break
        found = _reached_by(run, commit)
        if found is None or found.first > period.start_on:
            continue
        if best is None or found.last > best.last:
            best = found
        if best.last >= period.end_on:
            break
    if best is None:
        raise CannotTellError(f"no run has yet computed all tables from {period.start_on} on")
    return best


def news(run: Run, since: Reached, period: Period) -> News:
    """What differs between the versions reached and those of now, and all that is beyond the days reached.

    Raises:
        CannotTellError: Files of a version reached are gone.
    """
    ids = run.basis["table_ids"]
    fuel = [table for table in (SILVER_EMISSIONS, GOLD_TRACK_FUEL) if table.name in ids]
    days = [_differing(run, since, table, DAY, table.columns) for table in fuel]
    ships = _differing(run, since, SILVER_SHIP_REGISTER, ("imo_number",), OF_SHIP)
    voyages = [days[0].select(F.lit(None).cast("string").alias("voyage_id"), "mmsi").limit(0)]
    if GOLD_VOYAGE_ANALYTICS.name in ids:
        voyages = [_differing(run, since, GOLD_VOYAGE_ANALYTICS, ("voyage_id", "mmsi"), OF_VOYAGE)]
    if since.last < period.end_on:
        year_end = date(period.end_on.year, 12, 31)  # a year is rated by all its days
        new = f"{since.beyond('reported_on')} AND reported_on <= DATE'{year_end}'"
        days += [run.read(table).where(new).select(*DAY) for table in fuel]
        if GOLD_VOYAGE_ANALYTICS.name in ids:
            later = run.read(GOLD_VOYAGE_ANALYTICS).where(since.beyond("departed_on"))
            voyages.append(later.select("voyage_id", "mmsi"))
    told = (reduce(DataFrame.unionByName, days), ships, reduce(DataFrame.unionByName, voyages))
    return News(*(run.store.kept(rows.distinct()) for rows in told))


def _differing(
    run: Run, since: Reached, table: Table, told: tuple[str, ...], compared: tuple[str, ...] | list[str]
) -> DataFrame:
    run.read(table)  # pins the version
    before, now = since.inputs.get(table.name), run.inputs[table.name]
    found = differing(run.store, table, before, now, told, compared)
    if found is None:
        raise CannotTellError(f"files of version {before} of {table.name} are no longer kept")
    return found


def _commits(run: Run) -> Iterator[Commit]:
    """Those of the table of days that have a say in its rows, newest first."""
    for commit in history(run.store.path(GOLD_EMISSION_COMPLIANCE), run.store.version(GOLD_EMISSION_COMPLIANCE)):
        if commit.operation not in CARE and "zorder_by" not in commit.said:
            yield commit


def _other_basis(run: Run, commit: Commit) -> str | None:
    """Why the rows of a commit are not what this run would have written; null where they are."""
    name, said = GOLD_EMISSION_COMPLIANCE.name, commit.said
    if said.get("job") != run.job:
        return f"version {commit.version} of {name} was written by something else ({commit.operation})"
    now: dict[str, Any] = {"code": code_version(), **{key: run.basis[key] for key in ("regulation", "fuel_error_pct")}}
    for key, value in now.items():
        if said.get(key) != value:
            return f"version {commit.version} of {name} has {key} {said.get(key)}, and now it is {value}"
    ids = run.basis["table_ids"]
    for table, table_id in said.get("table_ids", {}).items():
        if ids.get(table) != table_id:
            return f"version {commit.version} of {name} rests on another table {table}"
    return None


def _reached_by(run: Run, commit: Commit) -> Reached | None:
    """What a commit speaks for; null where its run broke off before all tables were written."""
    read = dict(commit.inputs)
    if SINCE not in commit.said:
        for table in BESIDE:
            if table == GOLD_VOYAGE_EMISSIONS and GOLD_VOYAGE_ANALYTICS.name not in commit.said["table_ids"]:
                continue
            beside = _of_run(run, table, str(commit.said["run_id"]))
            if beside is None:
                return None
            read |= beside.inputs
    first, last = (date.fromisoformat(day) for day in commit.said["covers"]["reported_on"])
    return Reached({name: read[name] for name in commit.said["table_ids"] if name in read}, first, last)


def _of_run(run: Run, table: Table, run_id: str) -> Commit | None:
    """The commit of a run to a table, if the table still rests on it."""
    if not run.store.exists(table):
        return None
    commits = history(run.store.path(table), run.store.version(table))
    return next((commit for commit in commits if commit.said.get("run_id") == run_id), None)
