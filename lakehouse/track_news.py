"""What has come since the tables of `track_tables` were brought up to date last: by what, and for whom, they differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import deltalake
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts import tables as t
from contracts.tables import Table
from lakehouse.additions import added
from lakehouse.differences import appeared
from lakehouse.runs import Run
from lakehouse.schema import spark_schema
from lakehouse.upkeep.log import commit_history

RULES = 4
"""Number of the rules by which rows are found. With another one all of them are found anew."""
TOLD = ("mmsi", "identity_id", "observed_at")
"""Of a static report."""
BASIS = (t.SILVER_POSITIONS, t.SILVER_IDENTITIES, t.SILVER_SHIP_REGISTER)
"""What the tables rest on. Only the positions must be there."""


@dataclass(frozen=True, slots=True)
class News:
    """What has come.

    Attributes:
        positions: New positions; null where what is new cannot be told, and all is to be found anew.
        told: ``mmsi`` of which something was told, by which identity, and when.
        registered: ``imo_number`` of ships of which the register says something else than before.
    """

    positions: DataFrame | None
    told: DataFrame
    registered: DataFrame


def known(run: Run, table: Table) -> DataFrame:
    """The table as of one version, without rows where it is not there."""
    if run.store.exists(table):
        return run.read(table)
    return run.store.spark.createDataFrame([], spark_schema(table))


def news(run: Run, columns: tuple[str, ...], *, whole: bool) -> News | None:
    """What has come since the last run; null where nothing has.

    Args:
        run: What reads and writes. From here on its commits name up to where it has read.
        columns: Of the positions.
        whole: Nothing that is stored counts.
    """
    now = {table.name: run.store.version(table) for table in BASIS if run.store.exists(table)}
    for table in BASIS:
        known(run, table)
    run.basis["positions"] = _identity(run)
    before = None if whole else _reached(run)
    if before == now:
        return None
    told = known(run, t.SILVER_IDENTITIES).select(*TOLD).limit(0)
    registered = known(run, t.SILVER_SHIP_REGISTER).select("imo_number").limit(0)
    if before is None:
        return News(None, told, registered)
    of = before[t.SILVER_POSITIONS.name], now[t.SILVER_POSITIONS.name]
    fresh = _come(run, t.SILVER_POSITIONS, *of, columns)
    return News(fresh, _told(run, before).distinct(), _registered(run, before).distinct())


def _told(run: Run, before: Mapping[str, int]) -> DataFrame:
    table = t.SILVER_IDENTITIES
    whole = known(run, table).select(*TOLD)
    if table.name not in run.inputs or table.name not in before:
        return whole
    since = _come(run, table, before[table.name], run.inputs[table.name], TOLD)
    return whole if since is None else since


def _come(run: Run, table: Table, before: int, now: int, columns: Sequence[str]) -> DataFrame | None:
    """Rows that have come between two versions; null where that cannot be told."""
    found = added(run.store, table, before, now, columns)
    return appeared(run.store, table, before, now, columns) if found is None else found


def _registered(run: Run, before: Mapping[str, int]) -> DataFrame:
    table = t.SILVER_SHIP_REGISTER
    now = known(run, table).select(*table.columns)
    if table.name not in run.inputs or table.name not in before:
        return now.select("imo_number")
    if before[table.name] == run.inputs[table.name]:
        return now.select("imo_number").limit(0)
    was = run.store.read(table, before[table.name]).select(*table.columns)
    return now.subtract(was).unionByName(was.subtract(now)).select("imo_number")


def _identity(run: Run) -> dict[str, Any]:
    """Which table of positions was read, and by which rules: another one is read whole."""
    table_id = deltalake.DeltaTable(run.store.path(t.SILVER_POSITIONS)).metadata().id
    return {"table_id": str(table_id), "rules": RULES}


def _reached(run: Run) -> dict[str, int] | None:
    """The version of each table that the stored rows rest on; null where all is to be found anew."""
    names = {table.name for table in BASIS}
    for commit in commit_history(deltalake.DeltaTable(run.store.path(t.GOLD_VESSEL_TRACKS))):
        said = json.loads(commit.get("userMetadata") or "{}")
        if commit.get("operation") == "RESTORE":
            return None
        if said.get("job") == run.job:
            is_same = said.get("positions") == run.basis["positions"]
            return {name: int(at) for name, at in said["inputs"].items() if name in names} if is_same else None
    return None


def touched(of: News, fresh: DataFrame, before: DataFrame) -> DataFrame:
    """``mmsi`` of all ships that are to be looked at again.

    Args:
        of: What has come.
        fresh: ``mmsi`` of the new positions.
        before: ``gold.vessel_tracks`` as it is stored.
    """
    again = before.select("mmsi", "imo_number").join(of.registered, "imo_number").select("mmsi")
    heard = before.select("mmsi").join(of.told, "mmsi", "left_semi")
    return fresh.select("mmsi").unionByName(again).unionByName(heard).distinct()


def registered_anew(of: News, before: DataFrame) -> DataFrame:
    """``mmsi`` of ships of which the register says something else than before."""
    mine = before.where(F.col("imo_number").isNotNull())
    return mine.join(of.registered, "imo_number", "left_semi").select("mmsi").distinct()
