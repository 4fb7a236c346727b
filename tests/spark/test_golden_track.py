"""Miles and speeds of a real track, against what MovingPandas says of it (``tests/data/movingpandas/make.py``)."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import Column, SparkSession, Window, WindowSpec
from pyspark.sql import functions as F

from lakehouse.transforms.intervals import hours_between
from lakehouse.transforms.tracks import leg_nm

METRES_PER_NM = 1_852
ERROR = 2e-5
"""That of the formula of Andoyer and Lambert; MovingPandas takes Karney's geodesic."""


def test_a_real_track_is_as_long_and_as_fast_as_movingpandas_finds_it(spark: SparkSession, data_dir: Path) -> None:
    golden = json.loads((data_dir / "movingpandas/golden.json").read_text())
    raw = pl.read_csv(gzip.decompress((data_dir / "shared_mmsi/338013000.csv.gz").read_bytes()), try_parse_dates=True)
    own = raw.filter(pl.col("segment") == raw["segment"][0]).unique("observed_at")
    rows = own.select("observed_at", "lat_deg", "lon_deg").rows()
    positions = spark.createDataFrame(rows, "observed_at timestamp, lat_deg double, lon_deg double")
    part = F.floor(F.unix_seconds("observed_at") / (6 * 3_600))

    def legs(by: WindowSpec) -> dict[str, Column]:
        before = {name: F.lag(name).over(by) for name in ("observed_at", "lat_deg", "lon_deg")}
        nm = leg_nm(before["lat_deg"], before["lon_deg"], F.col("lat_deg"), F.col("lon_deg"))
        return {"nm": nm, "hours": hours_between(before["observed_at"], F.col("observed_at"))}

    of_parts = positions.withColumn("part", part).withColumns(legs(Window.partitionBy("part").orderBy("observed_at")))
    sums = of_parts.groupBy("part").agg(F.sum("nm").alias("nm"), F.sum("hours").alias("hours")).orderBy("part")
    found = [row for row in sums.collect() if row.nm is not None]
    whole = positions.withColumns(legs(Window.partitionBy(F.lit(1)).orderBy("observed_at"))).agg(
        F.sum("nm").alias("nm"), F.median(F.col("nm") / F.col("hours")).alias("median_kn")
    )
    (total,) = whole.collect()

    assert len(rows) == golden["positions"]
    assert [row.nm for row in found] == pytest.approx(
        [part["length_m"] / METRES_PER_NM for part in golden["parts"]], rel=ERROR
    )
    assert [row.nm / row.hours for row in found] == pytest.approx([p["mean_kn"] for p in golden["parts"]], rel=ERROR)
    assert total.nm == pytest.approx(golden["whole"]["length_m"] / METRES_PER_NM, rel=ERROR)
    assert total.median_kn == pytest.approx(golden["median_leg_kn"], rel=1e-3)
