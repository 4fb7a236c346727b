"""Hours between instants, and unbroken runs of rows."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

MICROS_PER_HOUR = 3_600_000_000


def hours_between(start_at: Column, end_at: Column) -> Column:
    """Hours from one instant to another; null for a null."""
    return (F.unix_micros(end_at) - F.unix_micros(start_at)) / F.lit(MICROS_PER_HOUR)


def hours(count: float) -> Column:
    """So many hours as an interval that an instant may be moved by."""
    return F.make_dt_interval(secs=F.lit(count * 3_600))


def event_id(key: Column, at: Column) -> Column:
    """An id that is the same whenever the same event is found again: its key and the second it began."""
    return F.concat_ws("-", key, F.unix_seconds(at))


def with_runs(rows: DataFrame, key: Sequence[str], longest_break_h: float, state: str | None = None) -> DataFrame:
    """Rows with ``run``: a number that is the same for rows that follow each other without a break.

    Args:
        rows: ``observed_at`` and the key; one row per key and instant.
        key: What a run is a run of.
        longest_break_h: Two rows further apart belong to two runs.
        state: Column whose change ends a run too.
    """
    in_order = Window.partitionBy(*key).orderBy("observed_at")
    since_h = hours_between(F.lag("observed_at").over(in_order), F.col("observed_at"))
    is_other = F.lit(False) if state is None else F.lag(state).over(in_order) != F.col(state)
    is_new = F.coalesce((since_h > longest_break_h) | is_other, F.lit(True)).cast("int")
    return rows.withColumn("is_new", is_new).withColumn("run", F.sum("is_new").over(in_order)).drop("is_new")
