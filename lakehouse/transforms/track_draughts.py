"""How deep each ship lay in the water, by what it said last: the draught of its static reports, hour by hour. Pure."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

SHALLOWEST, DEEPEST = 0.25, 1.5
"""A draught is keyed in by hand. Less or more than these shares of the design draught is taken for a slip of the hand
(our choice): the report before it counts on.
"""


def told_draughts(tracks: DataFrame, identities: DataFrame, ships: DataFrame) -> DataFrame:
    """What the ships of the register said of their draught.

    A report bears no place, but says who sends it: it is of the tracks that are that ship, whoever else has its MMSI.
    A guessed ship is guessed without a draught, so there is none to hold its own against.

    Args:
        tracks: Segments with ``mmsi``, ``track_id`` and ``identity_id``.
        identities: ``silver.identities`` of their MMSIs; of a lake from before they told draughts none is known.
        ships: Of `ships_to_model`.

    Returns:
        ``track_id``, ``told_at`` and ``draught_m``.
    """
    known = identities
    if "draught_m" not in known.columns:
        known = known.withColumn("draught_m", F.lit(None).cast("double"))
    registered = ships.where(~F.col("is_guessed")).select("track_id", "design_draught_m")
    of = tracks.select("mmsi", "track_id", "identity_id").distinct().join(registered, "track_id")
    share = F.col("draught_m") / F.col("design_draught_m")
    return (
        known.join(F.broadcast(of), ["mmsi", "identity_id"])
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
