"""Who sailed under an MMSI from when to when, from what was told hour by hour. Pure."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts.tables import SILVER_VESSELS
from lakehouse.transforms.intervals import hours_between
from lakehouse.transforms.same_ship import MAX_SILENCE_H

IDENTITY = ("mmsi", "identity_id")
VALIDITY = ("valid_from_at", "valid_to_at", "is_shared")
FIRST = [name for name in SILVER_VESSELS.columns if name not in (*IDENTITY, *VALIDITY)]
"""Columns that a row has of its first report."""


def vessel_spells(told: DataFrame) -> DataFrame:
    """Rows of ``silver.vessels`` for all MMSIs of these reports.

    An identity holds until another one is told first. One that comes back within 24 hours was never gone: then both
    were told by turns, by two ships under one number, or one of them by mistake. They overlap, and both are shared.
    An identity that nothing follows, though the MMSI was heard for more than 24 hours after it, ended with its last
    report.

    Args:
        told: ``silver.identities``: all reports of these MMSIs, at most one to an MMSI, identity and instant.
    """
    spells = _spells(told).withColumns(
        {
            "others": F.collect_list(F.struct("first_at", "last_at", "identity_id")).over(Window.partitionBy("mmsi")),
            "heard_at": F.max("last_at").over(Window.partitionBy("mmsi")),
        }
    )
    return spells.withColumns(
        {"valid_from_at": F.col("first_at"), "valid_to_at": _valid_to(), "is_shared": _is_shared()}
    ).select(*(f"first.{name}" if name in FIRST else name for name in SILVER_VESSELS.columns))


def _spells(told: DataFrame) -> DataFrame:
    """Runs of one identity: ``first_at``, ``last_at``, and its first report as ``first``."""
    of_ship = Window.partitionBy("mmsi").orderBy("observed_at", "identity_id")
    of_identity = Window.partitionBy(*IDENTITY).orderBy("observed_at")
    before = F.lag("observed_at").over(of_identity)
    another = F.lag("identity_id").over(of_ship) != F.col("identity_id")
    begins = before.isNull() | (another & (hours_between(before, F.col("observed_at")) > MAX_SILENCE_H))
    runs = told.withColumn("begins", begins.cast("int")).withColumn("run", F.sum("begins").over(of_identity))
    return runs.groupBy(*IDENTITY, "run").agg(
        F.min("observed_at").alias("first_at"),
        F.max("observed_at").alias("last_at"),
        F.min_by(F.struct(*FIRST), "observed_at").alias("first"),
    )


def _valid_to() -> Column:
    later = F.array_min(
        F.transform(F.filter("others", lambda other: other["first_at"] > F.col("last_at")), lambda o: o["first_at"])
    )
    is_over = hours_between(F.col("last_at"), F.col("heard_at")) > MAX_SILENCE_H
    return F.coalesce(later, F.when(is_over, F.col("last_at")))


def _is_shared() -> Column:
    def is_beside(other: Column) -> Column:
        is_another = other["identity_id"] != F.col("identity_id")
        return is_another & (other["first_at"] <= F.col("last_at")) & (other["last_at"] >= F.col("first_at"))

    return F.exists("others", is_beside)
