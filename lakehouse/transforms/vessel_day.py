"""``gold.vessel_day``: a vessel segment's UTC day in one row, kept up to date by adding what is new.

Two ways lead to the same row. ``added`` takes the stored row and positions that all come after it: its cost
is that of the new positions. ``recomputed`` takes all positions of the day, for days into which an earlier
one came.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.tables import GOLD_VESSEL_DAY
from lakehouse.transforms.tracks import with_legs

KEY = ["segment_id", "observed_on"]
POSITION = [*KEY, "mmsi", "observed_at", "lat_deg", "lon_deg", "sog_kn", "source"]
"""What a position must have."""


def vessel_days(positions: DataFrame) -> DataFrame:
    """The vessel-days (segment and day) of new positions, with ``new_at``, the instant of the first of them."""
    return positions.groupBy(*KEY).agg(F.min("observed_at").alias("new_at"))


def out_of_order(stored: DataFrame, latest: DataFrame, days: DataFrame) -> DataFrame:
    """Vessel-days of segments with a position that is not after all that is known of them.

    Args:
        stored: Rows of ``gold.vessel_day``, at least those of the positions' days.
        latest: Rows of ``gold.vessel_latest``.
        days: What ``vessel_days`` says of the new positions.
    """
    known = latest.select("segment_id", F.col("observed_at").alias("known_at"))
    is_earlier = (F.col("new_at") <= F.col("known_at")) | (F.col("new_at") <= F.col("last_at"))
    judged = days.join(known, "segment_id", "left").join(stored.select(*KEY, "last_at"), KEY, "left")
    segments = judged.where(is_earlier).select("segment_id").distinct()
    return days.select(*KEY).join(segments, "segment_id", "left_semi")


def added(
    stored: DataFrame, latest: DataFrame, positions: DataFrame, days: DataFrame, jump_limit_kn: float
) -> DataFrame:
    """The positions' vessel-days: what is stored of them and the new positions, together.

    Args:
        stored: Rows of ``gold.vessel_day``, at least those of the positions' days.
        latest: Rows of ``gold.vessel_latest``: where each segment's first new leg begins.
        positions: New positions, each later than anything known of its segment.
        days: Vessel-days, at least those of these positions.
        jump_limit_kn: Fastest speed that a vessel can have.
    """
    anchors = latest.join(days.select("segment_id").distinct(), "segment_id", "left_semi")
    track = _points(positions).unionByName(
        _points(anchors.withColumn("observed_on", F.to_date("observed_at"))).withColumn("is_new", F.lit(False))
    )
    new = _day_rows(with_legs(track, jump_limit_kn).where("is_new"))
    both = new.alias("new").join(stored.alias("old"), KEY, "left")
    return both.select(*KEY, *(column.alias(name) for name, column in _together().items())).select(
        *GOLD_VESSEL_DAY.columns
    )


def recomputed(vessel_days: DataFrame, positions: DataFrame, jump_limit_kn: float) -> DataFrame:
    """These vessel-days and the days after them, where there are positions, from all their positions.

    The day after is among them since its first leg starts at the last position of the day before.

    Args:
        vessel_days: Segment and day.
        positions: All positions of these segments on these days, the days before and the days after.
        jump_limit_kn: Fastest speed that a vessel can have.
    """
    next_days = vessel_days.select("segment_id", F.date_add("observed_on", 1).alias("observed_on"))
    wanted = vessel_days.select(*KEY).union(next_days).distinct()
    of_segments = _points(positions).join(vessel_days.select("segment_id").distinct(), "segment_id", "left_semi")
    return _day_rows(with_legs(of_segments, jump_limit_kn).join(wanted, KEY, "left_semi"))


def _points(rows: DataFrame) -> DataFrame:
    return rows.select(*POSITION, F.lit(True).alias("is_new"))


def _day_rows(legs: DataFrame) -> DataFrame:
    rows = legs.groupBy(*KEY).agg(
        F.min("mmsi").alias("mmsi"),
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
        F.array_join(F.array_sort(F.collect_set("source")), ",").alias("source"),
    )
    return rows.select(*GOLD_VESSEL_DAY.columns)


def _together() -> dict[str, Column]:
    """Each measure of an ``old`` and a ``new`` row of a vessel-day; ``old`` may be missing."""
    counts = {name: _sum(name) for name in ("position_count", "sog_count", "distance_nm", "jump_count")}
    speed = F.try_divide(_weighted("old") + _weighted("new"), _sum("sog_count"))
    sources = F.concat_ws(",", "old.source", "new.source")
    return {
        "mmsi": F.col("new.mmsi"),
        **counts,
        "avg_speed_kn": speed,
        **{name: F.coalesce(f"old.{name}", f"new.{name}") for name in ("first_at", "first_lat_deg", "first_lon_deg")},
        **{name: F.col(f"new.{name}") for name in ("last_at", "last_lat_deg", "last_lon_deg")},
        "source": F.array_join(F.array_sort(F.array_distinct(F.split(sources, ","))), ","),
    }


def _sum(name: str) -> Column:
    return F.coalesce(F.col(f"old.{name}"), F.lit(0)) + F.col(f"new.{name}")


def _weighted(side: str) -> Column:
    return F.coalesce(F.col(f"{side}.avg_speed_kn") * F.col(f"{side}.sog_count"), F.lit(0.0))
