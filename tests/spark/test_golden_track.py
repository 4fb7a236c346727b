"""Miles, speeds and stops of real tracks, against MovingPandas' (``tests/data/movingpandas/make.py``)."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyspark.sql import Column, SparkSession, Window, WindowSpec
from pyspark.sql import functions as F

from lakehouse.reference import port_frame
from lakehouse.transforms.intervals import hours_between
from lakehouse.transforms.port_areas import with_nearest_port
from lakehouse.transforms.port_calls import port_calls
from lakehouse.transforms.tracks import leg_nm

METRES_PER_NM = 1_852
ERROR = 2e-5
"""That of the formula of Andoyer and Lambert; MovingPandas takes Karney's geodesic."""
AT_BERTH_S = 180
"""MovingPandas' stop lasts while the ship is within 100 m, ours from 0.2 kn to 0.5 kn: without the last metres to the
berth. Both are to last ten minutes."""


@pytest.fixture(scope="module")
def golden(data_dir: Path) -> Any:
    return json.loads((data_dir / "movingpandas/golden.json").read_text())


def test_a_real_track_is_as_long_and_as_fast_as_movingpandas_finds_it(
    spark: SparkSession, data_dir: Path, golden: Any
) -> None:
    raw = table(data_dir / "shared_mmsi/338013000.csv.gz")
    own = raw.filter(pl.col("segment") == raw["segment"][0]).unique("observed_at")
    rows = own.select("observed_at", "lat_deg", "lon_deg").rows()
    positions = spark.createDataFrame(rows, "observed_at timestamp, lat_deg double, lon_deg double")
    part = F.floor(F.unix_seconds("observed_at") / (6 * 3_600))

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


def test_ships_lie_still_in_port_when_movingpandas_finds_them_to_stay(
    spark: SparkSession, data_dir: Path, golden: Any
) -> None:
    raw = table(data_dir / "movingpandas/solent.csv.gz")
    rows = raw.select(
        pl.col("mmsi").cast(str).alias("segment_id"), "mmsi", "observed_at", "lat_deg", "lon_deg", "sog_kn"
    ).rows()
    schema = "segment_id string, mmsi int, observed_at timestamp, lat_deg double, lon_deg double, sog_kn double"
    positions = spark.createDataFrame(rows, schema).withColumn("nav_status", F.lit(None).cast("int"))
    calls = port_calls(with_nearest_port(positions, port_frame(spark))).where("stopped_hours > 1 / 6")
    lying = calls.select("mmsi", F.unix_seconds("stopped_at"), F.unix_seconds("moved_at"))
    found = sorted((mmsi, begins_s, ends_s) for mmsi, begins_s, ends_s in lying.collect())
    stops = [(int(mmsi), *map(unix_s, stop)) for mmsi, stays in golden["stops"].items() for stop in stays]

    assert [mmsi for mmsi, _, _ in found] == [mmsi for mmsi, _, _ in stops]
    for (_, begins_s, ends_s), (_, from_s, to_s) in zip(found, stops, strict=True):
        assert from_s <= begins_s <= from_s + AT_BERTH_S
        assert to_s - AT_BERTH_S <= ends_s <= to_s


def table(path: Path) -> pl.DataFrame:
    return pl.read_csv(gzip.decompress(path.read_bytes()), try_parse_dates=True)


def unix_s(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def legs(by: WindowSpec) -> dict[str, Column]:
    before = {name: F.lag(name).over(by) for name in ("observed_at", "lat_deg", "lon_deg")}
    nm = leg_nm(before["lat_deg"], before["lon_deg"], F.col("lat_deg"), F.col("lon_deg"))
    return {"nm": nm, "hours": hours_between(before["observed_at"], F.col("observed_at"))}
