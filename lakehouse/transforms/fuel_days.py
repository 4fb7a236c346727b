"""Fuel days from all that is known: reported ones first, modelled ones where none was reported. Pure."""

from __future__ import annotations

from pyspark.sql import DataFrame

from contracts.tables import SILVER_EMISSIONS

DAY = ("mmsi", "reported_on")


def fuel_days(reported: DataFrame, modelled: DataFrame) -> DataFrame:
    """One row per vessel and day, in the columns of ``silver.emissions``.

    Args:
        reported: ``silver.emissions``.
        modelled: Days of `modelled_days`; one that was reported too is left out.
    """
    columns = SILVER_EMISSIONS.columns
    unreported = modelled.join(reported.select(*DAY), list(DAY), "left_anti")
    return reported.select(columns).unionByName(unreported.select(columns))
