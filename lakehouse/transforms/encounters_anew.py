"""Encounters again after new positions: in the time around them, since the other vessel may have no new position."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.transforms.encounters import LONGEST_LEG_H
from lakehouse.transforms.intervals import hours

AROUND_H = 24.0
"""How far around new positions an encounter may change by them; one that is known of is taken whole."""


def window(fresh: DataFrame, stored: DataFrame, others: DataFrame) -> DataFrame:
    """One row: ``from_at`` and ``to_at``, in which encounters begin anew, and which positions that needs.

    Args:
        fresh: The new positions.
        stored: ``gold.encounters``.
        others: Segments of the vessels whose tracks are other than before, with ``began_at`` and ``heard_at``.
    """
    new = fresh.agg(F.min("observed_at").alias("first_at"), F.max("observed_at").alias("last_at"))
    moved = others.agg(F.min("began_at").alias("began_at"), F.max("heard_at").alias("heard_at"))
    first, last = F.least("first_at", "began_at") - hours(AROUND_H), F.greatest("last_at", "heard_at") + hours(AROUND_H)
    around = new.crossJoin(moved).select(first.alias("around_from_at"), last.alias("around_to_at"))
    is_near = (F.col("ended_at") >= F.col("around_from_at")) & (F.col("started_at") <= F.col("around_to_at"))
    near = stored.join(F.broadcast(around), is_near).agg(
        F.min("started_at").alias("started_at"), F.max("ended_at").alias("ended_at")
    )
    whole = around.crossJoin(near).select(
        F.least("around_from_at", "started_at").alias("from_at"), F.greatest("around_to_at", "ended_at").alias("to_at")
    )
    leg = hours(LONGEST_LEG_H)
    return whole.select(
        "from_at", "to_at", (F.col("from_at") - leg).alias("read_from_at"), (F.col("to_at") + leg).alias("read_to_at")
    )


def in_window(positions: DataFrame, first_at: datetime, last_at: datetime) -> DataFrame:
    """The positions of a span of time, both ends included."""
    return positions.where(F.col("observed_at").between(F.lit(first_at), F.lit(last_at)))
