"""How deep each ship lay in the water, by what it said last: the draught of its static reports, hour by hour. Pure."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.transforms.segment_identity import beyond_doubt

SHALLOWEST, DEEPEST = 0.25, 1.5
"""A draught is keyed in by hand. Less or more than these shares of the design draught is taken for a slip of the hand
(our choice): the report before it counts on.
"""


def told_draughts(tracks: DataFrame, identities: DataFrame, ships: DataFrame) -> DataFrame:
    """What the ships of the register said of their draught.

    A guessed ship is guessed with the draught at which it was seen, so there is no other to hold against it.

    Args:
        tracks: Segments with ``track_id``, ``identity_id``, ``began_at``, ``heard_at``, ``is_noise`` and ``mmsi``.
        identities: ``silver.identities`` of their MMSIs; of a lake from before they told draughts none is known.
        ships: Of `ships_to_model`.

    Returns:
        ``track_id``, ``told_at`` and ``draught_m``. A report counts while no other ship of the MMSI was heard, and if
        it is of the identity that the track has.
    """
    known = identities if "draught_m" in identities.columns else identities.withColumn("draught_m", _nothing())
    of = tracks.select("segment_id", "track_id", F.col("identity_id").alias("own_identity_id"))
    told = beyond_doubt(tracks.withColumn("head_at", F.col("heard_at")), known.where("draught_m > 0"), "draught_m")
    registered = ships.where(~F.col("is_guessed")).select("track_id", "design_draught_m")
    share = F.col("draught_m") / F.col("design_draught_m")
    return (
        told.join(of, "segment_id")
        .where("identity_id = own_identity_id")
        .join(F.broadcast(registered), "track_id")
        .where(share.between(SHALLOWEST, DEEPEST))
        .select("track_id", F.col("observed_at").alias("told_at"), "draught_m")
    )


def with_draught(intervals: DataFrame, draughts: DataFrame) -> DataFrame:
    """Intervals with ``draught_m``, what was told last by their beginning; null before the first report.

    Args:
        intervals: Of `track_intervals`.
        draughts: Of `told_draughts`.
    """
    reports = draughts.select("track_id", F.col("told_at").alias("started_at"), F.col("draught_m").alias("told_m"))
    in_order = Window.partitionBy("track_id").orderBy("started_at", F.col("told_m").isNull())
    together = intervals.unionByName(reports, allowMissingColumns=True)
    last = F.last("told_m", ignorenulls=True).over(in_order)
    return together.withColumn("draught_m", last).where("told_m IS NULL").drop("told_m")


def _nothing() -> Column:
    return F.lit(None).cast("double")
