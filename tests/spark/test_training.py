"""The model is judged by ships and days that it never saw, and scores without adding rows twice."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from pyspark.sql import DataFrame, SparkSession

from contracts.errors import InputError
from contracts.settings import Settings
from contracts.tables import GOLD_MAINTENANCE_PREDICTIONS, GOLD_VESSEL_FEATURES, SILVER_SENSORS
from lakehouse.schema import spark_schema
from lakehouse.store import Store
from ml import score, train
from ml.registry import current_version
from ml.split import split_by_vessel_and_time

SHIPS, DAYS = 12, 50
FIRST = date(2024, 1, 1)
FAILS_AFTER_DAYS = (15, 18, 22, 40, 43, 46)
"""Every second ship fails once: some where the model learns, some where it is judged."""


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    rows = ["mmsi,failed_at,component"]
    rows += [f"{219_000_000 + 2 * n},{day(on)}T06:00:00Z,bearing" for n, on in enumerate(FAILS_AFTER_DAYS)]
    (tmp_path / "failures.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.fixture
def telemetry(spark: SparkSession, settings: Settings) -> Store:
    """A lake whose Silver holds two readings a day of ships that shake for nine days before they fail."""
    store = Store(spark, settings.lake)
    rng = np.random.default_rng(7)
    rows = []
    for ship in range(SHIPS):
        fails = FAILS_AFTER_DAYS[ship // 2] if ship % 2 == 0 else None
        for half_day in range(2 * DAYS):
            on = day(half_day // 2)
            worn = 0 if fails is None else float(np.clip((half_day / 2 - fails + 9) / 9, 0, 1))
            worn = 0 if fails is not None and half_day / 2 > fails else worn
            values = {
                "event_type": "engine", "mmsi": 219_000_000 + ship, "event_id": f"{ship}-{half_day}",
                "source": "twin", "observed_on": on, "observed_at": noon(on) + timedelta(hours=half_day % 2),
                "vibration_mm_per_s": 2 + 3 * worn + float(rng.normal(0, 0.2)), "engine_load_pct": 70.0,
                "shaft_power_kw": 7_000.0, "fuel_rate_kg_per_h": 1_300.0, "running_time_h": 12.0 * half_day,
            }  # fmt: skip
            rows.append(tuple(values.get(column) for column in SILVER_SENSORS.columns))
    store.create(SILVER_SENSORS)
    store.append(SILVER_SENSORS, spark.createDataFrame(rows, spark_schema(SILVER_SENSORS)))
    return store


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def noon(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 12, tzinfo=UTC)


def by_ship(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values("mmsi", ignore_index=True)


def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, command: Any, *arguments: str) -> Any:
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    return CliRunner().invoke(command, arguments)


def test_a_model_is_trained_registered_and_scores_the_same_table_twice(
    telemetry: Store, truth: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = run(settings, monkeypatch, train.main, "--truth", str(truth), "--json")
    assert trained.exit_code == 0, trained.output
    result = json.loads(trained.stdout)
    metrics, params = result["metrics"], result["params"]

    assert result["model_version"] == "1"
    assert params["num_trees"] == 100
    assert params["features_version"] == telemetry.version(GOLD_VESSEL_FEATURES)
    failing = params["test_days_failing"] / params["test_days"]
    assert metrics["baseline_accuracy"] == pytest.approx(1 - failing)
    assert metrics["baseline_pr_auc"] == pytest.approx(failing)
    assert metrics["baseline_recall"] == 0
    assert metrics["pr_auc"] > 2 * failing, "a wear that shows must be found better than by chance"

    first = run(settings, monkeypatch, score.main, "--json")
    assert first.exit_code == 0, first.output
    before = telemetry.read(GOLD_MAINTENANCE_PREDICTIONS).toPandas()
    second = run(settings, monkeypatch, score.main, "--json")
    after = telemetry.read(GOLD_MAINTENANCE_PREDICTIONS).toPandas()

    assert json.loads(first.stdout) == json.loads(second.stdout)
    pd.testing.assert_frame_equal(by_ship(before), by_ship(after))
    assert len(after) == SHIPS
    assert set(after.observed_on) == {day(DAYS - 1)}
    assert set(after.source) == {"twin"}
    assert after.failure_probability.between(0, 1).all()

    some_days = run(
        settings, monkeypatch, score.main, "--start-date", "2024-02-01", "--end-date", "2024-02-03", "--json"
    )
    assert json.loads(some_days.stdout)["scored"] == 3 * SHIPS
    assert (settings.home / "mlflow" / "mlflow.db").is_file()
    assert (settings.home / "mlflow" / "artifacts").is_dir()


def labelled(spark: SparkSession, failing: dict[int, tuple[int, int]], days: int = 50) -> DataFrame:
    rows = [(ship, day(n), failing.get(ship, (99, 0))[0] <= n < sum(failing.get(ship, (99, 0))))
            for ship in range(12) for n in range(days)]  # fmt: skip
    return spark.createDataFrame(rows, "mmsi long, observed_on date, needs_maintenance boolean")


def test_test_vessels_are_unseen_and_test_days_are_later_than_any_training_label(spark: SparkSession) -> None:
    split = split_by_vessel_and_time(labelled(spark, {1: (5, 7), 2: (10, 7), 4: (40, 7), 7: (42, 7)}))

    train_days, test_days = split.train.toPandas(), split.test.toPandas()
    assert set(train_days.mmsi).isdisjoint(test_days.mmsi)
    assert train_days.observed_on.max() + timedelta(days=7) <= split.cut_on < test_days.observed_on.min()
    assert test_days.needs_maintenance.any()
    assert train_days.needs_maintenance.any()


def test_too_few_failures_to_judge_by_are_said_in_one_sentence(spark: SparkSession) -> None:
    with pytest.raises(InputError, match="Too few failures to be judged by"):
        split_by_vessel_and_time(labelled(spark, {1: (5, 7), 2: (10, 7)}))


def test_an_empty_range_is_refused_and_nothing_written(
    telemetry: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry.create(GOLD_VESSEL_FEATURES)
    monkeypatch.setattr(score, "current_version", lambda _: "1")

    result = run(settings, monkeypatch, score.main, "--start-date", "2030-01-01")

    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "2030-01-01" in result.stderr
    assert not telemetry.exists(GOLD_MAINTENANCE_PREDICTIONS)


def test_without_a_registered_model_the_remedy_is_named(settings: Settings) -> None:
    with pytest.raises(InputError, match="run maritime-train first"):
        current_version(settings)
