"""A vessel's way over the water, from one position to the next."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

WGS84_EQUATOR_NM = 6_378_137 / 1_852
WGS84_FLATTENING = 1 / 298.257223563
SECONDS_PER_HOUR = 3_600
TINY = 1e-30
"""Stands for zero where it divides; far less than the square of any distance on earth."""


def leg_nm(lat_1_deg: Column, lon_1_deg: Column, lat_2_deg: Column, lon_2_deg: Column) -> Column:
    """Length of the geodesic on WGS84, in nautical miles, by the formula of Andoyer and Lambert.

    Null for a null. Its error is of the second order of the flattening: below 2e-5 of the length, up to
    a quarter of the way round the earth. Longitudes may lie on both sides of the antimeridian. Not for points
    on opposite sides of the earth. No part is behind a condition: Spark would compute those anew wherever they stand.
    """
    middle = F.radians((lat_1_deg + lat_2_deg) / 2)
    north = F.radians((lat_1_deg - lat_2_deg) / 2)
    east = F.radians((lon_1_deg - lon_2_deg) / 2)
    sin_middle, cos_middle = _squared(F.sin(middle)), _squared(F.cos(middle))
    sin_north, cos_north = _squared(F.sin(north)), _squared(F.cos(north))
    sin_east, cos_east = _squared(F.sin(east)), _squared(F.cos(east))
    s = sin_north * cos_east + cos_middle * sin_east
    c = cos_north * cos_east + sin_middle * sin_east
    apart = F.greatest(s, F.lit(TINY))
    omega = F.atan2(F.sqrt(apart), F.sqrt(c))
    r = F.sqrt(apart * c) / omega
    flattened = (3 * r - 1) / (2 * c) * sin_middle * cos_north - (3 * r + 1) / (2 * apart) * cos_middle * sin_north
    return 2 * omega * WGS84_EQUATOR_NM * (1 + WGS84_FLATTENING * flattened) * F.signum(s)


def with_legs(positions: DataFrame, jump_limit_kn: float) -> DataFrame:
    """Positions with ``distance_nm``, the leg to them from the vessel's position before, and ``is_jump``.

    A leg belongs to its later position. There is none (0 nm) to a segment's first position, to one after a
    whole UTC day or more without any, and where it would take more than ``jump_limit_kn``: that one has
    ``is_jump``.

    Args:
        positions: ``segment_id``, ``observed_at``, ``observed_on``, ``lat_deg``, ``lon_deg``; one row per segment
            and instant.
        jump_limit_kn: Fastest speed that a vessel can have.
    """
    in_order = Window.partitionBy("segment_id").orderBy("observed_at")
    before = {name: F.lag(name).over(in_order) for name in ("observed_at", "observed_on", "lat_deg", "lon_deg")}
    hours = (_seconds("observed_at") - _seconds("before.observed_at")) / SECONDS_PER_HOUR
    nm = leg_nm(F.col("before.lat_deg"), F.col("before.lon_deg"), F.col("lat_deg"), F.col("lon_deg"))
    is_leg = F.coalesce(F.datediff("observed_on", "before.observed_on") <= 1, F.lit(False))
    return (
        positions.withColumn("before", F.struct(*(column.alias(name) for name, column in before.items())))
        .withColumn("nm", F.coalesce(nm * is_leg.cast("int"), F.lit(0.0)))
        .withColumn("is_jump", is_leg & F.coalesce(F.col("nm") > jump_limit_kn * hours, F.lit(False)))
        .withColumn("distance_nm", F.when(F.col("is_jump"), 0.0).otherwise(F.col("nm")))
        .drop("before", "nm")
    )


def _squared(x: Column) -> Column:
    return x * x


def _seconds(instant: str) -> Column:
    return F.unix_micros(instant) / 1_000_000
