"""The model is judged by ships and days that it never saw, and scores without adding rows twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from contracts.errors import InputError
from contracts.settings import Settings
from contracts.tables import GOLD_MAINTENANCE_PREDICTIONS, GOLD_VESSEL_FEATURES, OPS_LINEAGE, OPS_RUNS
from contracts.topics import SENSORS
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store
from maritime.evidence import evidence
from maritime.verify_evidence import verify_evidence
from ml import score, train
from ml.registry import MODEL_NAME, current_version, load_model
from ml.split import split_by_vessel_and_time

SHIPS, DAYS = 12, 50
FIRST = date(2024, 1, 1)
FIRST_MMSI = 219_000_000
FAILS_AFTER_DAYS = (15, 18, 22, 40, 43, 46)
"""Every second ship fails once: some where the model learns, some where it is judged."""


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    rows = ["mmsi,failed_at,component"]
    rows += [f"{FIRST_MMSI + 2 * n},{day(on)}T06:00:00Z,bearing" for n, on in enumerate(FAILS_AFTER_DAYS)]
    (tmp_path / "failures.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.fixture
def telemetry(store: Store, land: Callable[..., None], settings: Settings) -> Store:
    """A lake that holds two readings a day of ships that shake for nine days before they fail."""
    rng = np.random.default_rng(7)
    events = []
    for ship in range(SHIPS):
        fails = FAILS_AFTER_DAYS[ship // 2] if ship % 2 == 0 else None
        for half_day in range(2 * DAYS):
            at = noon(day(half_day // 2)) + timedelta(hours=half_day % 2)
            worn = 0 if fails is None else float(np.clip((half_day / 2 - fails + 9) / 9, 0, 1))
            worn = 0 if fails is not None and half_day / 2 > fails else worn
            events.append(
                {
                    "event_type": "engine", "schema_version": 1, "mmsi": FIRST_MMSI + ship,
                    "event_id": f"{ship}-{half_day}", "source": "twin", "observed_at_ms": int(at.timestamp() * 1000),
                    "vibration_mm_per_s": 2 + 3 * worn + float(rng.normal(0, 0.2)), "engine_load_pct": 70.0,
                    "shaft_power_kw": 7_000.0, "fuel_rate_kg_per_h": 1_300.0, "running_time_h": 12.0 * half_day,
                }
            )  # fmt: skip
    land(SENSORS, events)
    run_flows([flow for flow in SILVER_FLOWS if flow.name == "silver.sensors"], settings, once=True)
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

    jobs = [(row.job, row.outcome, row.versions.get(GOLD_VESSEL_FEATURES.name))
            for row in telemetry.read(OPS_RUNS).orderBy("started_at").collect()]  # fmt: skip
    scored = params["features_version"]
    assert jobs == [("train", "succeeded", scored), *[("score", "succeeded", scored)] * 3]
    last = told(telemetry)[-1]
    assert [place["name"].rsplit("/", 1)[1] for place in last["inputs"]] == ["vessel_features"]
    assert [place["name"].rsplit("/", 1)[1] for place in last["outputs"]] == ["maintenance_predictions"]


def told(store: Store) -> list[dict[str, Any]]:
    """Lineage of the runs, oldest first."""
    rows = store.read(OPS_LINEAGE).where("job IN ('train', 'score')").orderBy("happened_at").collect()
    return [json.loads(row.event) for row in rows]


def test_a_prediction_is_retraced_to_raw_readings_through_its_own_features_and_model(
    telemetry: Store, truth: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARITIME_QUALITY_AFTER_JOBS", "false")
    assert run(settings, monkeypatch, train.main, "--truth", str(truth)).exit_code == 0
    two_days = ("--start-date", str(day(20)), "--end-date", str(day(21)))
    assert run(settings, monkeypatch, score.main, *two_days).exit_code == 0
    scored = json.loads(DeltaTable(telemetry.path(GOLD_MAINTENANCE_PREDICTIONS)).history(1)[0]["userMetadata"])
    assert scored["covers"]["features_version"] == [telemetry.version(GOLD_VESSEL_FEATURES)] * 2
    asked = ["gold/maintenance_predictions", f"mmsi={FIRST_MMSI}", f"date={day(20)}"]
    file = truth / "evidence.json"

    assert run(settings, monkeypatch, train.main, "--truth", str(truth)).exit_code == 0  # features and model anew
    assert run(settings, monkeypatch, score.main, "--start-date", str(day(21))).exit_code == 0
    made = run(settings, monkeypatch, evidence, *asked, "--output", str(file))

    assert made.exit_code == 0, made.output
    found = json.loads(file.read_text())
    tables = ["gold.maintenance_predictions", "gold.vessel_features", "silver.sensors", "bronze.sensors"]
    assert [step["table"] for step in found["steps"]] == tables
    assert found["row"]["model_version"] == "1"
    assert found["steps"][0]["commit"]["model"] == {"name": MODEL_NAME, "version": "1"}
    assert found["steps"][1]["version"] == found["row"]["features_version"] < telemetry.version(GOLD_VESSEL_FEATURES)
    assert found["steps"][-1]["rows"] == 42, "two readings of each of the 21 days behind the features"
    assert run(settings, monkeypatch, verify_evidence, str(file)).exit_code == 0

    shutil.rmtree(settings.home / "mlflow" / "artifacts")
    gone = run(settings, monkeypatch, verify_evidence, str(file), "--json")
    assert (gone.exit_code, json.loads(gone.stdout)["differences"][0]["name"]) == (1, "model")
    assert f"Model {MODEL_NAME}, version 1, cannot be loaded" in gone.stdout


def test_a_version_that_is_not_registered_is_refused_in_one_sentence(settings: Settings) -> None:
    with pytest.raises(InputError, match="Model predictive_maintenance, version 7, cannot be loaded"):
        load_model(settings, "7")


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

    assert result.exit_code == 2
    assert "2030-01-01" in result.stderr.splitlines()[-1]
    assert not telemetry.exists(GOLD_MAINTENANCE_PREDICTIONS)


def test_without_a_registered_model_the_remedy_is_named(settings: Settings) -> None:
    with pytest.raises(InputError, match="run maritime-train first"):
        current_version(settings)
