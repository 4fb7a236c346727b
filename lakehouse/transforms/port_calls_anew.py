"""Port calls again after late positions: only of the vessels concerned, and only from the day it matters."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.transforms.port_calls import PORT_CALL, port_calls


def recompute_from(calls: DataFrame, reports: DataFrame) -> DataFrame:
    """From when on new reports may change the port calls of their segments; no other segment is touched.

    Args:
        calls: Port calls as they are stored.
        reports: New positions, late ones among them.

    Returns:
        One row per segment with a new report: ``recompute_from``, the departure of the last call that was over
        before the earliest of them; null for the segment's beginning. What is stored of the segment and arrived
        later is to be replaced.
    """
    new = reports.groupBy("segment_id").agg(F.min("observed_at").alias("new_at"))
    settled = (
        calls.join(new, "segment_id")
        .where(F.col("left_by_at") < F.col("new_at"))
        .groupBy("segment_id")
        .agg(F.max("departed_at").alias("recompute_from"))
    )
    return new.join(settled, "segment_id", "left").select("segment_id", "recompute_from")


def restated(positions: DataFrame, starts: DataFrame) -> DataFrame:
    """The port calls that arrived after ``recompute_from``, anew.

    Args:
        positions: All positions of the segments of ``starts`` from ``recompute_from`` on, with their nearest ports.
        starts: What ``recompute_from`` gives.
    """
    begins = F.coalesce("recompute_from", F.lit("0001-01-01").cast("timestamp"))
    tail = positions.join(starts, "segment_id").where(F.col("observed_at") >= begins).drop("recompute_from")
    return port_calls(tail).join(starts, "segment_id").where(F.col("arrived_at") > begins).select(*PORT_CALL)
