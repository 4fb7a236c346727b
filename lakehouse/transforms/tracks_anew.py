"""Events of tracks again after new positions: only of the tracks concerned, and only from where it matters.

A track is read again from the last voyage-ending port call that was over before its earliest new position: what began
up to that departure stands. A track of which other segments are part now than before is read again whole.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.transforms.gaps import COVERAGE_H
from lakehouse.transforms.intervals import hours
from lakehouse.transforms.modelled_days import LONGEST_INTERVAL_H
from lakehouse.transforms.sailings import ends_a_voyage

LONG_AGO = "0001-01-01"


def other_than_before(labels: DataFrame, before: DataFrame) -> DataFrame:
    """``mmsi`` of those of whose segments one has another track, is another ship, or is noise or no longer so.

    Args:
        labels: ``segment_id``, ``mmsi``, ``track_id``, ``identity_id``, ``is_noise``; all segments of their MMSIs.
        before: The same as they are stored.
    """
    told = (("track_id", "was"), ("is_noise", "was_noise"), ("identity_id", "was_identity"))
    was = before.select("segment_id", *(F.col(name).alias(alias) for name, alias in told))
    is_other = reduce(Column.__or__, (~F.col(name).eqNullSafe(F.col(alias)) for name, alias in told))
    return labels.join(was, "segment_id").where(is_other).select("mmsi").distinct()


def starts(new: DataFrame, labels: DataFrame, calls: DataFrame, others: DataFrame) -> DataFrame:
    """From when on each track that has new positions, or other segments than before, is stated anew.

    Args:
        new: ``segment_id`` and ``observed_at`` of the new positions.
        labels: ``segment_id``, ``mmsi``, ``track_id``, ``is_noise``, ``began_at`` of all segments of their MMSIs.
        calls: ``gold.port_calls`` as they are stored.
        others: ``mmsi`` whose tracks are other than before.

    Returns:
        One row per track: ``track_id``; ``begins_at``, the departure of the last settled call, null for the track's
        beginning; ``read_from_at``, from when on positions are needed for what begins then, and for the fuel of
        that whole day.
    """
    ships = labels.where(~F.col("is_noise"))
    in_part = ships.join(others, "mmsi", "left_anti").join(new, "segment_id")
    earliest = in_part.groupBy("track_id").agg(F.min("observed_at").alias("new_at"))
    over = calls.where(ends_a_voyage()).join(earliest, "track_id").where(F.col("left_by_at") < F.col("new_at"))
    settled = over.groupBy("track_id").agg(
        F.max("departed_at").alias("begins_at"),
        F.max_by(F.coalesce("moved_at", "departed_at"), "departed_at").alias("berth_at"),
    )
    whole = ships.join(others, "mmsi").select("track_id").distinct()
    first = ships.groupBy("track_id").agg(F.min("began_at").alias("first_at"))
    return (
        earliest.select("track_id")
        .unionByName(whole)
        .join(first, "track_id")
        .join(settled, "track_id", "left")
        .withColumn("of_day_at", F.date_trunc("day", "begins_at") - hours(LONGEST_INTERVAL_H))
        .withColumn("read_from_at", F.coalesce(F.least(F.col("berth_at") - hours(COVERAGE_H), "of_day_at"), "first_at"))
        .select("track_id", "begins_at", "read_from_at")
    )


def from_start(rows: DataFrame, begins: DataFrame, at: str, *, inclusive: bool) -> DataFrame:
    """Rows of the tracks that begin after, or with ``inclusive`` at, the instant from which they are stated anew."""
    since = F.coalesce("begins_at", F.lit(LONG_AGO).cast("timestamp"))
    is_later: Column = F.col(at) >= since if inclusive else F.col(at) > since
    return rows.join(begins.select("track_id", "begins_at"), "track_id").where(is_later).drop("begins_at")


def settled_calls(calls: DataFrame, begins: DataFrame) -> DataFrame:
    """The stored port calls from whose end on the tracks are stated anew: the first voyage anew departs there."""
    ended = begins.select("track_id", F.col("begins_at").alias("departed_at")).where("departed_at IS NOT NULL")
    return calls.where(ends_a_voyage()).join(ended, ["track_id", "departed_at"], "left_semi")
