"""``gold.vessel_latest``: where each vessel was last."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.tables import GOLD_VESSEL_LATEST


def latest(positions: DataFrame) -> DataFrame:
    """The last position of each segment, by observation time; one row per segment and instant is given."""
    columns = [name for name in GOLD_VESSEL_LATEST.columns if name != "segment_id"]
    last = positions.groupBy("segment_id").agg(F.max_by(F.struct(*columns), "observed_at").alias("last"))
    return last.select("segment_id", "last.*").select(*GOLD_VESSEL_LATEST.columns)
