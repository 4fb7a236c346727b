"""A vessel's way over the water, from one position to the next."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

WGS84_EQUATOR_NM = 6_378_137 / 1_852
WGS84_FLATTENING = 1 / 298.257223563
SECONDS_PER_HOUR = 3_600


def leg_nm(lat_1_deg: Column, lon_1_deg: Column, lat_2_deg: Column, lon_2_deg: Column) -> Column:
    """Length of the geodesic on WGS84, in nautical miles, by the formula of Andoyer and Lambert.

    Null for a null. Its error is of the second order of the flattening: below 2e-5 of the length, up to
    a quarter of the way round the earth. Longitudes may lie on both sides of the antimeridian. Not for points
    on opposite sides of the earth.
    """
    middle = F.radians((lat_1_deg + lat_2_deg) / 2)
    north = F.radians((lat_1_deg - lat_2_deg) / 2)
    east = F.radians((lon_1_deg - lon_2_deg) / 2)
    s = _sin2(north) * _cos2(east) + _cos2(middle) * _sin2(east)
    c = _cos2(north) * _cos2(east) + _sin2(middle) * _sin2(east)
    omega = F.atan2(F.sqrt(s), F.sqrt(c))
    r = F.sqrt(s * c) / omega
    flattened = (3 * r - 1) / (2 * c) * _sin2(middle) * _cos2(north) - (3 * r + 1) / (2 * s) * _cos2(middle) * _sin2(
        north
    )
    length = 2 * omega * WGS84_EQUATOR_NM * (1 + WGS84_FLATTENING * flattened)
    return F.when(s == 0, F.lit(0.0)).otherwise(length)


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
        .withColumn("nm", F.when(is_leg, nm).otherwise(0.0))
        .withColumn("is_jump", F.when(is_leg, F.col("nm") > jump_limit_kn * hours).otherwise(False))
        .withColumn("distance_nm", F.when(F.col("is_jump"), 0.0).otherwise(F.col("nm")))
        .drop("before", "nm")
    )


def _sin2(angle: Column) -> Column:
    return F.pow(F.sin(angle), 2)


def _cos2(angle: Column) -> Column:
    return F.pow(F.cos(angle), 2)


def _seconds(instant: str) -> Column:
    return F.unix_micros(instant) / 1_000_000
