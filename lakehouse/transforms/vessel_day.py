"""``gold.vessel_day``: a vessel's UTC day in one row, kept up to date by adding what is new.

Two ways lead to the same row. ``added`` takes the stored row and positions that all come after it; its cost is that of
the new positions. ``day_rows`` alone, over all positions of a day, is for days into which an earlier position came.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.tables import GOLD_VESSEL_DAY
from lakehouse.transforms.tracks import with_legs

KEY = ["mmsi", "observed_on"]
POSITION = [*KEY, "observed_at", "lat_deg", "lon_deg", "sog_kn", "source"]
"""What a position must have."""


def day_rows(positions: DataFrame, jump_limit_kn: float) -> DataFrame:
    """One row per vessel and UTC day of the positions; the columns of ``gold.vessel_day``.

    The way of a day includes the leg to its first position from the last one of the day before, if that is given.
    ``source`` lists all feeds of the day, by comma.
    """
    rows = with_legs(positions, jump_limit_kn).groupBy(*KEY)
    return rows.agg(
        F.count(F.lit(1)).alias("position_count"),
        F.count("sog_kn").alias("sog_count"),
        F.avg("sog_kn").alias("avg_speed_kn"),
        F.sum("distance_nm").alias("distance_nm"),
        F.count_if("is_jump").alias("jump_count"),
        F.min("observed_at").alias("first_at"),
        F.min_by("lat_deg", "observed_at").alias("first_lat_deg"),
        F.min_by("lon_deg", "observed_at").alias("first_lon_deg"),
        F.max("observed_at").alias("last_at"),
        F.max_by("lat_deg", "observed_at").alias("last_lat_deg"),
        F.max_by("lon_deg", "observed_at").alias("last_lon_deg"),
        _listed(F.collect_set("source")).alias("source"),
    ).select(*GOLD_VESSEL_DAY.columns)


def added(stored: DataFrame, latest: DataFrame, positions: DataFrame, jump_limit_kn: float) -> DataFrame:
    """The rows of the positions' vessel-days, with what is stored of them and of each vessel's last position.

    Args:
        stored: Rows of ``gold.vessel_day``; those of other vessel-days are left out.
        latest: Rows of ``gold.vessel_latest``.
        positions: New positions, all later than anything known of their vessels.
        jump_limit_kn: Fastest speed that a vessel can have.
    """
    anchors = latest.join(positions.select("mmsi").distinct(), "mmsi", "left_semi").select(
        "mmsi",
        F.to_date("observed_at").alias("observed_on"),
        "observed_at",
        "lat_deg",
        "lon_deg",
        F.lit(None).cast("double").alias("sog_kn"),
        "source",
    )
    marked = positions.select(*POSITION, F.lit(True).alias("is_new"))
    track = marked.unionByName(anchors.withColumn("is_new", F.lit(False)))
    new = day_rows_of_new(track, jump_limit_kn)
    return _sum(stored, new)
