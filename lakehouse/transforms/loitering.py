"""Loitering: a vessel that stays slow for hours far from any port.

Slow drifting at sea has many lawful reasons (waiting for orders or a berth, fishing, research). A row says that it
was so, not why.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.transforms.intervals import event_id, hours_between, with_runs
from lakehouse.transforms.port_areas import KM_PER_NM, PORT, with_nearest_port

SLOW_KN = 2.0
LEAST_H = 4.0
FAR_NM = 20.0
"""Speed, time and distance are those of Global Fishing Watch's loitering events; it measures from the shore."""
LONGEST_BREAK_H = 4.0
"""Slow positions further apart do not belong together (our choice)."""
LOITERING = (
    "loitering_id", "segment_id", "mmsi", "started_at", "ended_at", "duration_hours", "avg_speed_kn",
    "nearest_port_nm", "lat_deg", "lon_deg", "position_count",
)  # fmt: skip


def loitering(positions: DataFrame, far_nm: float = FAR_NM, least_h: float = LEAST_H) -> DataFrame:
    """One row per time of a segment in which it is slow (below 2 kn) and far from every port of the index.

    A single faster position ends it: stricter than a mean speed below 2 kn, and the same however long one looks.

    The distance from the shore is not known here. The nearest port stands for it, so that a row may lie close to a
    coast without ports.

    Args:
        positions: ``segment_id``, ``mmsi``, ``observed_at``, ``lat_deg``, ``lon_deg``, ``sog_kn`` and ``port_km`` of
            the nearest port, which must have been looked for within ``far_nm`` or more.
        far_nm: Least distance from a port.
        least_h: Least duration.

    Returns:
        ``avg_speed_kn`` is the mean of the reported speeds, ``nearest_port_nm`` the least distance from a port
        (null: none within the distance looked at), ``lat_deg`` and ``lon_deg`` where it began.
    """
    is_far = F.col("port_km").isNull() | (F.col("port_km") >= far_nm * KM_PER_NM)
    is_slow = F.coalesce((F.col("sog_kn") < SLOW_KN) & is_far, F.lit(False))
    runs = with_runs(positions.withColumn("is_slow", is_slow), ["segment_id"], LONGEST_BREAK_H, state="is_slow")
    stays = (
        runs.where("is_slow")
        .groupBy("segment_id", "run")
        .agg(
            F.min("mmsi").alias("mmsi"),
            F.min("observed_at").alias("started_at"),
            F.max("observed_at").alias("ended_at"),
            F.avg("sog_kn").alias("avg_speed_kn"),
            (F.min("port_km") / KM_PER_NM).alias("nearest_port_nm"),
            F.min_by("lat_deg", "observed_at").alias("lat_deg"),
            F.min_by("lon_deg", "observed_at").alias("lon_deg"),
            F.count(F.lit(1)).alias("position_count"),
        )
    )
    return (
        stays.withColumn("loitering_id", event_id(F.col("segment_id"), F.col("started_at")))
        .withColumn("duration_hours", hours_between(F.col("started_at"), F.col("ended_at")))
        .where(F.col("duration_hours") >= least_h)
        .select(*LOITERING)
    )


def with_far_ports(positions: DataFrame, ports: DataFrame, far_nm: float = FAR_NM) -> DataFrame:
    """Positions with ``port_km`` looked for within ``far_nm`` where a vessel is slow; where it is not, as it was.

    Ports are many within so wide a circle, and few positions are slow and not near one.

    Args:
        positions: With the nearest port looked for within less, as ``with_nearest_port`` gives it.
        ports: As ``with_nearest_port`` wants them.
        far_nm: How far to look.
    """
    is_asked = F.coalesce((F.col("sog_kn") < SLOW_KN) & F.col("port_km").isNull(), F.lit(False))
    asked = positions.where(is_asked).drop(*PORT, "port_km")
    looked_up = with_nearest_port(asked, ports, far_nm * KM_PER_NM)
    return positions.where(~is_asked).unionByName(looked_up)
