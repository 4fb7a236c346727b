"""The maintenance model: a forest over imputed features, and how well it does beside always saying no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.ml import Pipeline
from pyspark.ml.classification import RandomForestClassifier
from pyspark.ml.evaluation import BinaryClassificationEvaluator
from pyspark.ml.feature import Imputer, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

NUM_TREES = 100
MAX_DEPTH = 4
"""Shallow, for a fleet shows few failures to learn from."""
SEED = 1


def fit(train: DataFrame, names: list[str]) -> Any:  # noqa: ANN401  pyspark.ml's PipelineModel
    """Train the forest. Failures are rare, so each class weighs the same in all.

    Args:
        train: Labelled features.
        names: Feature columns that have a value in ``train``; nulls become their median.
    """
    filled = [f"{name}_filled" for name in names]
    forest = RandomForestClassifier(
        numTrees=NUM_TREES, maxDepth=MAX_DEPTH, seed=SEED, labelCol="label", weightCol="weight"
    )
    pipeline = Pipeline(
        stages=[
            Imputer(strategy="median", inputCols=names, outputCols=filled),
            VectorAssembler(inputCols=filled, outputCol="features"),
            forest,
        ]
    )
    share = train.agg(F.avg(F.col("needs_maintenance").cast("double"))).collect()[0][0]
    weight = F.when(F.col("needs_maintenance"), 0.5 / share).otherwise(0.5 / (1 - share))
    label = F.col("needs_maintenance").cast("double")
    return pipeline.fit(as_doubles(train, names).withColumns({"weight": weight, "label": label}))


def as_doubles(features: DataFrame, names: list[str]) -> DataFrame:
    """The features as the model's signature declares them; keeps the other columns."""
    return features.withColumns({name: F.col(name).cast("double") for name in names})


def known_features(train: DataFrame, names: list[str]) -> list[str]:
    """Names of those features that have a value at all; of the others there is nothing to learn."""
    counts = train.agg(*(F.count(name).alias(name) for name in names)).collect()[0]
    return [name for name in names if counts[name]]


def failure_probability() -> Column:
    """The forest's vote for a failure, 0 to 1."""
    return vector_to_array(F.col("probability"))[1]


def measure(model: Any, test: DataFrame, names: list[str]) -> dict[str, float]:  # noqa: ANN401
    """How the model does on unseen vessels and days, beside a baseline that always says no.

    Precision is 0 where the model never warns. The baseline's PR-AUC is the share of failures, its recall 0.
    """
    label = F.col("needs_maintenance").cast("double")
    scored = model.transform(as_doubles(test, names)).withColumn("label", label).cache()
    pr_auc = BinaryClassificationEvaluator(labelCol="label", metricName="areaUnderPR").evaluate(scored)
    counts = {
        (row.label, row.prediction): row["count"] for row in scored.groupBy("label", "prediction").count().collect()
    }
    scored.unpersist()
    return {"pr_auc": pr_auc, **rates(counts)}


def rates(counts: Mapping[tuple[float, float], int]) -> dict[str, float]:
    """Recall, precision and accuracy from counts by (label, prediction), and those of always saying no."""
    hits, misses = counts.get((1.0, 1.0), 0), counts.get((1.0, 0.0), 0)
    false_alarms, quiet = counts.get((0.0, 1.0), 0), counts.get((0.0, 0.0), 0)
    rows = hits + misses + false_alarms + quiet
    failing = hits + misses
    return {
        "recall": hits / failing if failing else 0.0,
        "precision": hits / (hits + false_alarms) if hits + false_alarms else 0.0,
        "accuracy": (hits + quiet) / rows,
        "baseline_pr_auc": failing / rows,
        "baseline_recall": 0.0,
        "baseline_precision": 0.0,
        "baseline_accuracy": 1 - failing / rows,
    }
