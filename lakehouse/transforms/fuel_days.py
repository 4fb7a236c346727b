"""Fuel days from all that is known: reported ones first, modelled ones where none was reported. Pure."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.tables import SILVER_EMISSIONS

DAY = ("mmsi", "reported_on")


def fuel_days(reported: DataFrame, modelled: DataFrame) -> DataFrame:
    """One row per vessel and day, in the columns of ``silver.emissions``.

    Args:
        reported: ``silver.emissions``.
        modelled: ``gold.track_fuel``. A day that was reported too is left out, by MMSI or by IMO number, and so is a
            day on which two ships were heard under one MMSI: `shared_days` counts these.
    """
    columns = SILVER_EMISSIONS.columns
    by_number = reported.where(F.col("imo_number").isNotNull()).select("imo_number", "reported_on")
    unreported = (
        modelled.join(shared_days(modelled), list(DAY), "left_anti")
        .join(reported.select(*DAY), list(DAY), "left_anti")
        .join(by_number, ["imo_number", "reported_on"], "left_anti")
    )
    return reported.select(columns).unionByName(unreported.select(columns))


def shared_days(modelled: DataFrame) -> DataFrame:
    """``mmsi`` and ``reported_on`` of days of which no fuel is told, since two ships were heard under the MMSI."""
    tracks = modelled.groupBy(*DAY).agg(F.count_distinct("track_id").alias("tracks"))
    return tracks.where("tracks > 1").select(*DAY)
