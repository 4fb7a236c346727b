"""``gold.vessel_latest``: where each vessel was last."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.tables import GOLD_VESSEL_LATEST


def latest(positions: DataFrame) -> DataFrame:
    """The last position of each vessel, by observation time; one row per MMSI and instant is given."""
    columns = [name for name in GOLD_VESSEL_LATEST.columns if name != "mmsi"]
    last = positions.groupBy("mmsi").agg(F.max_by(F.struct(*columns), "observed_at").alias("last"))
    return last.select("mmsi", "last.*").select(*GOLD_VESSEL_LATEST.columns)
