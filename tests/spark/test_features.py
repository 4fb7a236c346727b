"""Features say what was known at the end of a day, and labels what came after."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from pyspark.sql import DataFrame, SparkSession

from contracts.tables import GOLD_VESSEL_FEATURES, SILVER_SENSORS, SILVER_VOYAGES
from lakehouse.schema import spark_schema
from lakehouse.transforms.features import label_maintenance, vessel_features

MMSI = 219_000_001
FIRST = datetime(2024, 1, 1, tzinfo=UTC)


def sensors(spark: SparkSession, readings: Sequence[dict[str, Any]]) -> DataFrame:
    rows = [_row(SILVER_SENSORS.columns, each) for each in readings]
    return spark.createDataFrame(rows, spark_schema(SILVER_SENSORS))


def reading(hours: float, **values: object) -> dict[str, Any]:
    at = FIRST + timedelta(hours=hours)
    return {
        "event_id": f"e-{hours}", "event_type": "engine", "mmsi": MMSI, "observed_at": at,
        "observed_on": at.date(), "engine_load_pct": 70.0, "source": "twin", **values,
    }  # fmt: skip


def voyages(spark: SparkSession, *spans: tuple[float, float | None]) -> DataFrame:
    """Voyages by hours of departure and arrival since the first day's midnight."""
    rows = [
        {
            "voyage_id": f"v-{number}", "mmsi": MMSI, "departed_at": FIRST + timedelta(hours=departed),
            "arrived_at": None if arrived is None else FIRST + timedelta(hours=arrived),
        }
        for number, (departed, arrived) in enumerate(spans)
    ]  # fmt: skip
    return spark.createDataFrame([_row(SILVER_VOYAGES.columns, row) for row in rows], spark_schema(SILVER_VOYAGES))


