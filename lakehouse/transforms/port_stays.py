"""How long ships stay in ports."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.transforms.intervals import hours_between
from lakehouse.transforms.sailings import ends_a_voyage


def port_stays(calls: DataFrame) -> DataFrame:
    """One row per port: how many calls ended there, and how long they lasted.

    Args:
        calls: ``gold.port_calls`` of the period. Open ones, ones whose entry was not seen, and ones without a stop or
            a silence are left out, since nobody knows how long they are or whether they were calls.

    Returns:
        ``median_hours`` is from the first to the last position in port, ``median_stopped_hours`` what of it the vessel
        was seen to lie still; ``calls_with_gap`` were not heard throughout.
    """
    stay_h = hours_between(F.col("arrived_at"), F.col("departed_at"))
    whole = calls.where(ends_a_voyage() & F.col("has_entry") & ~F.col("is_open"))
    listed = F.array_distinct(F.flatten(F.collect_list(F.split("source", ", "))))
    return whole.groupBy("wpi_number").agg(
        F.min("locode").alias("locode"),
        F.min("port_name").alias("port_name"),
        F.count(F.lit(1)).alias("calls"),
        F.count_distinct("track_id").alias("vessels"),
        F.median(stay_h).alias("median_hours"),
        F.median("stopped_hours").alias("median_stopped_hours"),
        F.count_if("has_gap").alias("calls_with_gap"),
        F.array_join(F.array_sort(listed), ", ").alias("source"),
    )
