"""``maritime-score``: which vessels the registered model expects to fail within seven days."""

from __future__ import annotations

import datetime as dt
from typing import Any

import click
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from contracts.errors import InputError
from contracts.settings import Settings, load_settings
from contracts.tables import GOLD_MAINTENANCE_PREDICTIONS, GOLD_VESSEL_FEATURES
from infra.console import Command, json_option, print_facts, print_json, print_table, say
from lakehouse.runs import Run, recorded
from ml.model import as_doubles, failure_probability
from ml.registry import MODEL_NAME, current_version, load_model
from ml.train import LOCK, require_table

SHOWN = 10
DAY = click.DateTime(["%Y-%m-%d"])


def predictions(model: Any, features: DataFrame, model_version: str, features_version: int) -> DataFrame:  # noqa: ANN401
    """``gold.maintenance_predictions`` for these rows of a version of ``gold.vessel_features``."""
    names = model.stages[0].getInputCols()
    rows: DataFrame = (
        model.transform(as_doubles(features, names))
        .withColumns(
            {
                "failure_probability": failure_probability(),
                "needs_maintenance": F.col("prediction") == 1,
                "model_version": F.lit(model_version),
                "features_version": F.lit(features_version).cast("long"),
            }
        )
        .select(GOLD_MAINTENANCE_PREDICTIONS.columns)
    )
    return rows


def chosen_days(features: DataFrame, start: dt.date | None, end: dt.date | None) -> DataFrame:
    """The days from ``start`` to ``end``, both included; without either, each vessel's last day."""
    if start is None and end is None:
        newest_first = Window.partitionBy("mmsi").orderBy(F.desc("observed_on"))
        return features.withColumn("age", F.row_number().over(newest_first)).filter("age = 1").drop("age")
    if start is not None:
        features = features.filter(F.col("observed_on") >= start)
    return features if end is None else features.filter(F.col("observed_on") <= end)


def score(
    run: Run, settings: Settings, model_version: str, start: dt.date | None, end: dt.date | None
) -> dict[str, Any]:
    """Score, write, and return what a person wants to know. Scoring again replaces, it does not add.

    Raises:
        InputError: There are no features for the days asked for.
    """
    features = chosen_days(run.read(GOLD_VESSEL_FEATURES), start, end)
    if features.isEmpty():
        raise InputError(
            f"{GOLD_VESSEL_FEATURES.name} holds no day from {start or 'its first'} to {end or 'its last'}."
        )
    say(f"scoring with {MODEL_NAME}, version {model_version} ...")
    version = run.inputs[GOLD_VESSEL_FEATURES.name]
    rows = predictions(load_model(settings, model_version), features, model_version, version).cache()
    scored, first, last = rows.agg(F.count("*"), F.min("observed_on"), F.max("observed_on")).collect()[0]
    run.rows_read = run.rows_written = scored
    run.basis["model"] = {"name": MODEL_NAME, "version": model_version}
    covers = {
        "observed_on": (first, last),
        "model_version": (model_version, model_version),
        "features_version": (version, version),
    }
    run.upsert(GOLD_MAINTENANCE_PREDICTIONS, rows, covers)
    result = {
        "model": MODEL_NAME,
        "model_version": model_version,
        "scored": scored,
        "needs_maintenance": rows.filter("needs_maintenance").count(),
        "most_at_risk": [
            row.asDict() for row in rows.orderBy(F.desc("failure_probability"), "mmsi").limit(SHOWN).collect()
        ],
    }
    rows.unpersist()
    return result


@click.command(cls=Command)
@click.option("--start-date", type=DAY, help="First day to score; without dates, each vessel's last day.")
@click.option("--end-date", type=DAY, help="Last day to score, included.")
@click.option("--model-version", help="Registered version; default: the champion, else the latest.")
@json_option
def main(
    start_date: dt.datetime | None, end_date: dt.datetime | None, model_version: str | None, as_json: bool
) -> None:
    """Score vessels with the registered maintenance model and write gold.maintenance_predictions."""
    settings = load_settings()
    start, end = start_date and start_date.date(), end_date and end_date.date()
    if start and end and end < start:
        raise InputError(f"--end-date {end} is before --start-date {start}.")
    require_table(settings, GOLD_VESSEL_FEATURES)
    chosen = model_version or current_version(settings)
    arguments = {"model_version": chosen, "start_date": start, "end_date": end}
    with recorded(Run, "score", arguments, settings, lock=LOCK) as run:
        result = score(run, settings, chosen, start, end)
    if as_json:
        print_json(result)
        return
    columns = ("MMSI", "day", "probability", "needs maintenance", "source")
    rows = [
        (
            str(row["mmsi"]),
            row["observed_on"],
            row["failure_probability"],
            row["needs_maintenance"],
            row["source"],
        )
        for row in result["most_at_risk"]
    ]
    print_table("Vessels most at risk within seven days", columns, rows)
    print_facts(
        {
            "scored": f"{result['scored']} vessel days, {result['needs_maintenance']} need maintenance",
            "model": f"{MODEL_NAME}, version {result['model_version']}; probabilities are not calibrated",
        }
    )


if __name__ == "__main__":
    main()
