"""Gaps: times without a position of a vessel that was heard before.

A gap is what the receivers did not hear. It is no evidence that anybody switched anything off: reception ends
behind the horizon, satellites pass, and antennas break.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.transforms.intervals import event_id, hours_between
from lakehouse.transforms.tracks import leg_nm

LEAST_GAP_H = 12.0
"""Global Fishing Watch, pipe-gaps: the default threshold of its GapDetector."""
COVERAGE_H = 12
"""How far back positions are counted, to tell how well the vessel was heard before (the same)."""


def gaps(positions: DataFrame, least_gap_h: float = LEAST_GAP_H) -> DataFrame:
    """One row per gap of a segment of at least so many hours, after which it was heard again.

    Args:
        positions: ``segment_id``, ``mmsi``, ``observed_at``, ``lat_deg``, ``lon_deg``; one row per segment and
            instant.
        least_gap_h: Shortest silence that counts.

    Returns:
        ``positions_before`` counts the positions in the 12 h up to the gap's start, the last one among them: few of
        them make an ordinary lack of reception likely. ``implied_speed_kn`` is the least speed that joins both ends.
    """
    silence_h = hours_between(F.col("observed_at"), F.col("after.observed_at"))
    found = _with_neighbours(positions).withColumn("duration_hours", silence_h)
    distance_nm = leg_nm(F.col("lat_deg"), F.col("lon_deg"), F.col("after.lat_deg"), F.col("after.lon_deg"))
    return found.where(F.col("duration_hours") >= least_gap_h).select(
        event_id(F.col("segment_id"), F.col("observed_at")).alias("gap_id"),
        "segment_id",
        "mmsi",
        F.col("observed_at").alias("started_at"),
        F.col("after.observed_at").alias("ended_at"),
        "duration_hours",
        *_place("start", F.col("lat_deg"), F.col("lon_deg")),
        *_place("end", F.col("after.lat_deg"), F.col("after.lon_deg")),
        distance_nm.alias("distance_nm"),
        (distance_nm / F.col("duration_hours")).alias("implied_speed_kn"),
        "positions_before",
        F.lit(False).alias("is_open"),
    )


def open_gaps(heard: DataFrame, least_gap_h: float = LEAST_GAP_H) -> DataFrame:
    """One row per segment that has not been heard again for at least so many hours.

    Args:
        heard: ``segment_id``, ``mmsi``, ``heard_at``, ``heard_lat_deg``, ``heard_lon_deg``, ``positions_before`` and
            ``complete_until``, up to when its feeds have been read (null: nobody knows, and there is no gap).
        least_gap_h: Shortest silence that counts.

    Returns:
        The columns of ``gaps``. End, distance and speed are null, ``duration_hours`` run up to ``complete_until``.
        Once the vessel is heard again, ``gaps`` gives the row with the same ``gap_id``.
    """
    silence_h = hours_between(F.col("heard_at"), F.col("complete_until"))
    nothing = F.lit(None).cast("double")
    return heard.where(silence_h >= least_gap_h).select(
        event_id(F.col("segment_id"), F.col("heard_at")).alias("gap_id"),
        "segment_id",
        "mmsi",
        F.col("heard_at").alias("started_at"),
        F.lit(None).cast("timestamp").alias("ended_at"),
        silence_h.alias("duration_hours"),
        *_place("start", F.col("heard_lat_deg"), F.col("heard_lon_deg")),
        *_place("end", nothing, nothing),
        nothing.alias("distance_nm"),
        nothing.alias("implied_speed_kn"),
        "positions_before",
        F.lit(True).alias("is_open"),
    )


def positions_before(positions: DataFrame) -> DataFrame:
    """How many positions each segment has in the 12 h up to its last one: ``segment_id``, ``positions_before``."""
    counted = _with_neighbours(positions).where(F.col("after").isNull())
    return counted.select("segment_id", "positions_before")


def _with_neighbours(positions: DataFrame) -> DataFrame:
    """Positions with the next one, and the number of positions in the hours up to them."""
    in_order = Window.partitionBy("segment_id").orderBy("observed_at")
    by_second = Window.partitionBy("segment_id").orderBy(F.unix_seconds("observed_at"))
    hours_before = by_second.rangeBetween(-COVERAGE_H * 3_600, 0)
    return positions.withColumns(
        {
            "after": F.lead(F.struct("observed_at", "lat_deg", "lon_deg")).over(in_order),
            "positions_before": F.count(F.lit(1)).over(hours_before),
        }
    )


def _place(end: str, lat_deg: Column, lon_deg: Column) -> tuple[Column, Column]:
    return lat_deg.alias(f"{end}_lat_deg"), lon_deg.alias(f"{end}_lon_deg")