def _row(columns: list[str], values: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(values.get(column) for column in columns)


def by_day(features: DataFrame, *columns: str) -> dict[date, Any]:
    rows = features.select("observed_on", *columns).collect()
    return {row[0]: row[1] if len(columns) == 1 else tuple(row[1:]) for row in rows}


def known_by_day(features: DataFrame) -> pd.DataFrame:
    return features.toPandas().set_index("observed_on").sort_index()


def day(number: int) -> date:
    return (FIRST + timedelta(days=number)).date()


def test_removing_all_data_after_a_day_leaves_that_days_features_as_they_were(spark: SparkSession) -> None:
    readings = [
        reading(hour, exhaust_temperature_c=300.0 + hour, vibration_mm_per_s=hour / 7,
                running_time_h=float(hour), shaft_power_kw=5_000.0 + hour, fuel_rate_kg_per_h=900.0 + hour)
        for hour in range(0, 45 * 24, 6)
    ]  # fmt: skip
    spans = [(10, 100.0), (130, 300.5), (310, 520.0), (560, 900.0), (950, 1_300.0)]
    whole = known_by_day(vessel_features(sensors(spark, readings), voyages(spark, *spans)))

    for last in (12, 38):
        end_h = (last + 1) * 24
        known = [(start, arrived if arrived < end_h else None) for start, arrived in spans if start < end_h]
        until_then = [each for each in readings if each["observed_on"] <= day(last)]
        then = known_by_day(vessel_features(sensors(spark, until_then), voyages(spark, *known)))
        assert_frame_equal(then, whole[whole.index <= day(last)], rtol=1e-9)


def test_fuel_is_by_shaft_energy_and_a_ratio_of_sums(spark: SparkSession) -> None:
    features = vessel_features(
        sensors(
            spark,
            [
                reading(1, fuel_rate_kg_per_h=2_000.0, shaft_power_kw=10_000.0),
                reading(2, fuel_rate_kg_per_h=100.0, shaft_power_kw=200.0),
            ],
        ),
        voyages(spark),
    )
    assert by_day(features, "mean_fuel_g_per_kwh")[day(0)] == pytest.approx(2_100_000 / 10_200)


def test_an_engine_that_stands_still_has_no_measures(spark: SparkSession) -> None:
    readings = [
        reading(1, lube_oil_pressure_bar=4.0),
        reading(2, engine_load_pct=0.0, lube_oil_pressure_bar=0.0),
        reading(25, engine_load_pct=0.0, lube_oil_pressure_bar=0.0),
    ]
    features = vessel_features(sensors(spark, readings), voyages(spark))

    assert by_day(features, "engine_readings", "min_lube_oil_pressure_bar") == {
        day(0): (1, 4.0),
        day(1): (0, None),
    }


def test_readings_of_weather_are_no_engine_readings(spark: SparkSession) -> None:
    weather = reading(1) | {"event_type": "environment"}

    assert vessel_features(sensors(spark, [weather]), voyages(spark)).isEmpty()


def test_a_change_compares_three_days_with_the_vessels_own_thirty_before(spark: SparkSession) -> None:
    measured = {0: 100.0, 1: 200.0, 31: 310.0, 32: 320.0, 33: 330.0, 34: 340.0}
    features = vessel_features(
        sensors(spark, [reading(24 * on, exhaust_temperature_c=value) for on, value in measured.items()]),
        voyages(spark),
    )
    changes = by_day(features, "exhaust_temperature_change_c")

    assert changes[day(1)] is None
    assert changes[day(32)] == pytest.approx((310 + 320) / 2 - (100 + 200) / 2)
    assert changes[day(33)] == pytest.approx((310 + 320 + 330) / 3 - 200), "day 0 is 33 days ago and no longer counts"
    assert changes[day(34)] == pytest.approx((320 + 330 + 340) / 3 - 310)


def test_hours_under_way_are_within_the_day_and_since_port_counts_from_departure(spark: SparkSession) -> None:
    readings = [reading(24 * on) for on in range(4)]
    features = vessel_features(sensors(spark, readings), voyages(spark, (6, 30), (36, 60)))

    assert by_day(features, "underway_h", "since_port_h", "voyages_30d", "underway_7d_h") == {
        day(0): (18.0, 18.0, 1, 18.0),
        day(1): (18.0, 12.0, 2, 36.0),
        day(2): (12.0, 0.0, 2, 48.0),
        day(3): (0.0, 0.0, 2, 48.0),
    }


def test_features_have_the_tables_columns_and_one_row_per_key(spark: SparkSession) -> None:
    features = vessel_features(sensors(spark, [reading(1), reading(2), reading(25)]), voyages(spark, (0, 3), (5, None)))

    assert features.columns == GOLD_VESSEL_FEATURES.columns
    assert [field.dataType for field in features.schema] == [
        field.dataType for field in spark_schema(GOLD_VESSEL_FEATURES)
    ]
    assert features.count() == features.select("mmsi", "observed_on").distinct().count() == 2


def test_a_failure_within_seven_days_labels_a_day_and_one_after_or_on_the_day_does_not(
    spark: SparkSession,
) -> None:
    features = spark.createDataFrame([(MMSI, day(n)) for n in range(30)], "mmsi long, observed_on date")
    failures = spark.createDataFrame([(MMSI, FIRST + timedelta(days=15, hours=9))], "mmsi long, failed_at timestamp")

    labels = by_day(label_maintenance(features, failures), "needs_maintenance")

    assert [n for n in range(22) if labels[day(n)]] == list(range(8, 15))


def test_a_day_whose_next_seven_days_are_not_over_has_no_label(spark: SparkSession) -> None:
    features = spark.createDataFrame([(MMSI, day(n)) for n in range(10)], "mmsi long, observed_on date")
    failures = spark.createDataFrame([], "mmsi long, failed_at timestamp")

    assert sorted(by_day(label_maintenance(features, failures), "needs_maintenance")) == [
        day(0),
        day(1),
    ]


def test_another_vessels_failure_labels_nothing(spark: SparkSession) -> None:
    features = spark.createDataFrame([(MMSI, day(n)) for n in range(10)], "mmsi long, observed_on date")
    failures = spark.createDataFrame([(MMSI + 1, FIRST + timedelta(days=3))], "mmsi long, failed_at timestamp")

    assert not any(by_day(label_maintenance(features, failures), "needs_maintenance").values())
