"""From one position of a ship to the next: how long, how far, how fast, and what it was doing. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts.regulation.emission_control_areas import ControlArea
from lakehouse.transforms.control_areas import is_in_eca
from lakehouse.transforms.intervals import hours_between
from lakehouse.transforms.phases import phase
from lakehouse.transforms.port_areas import KM_PER_NM
from lakehouse.transforms.tracks import leg_nm

LONGEST_REPORTED_H = 1.0
"""Reported speeds tell the way in between up to here; over a longer interval it is distance by time."""
STILL_KN = 0.5
"""Slower than this at both ends within an hour a ship lies still: the receiver's jitter is no way (our choice)."""


def track_intervals(positions: DataFrame, areas: Iterable[ControlArea], jump_limit_kn: float) -> DataFrame:
    """One row per position that has a later one in its segment, for `modelled_days`, but for the draught.

    Args:
        positions: ``segment_id`` (of a whole track), ``mmsi``, ``observed_at``, ``lat_deg``, ``lon_deg``, ``sog_kn``,
            ``source``, ``is_tanker``, and ``port_km`` of the nearest port within 5 nm; one row per segment and instant.
        areas: Emission control areas.
        jump_limit_kn: Fastest speed that a vessel can have; a leg that needs more is none.

    Returns:
        ``track_id``, ``mmsi``, ``started_at``, ``interval_h``, ``distance_nm`` (0 for a ship that lies still),
        ``sog_kn`` (mean of the speeds at both ends; distance by time for an interval of more than an hour or without
        them), ``phase``, ``is_in_eca`` and ``source``.
    """
    legs = _legs(positions).where("interval_h > 0")
    reported = F.when(F.col("interval_h") <= LONGEST_REPORTED_H, (F.col("sog_kn") + F.col("after.sog_kn")) / 2)
    is_still = (F.col("interval_h") <= LONGEST_REPORTED_H) & (F.greatest("sog_kn", "after.sog_kn") < STILL_KN)
    nm = F.when(F.coalesce(is_still, F.lit(False)), 0.0).otherwise(F.col("nm"))
    speed = F.coalesce(reported, nm / F.col("interval_h"))
    doing = phase(speed, F.col("port_km") / KM_PER_NM, F.col("is_tanker"))
    return legs.where(nm <= jump_limit_kn * F.col("interval_h")).select(
        F.col("segment_id").alias("track_id"),
        "mmsi",
        F.col("observed_at").alias("started_at"),
        "interval_h",
        nm.alias("distance_nm"),
        speed.alias("sog_kn"),
        doing.alias("phase"),
        is_in_eca(areas, F.col("lat_deg"), F.col("lon_deg"), F.to_date("observed_at")).alias("is_in_eca"),
        "source",
    )


def _legs(positions: DataFrame) -> DataFrame:
    """Positions with the next one of their segment as ``after``, the hours and the miles to it."""
    in_order = Window.partitionBy("segment_id").orderBy("observed_at")
    after = F.struct(*(F.lead(name).over(in_order).alias(name) for name in _POINT))
    nm = leg_nm(F.col("lat_deg"), F.col("lon_deg"), F.col("after.lat_deg"), F.col("after.lon_deg"))
    since: Column = hours_between(F.col("observed_at"), F.col("after.observed_at"))
    return positions.withColumn("after", after).withColumns({"interval_h": since, "nm": nm})


_POINT = ("observed_at", "lat_deg", "lon_deg", "sog_kn")
