"""Which ship a segment is: what was told under its MMSI while it was heard. Pure."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.transforms.intervals import hours

NEAR_H = 0.25
"""How far from a segment a static report may lie and still tell who it is (Global Fishing Watch, pipe-segment)."""


def segment_identities(segments: DataFrame, identities: DataFrame) -> DataFrame:
    """The identity of each segment.

    A static report bears no place: while two ships send under one number, nobody can tell which of them it is of. Such
    a report says nothing of either.

    Args:
        segments: ``silver.segments``; noise is left out.
        identities: ``silver.identities``.

    Returns:
        One row per segment that some report is of beyond doubt: ``segment_id``, ``mmsi``, ``identity_id``, and
        ``hours_told``, the number of hours in which it was told; of several identities the one told in most hours,
        of equals the newest.
    """
    near = hours(NEAR_H)
    spans = segments.where(~F.coalesce("is_noise", F.lit(False))).select(
        "mmsi", "segment_id", (F.col("began_at") - near).alias("from_at"), (F.col("head_at") + near).alias("to_at")
    )
    told = identities.select("mmsi", "identity_id", "observed_at").join(spans, "mmsi")
    told = told.where(F.col("observed_at").between(F.col("from_at"), F.col("to_at")))
    candidates = F.count(F.lit(1)).over(Window.partitionBy("mmsi", "identity_id", "observed_at"))
    counted = (
        told.withColumn("candidates", candidates)
        .where("candidates = 1")
        .groupBy("segment_id", "mmsi", "identity_id")
        .agg(F.count(F.lit(1)).alias("hours_told"), F.max("observed_at").alias("told_at"))
    )
    best = Window.partitionBy("segment_id").orderBy(F.desc("hours_told"), F.desc("told_at"), "identity_id")
    ranked = counted.withColumn("nth", F.row_number().over(best)).where("nth = 1")
    return ranked.select("segment_id", "mmsi", "identity_id", "hours_told")
