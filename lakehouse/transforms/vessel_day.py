"""``gold.vessel_day``: a vessel segment's UTC day in one row, kept up to date by adding what is new.

Two ways lead to the same row. ``added`` takes the stored row and positions that all come after it: its cost
is that of the new positions. ``recomputed`` takes all positions of the day, for days into which an earlier
one came.
"""

from __future__ import annotations

from collections.abc import Collection

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.tables import GOLD_VESSEL_DAY
from lakehouse.transforms.tracks import with_legs

KEY = ["segment_id", "observed_on"]
POSITION = [*KEY, "mmsi", "observed_at", "lat_deg", "lon_deg", "sog_kn", "source"]
"""What a position must have."""
FEW_SOURCES = 16
"""Up to so many are each asked for by name."""


def added(
    stored: DataFrame, latest: DataFrame, positions: DataFrame, jump_limit_kn: float, sources: Collection[str]
) -> DataFrame:
    """The positions' vessel-days: what is stored of them and the new positions, together.

    And ``is_disordered``: whether one of the new positions is not after all that is known of its segment's day or of
    the segment. Rows of such a segment are not right, on any of its days: they are to be ``recomputed``.

    Args:
        stored: Rows of ``gold.vessel_day``, at least those of the positions' days.
        latest: Rows of ``gold.vessel_latest``: where each segment's first new leg begins.
        positions: New positions.
        jump_limit_kn: Fastest speed that a vessel can have.
        sources: All that the positions have.
    """
    anchors = latest.join(positions.select("segment_id").distinct(), "segment_id", "left_semi")
    track = _points(positions).unionByName(
        _points(anchors.withColumn("observed_on", F.to_date("observed_at"))).withColumn("is_new", F.lit(False))
    )
    named = _named(sources) if len(sources) <= FEW_SOURCES else _listed()
    new = _day_rows(with_legs(track, jump_limit_kn).where("is_new"), named)
    known = latest.select("segment_id", F.col("observed_at").alias("known_at"))
    both = new.alias("new").join(stored.alias("old"), KEY, "left").join(known, "segment_id", "left")
    is_disordered = (F.col("new.first_at") <= F.col("old.last_at")) | (F.col("new.first_at") <= F.col("known_at"))
    measures = [column.alias(name) for name, column in _together().items()]
    flag = F.coalesce(is_disordered, F.lit(False)).alias("is_disordered")
    return both.select(*KEY, *measures, flag).select(*GOLD_VESSEL_DAY.columns, "is_disordered")


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
    return _day_rows(with_legs(of_segments, jump_limit_kn).join(wanted, KEY, "left_semi"), _listed())


def _points(rows: DataFrame) -> DataFrame:
    return rows.select(*POSITION, F.lit(True).alias("is_new"))


def _listed() -> Column:
    """The sources of a group, whatever they are."""
    return F.array_join(F.array_sort(F.collect_set("source")), ",")


def _named(sources: Collection[str]) -> Column:
    """The same where it is known which there are: no set is built, which costs more than all other measures."""
    return F.concat_ws(",", *(F.when(F.bool_or(F.col("source") == name), name) for name in sorted(sources)))


def _day_rows(legs: DataFrame, source: Column) -> DataFrame:
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
        source.alias("source"),
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
