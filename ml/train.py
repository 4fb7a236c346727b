"""``maritime-train``: learn from the truth which vessels fail within seven days, and register the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import deltalake
import polars as pl
from pyspark.sql import DataFrame, SparkSession

from contracts.errors import InputError
from contracts.settings import Settings, load_settings
from contracts.tables import GOLD_VESSEL_FEATURES, SILVER_SENSORS, Table
from infra.console import Command, json_option, print_facts, print_json, print_table, say
from infra.release import code_version
from lakehouse.runs import Run, recorded
from lakehouse.transforms.features import HORIZON_DAYS, label_maintenance
from lakehouse.upkeep.readers import FEATURES_VERSION
from ml.features import FEATURE_NAMES, rebuild_features
from ml.model import MAX_DEPTH, NUM_TREES, SEED, fit, known_features, measure
from ml.registry import MODEL_NAME, log_model
from ml.split import Split, split_by_vessel_and_time

TRUTH_FILE = "failures.csv"
LOCK = "model"
"""Held by training and by scoring: both write what the other reads."""


def read_failures(truth: Path) -> pl.DataFrame:
    """``mmsi`` and ``failed_at`` (UTC) of every failure in the truth.

    Raises:
        InputError: The file or a column is missing, or an instant cannot be read.
    """
    path = truth / TRUTH_FILE
    if not path.is_file():
        raise InputError(f"No truth at {path}: name the folder that the fleet twin wrote its truth to.")
    rows = pl.read_csv(path, infer_schema=False)
    missing = {"mmsi", "failed_at"} - set(rows.columns)
    if missing:
        raise InputError(f"{path} has no column {', '.join(sorted(missing))}.")
    try:
        failed_at = pl.col("failed_at").str.replace("Z$", "+00:00").str.to_datetime(time_zone="UTC")
        return rows.select(pl.col("mmsi").cast(pl.Int64), failed_at)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path}: failed_at or mmsi cannot be read ({str(error).splitlines()[0]}).") from error


def require_table(settings: Settings, table: Table) -> None:
    """Find out before Spark starts.

    Raises:
        InputError: The table is not there.
    """
    place = f"{settings.lake}/{table.path}"
    if not deltalake.DeltaTable.is_deltatable(place):
        raise InputError(f"No table {table.name} at {place}: run its stream first.")


def train(run: Run, settings: Settings, failures: pl.DataFrame) -> dict[str, Any]:
    """Rebuild the features, train, measure, register; return what a person wants to know.

    Raises:
        InputError: There is no engine telemetry, or there are too few failures or days to learn from.
    """
    features_version = rebuild_features(run)
    features = run.store.read(GOLD_VESSEL_FEATURES, features_version)
    labelled = label_maintenance(features, _to_spark(run.store.spark, failures)).cache()
    run.rows_written = labelled.count()
    split = split_by_vessel_and_time(labelled)
    names = known_features(split.train, FEATURE_NAMES)
    say(f"training {NUM_TREES} trees on {split.train.count():,} vessel days ...")
    model = fit(split.train, names)
    metrics = measure(model, split.test, names)
    params = {
        "num_trees": NUM_TREES,
        "max_depth": MAX_DEPTH,
        "seed": SEED,
        "horizon_days": HORIZON_DAYS,
        "features": ",".join(names),
        FEATURES_VERSION: features_version,
        "code_version": code_version(),
        **_describe(split),
    }
    say("registering the model ...")
    model_version = log_model(settings, model, params, metrics, names)
    labelled.unpersist()
    return {"model": MODEL_NAME, "model_version": model_version, "metrics": metrics, "params": params}


def _describe(split: Split) -> dict[str, object]:
    failing = "needs_maintenance"
    return {
        "split": f"every third vessel held out; train to {HORIZON_DAYS} days before the cut, test after",
        "cut_on": split.cut_on.isoformat(),
        "test_vessels": len(split.test_vessels),
        "train_days": split.train.count(),
        "train_days_failing": split.train.filter(failing).count(),
        "test_days": split.test.count(),
        "test_days_failing": split.test.filter(failing).count(),
    }


def _counted(params: dict[str, Any], part: str) -> str:
    return f"{params[f'{part}_days']:,} vessel days, {params[f'{part}_days_failing']:,} before a failure"


def _to_spark(spark: SparkSession, failures: pl.DataFrame) -> DataFrame:
    return spark.createDataFrame(failures.rows(), "mmsi long, failed_at timestamp")


@click.command(cls=Command)
@click.option("--truth", type=click.Path(path_type=Path), required=True, help=f"Folder that holds {TRUTH_FILE}.")
@json_option
def main(truth: Path, as_json: bool) -> None:
    """Train and register the maintenance model: which vessels fail within the next seven days."""
    settings = load_settings()
    failures = read_failures(truth)
    require_table(settings, SILVER_SENSORS)
    with recorded(Run, "train", {"truth": truth}, settings, lock=LOCK) as run:
        result = train(run, settings, failures)
    if as_json:
        print_json(result)
        return
    metrics, params = result["metrics"], result["params"]
    columns = ("", "PR-AUC", "recall", "precision", "accuracy")
    rows = [
        (name, *(metrics[prefix + key] for key in ("pr_auc", "recall", "precision", "accuracy")))
        for name, prefix in (("model", ""), ("always no", "baseline_"))
    ]
    print_table("On vessels never seen, after the training period", columns, rows)
    print_facts(
        {
            "registered": f"{MODEL_NAME}, version {result['model_version']}",
            "trained on": _counted(params, "train"),
            "judged by": _counted(params, "test"),
            "features": f"gold.vessel_features, version {params[FEATURES_VERSION]}",
        }
    )


if __name__ == "__main__":
    main()
