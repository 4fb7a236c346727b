"""Hours at berth, at anchor, manoeuvring and at sea."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from lakehouse.transforms.phases import phase, phase_hours

MIDNIGHT = datetime(2024, 3, 2, tzinfo=UTC)
SCHEMA = (
    "segment_id string, mmsi long, observed_at timestamp, sog_kn double, port_km double, is_tanker boolean"
)  # fmt: skip
TABLE_16 = [
    (1.0, 5.0, False, "berth"),
    (1.0, None, False, "anchored"),
    (3.0, 0.1, False, "anchored"),
    (5.0, 5.0, False, "manoeuvring"),
    (5.0, None, False, "sea"),
    (5.1, 1.0, False, "manoeuvring"),
    (5.1, 1.1, False, "sea"),
    (5.1, 5.0, True, "manoeuvring"),
    (12.0, None, True, "sea"),
    (None, 0.1, False, None),
]
"""Speed, distance of the port, tanker, and the phase that the Fourth IMO GHG Study gives."""


def test_the_phase_is_that_of_the_fourth_ghg_study(spark: SparkSession) -> None:
    rows = spark.createDataFrame(TABLE_16, "sog_kn double, port_nm double, is_tanker boolean, wanted string")
    found = rows.withColumn("phase", phase(F.col("sog_kn"), F.col("port_nm"), F.col("is_tanker")))

    assert [row for row in found.collect() if row.phase != row.wanted] == []


def test_hours_are_capped_cut_at_midnight_and_add_up_to_the_day(spark: SparkSession) -> None:
    seen = [(0, 0.0, 0.5), (1, 4.0, 5.0), (2, 12.0, None), (3, 0.2, None), (23, None, None), (25, 12.0, None)]
    rows = [("a", 1, MIDNIGHT + timedelta(hours=h), sog, km, False) for h, sog, km in [*seen, (49, 12.0, None)]]

    found = phase_hours(spark.createDataFrame(rows, SCHEMA)).orderBy("observed_on").collect()

    hours = [(r.berth_h, r.manoeuvring_h, r.sea_h, r.anchored_h, r.unknown_h) for r in found]
    assert hours[0] == pytest.approx((1, 1, 1, 2, 19))
    assert hours[1] == pytest.approx((0, 0, 2, 0, 22))
    assert hours[2] == pytest.approx((0, 0, 0, 0, 1))
    assert {r.mmsi for r in found} == {1}
