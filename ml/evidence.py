"""How a prediction comes about: the day of features that was scored, and the registered model that scored it."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.errors import InputError
from contracts.tables import GOLD_MAINTENANCE_PREDICTIONS, GOLD_VESSEL_FEATURES, Table
from lakehouse.evidence.link import Basis, Link, Rows
from lakehouse.evidence.links import LINKS
from lakehouse.evidence.retrace import Difference, MissingError
from ml.registry import load_model
from ml.score import predictions


def _scored(features: DataFrame, rows: Rows) -> DataFrame:
    (row,) = rows
    return features.where((F.col("mmsi") == row["mmsi"]) & (F.col("observed_on") == F.lit(row["observed_on"])))


def _predicted(given: Mapping[str, DataFrame], rows: Rows, basis: Basis) -> DataFrame:
    """The prediction anew.

    Raises:
        MissingError: The model is no longer registered, or its files are gone.
    """
    (row,) = rows
    try:
        model = load_model(basis.settings, row["model_version"])
    except InputError as error:
        raise MissingError([Difference("model", str(error))]) from error
    return predictions(model, given[GOLD_VESSEL_FEATURES.name], row["model_version"], row["features_version"])


ALL_LINKS: Mapping[Table, Link] = {
    **LINKS,
    GOLD_MAINTENANCE_PREDICTIONS: Link({GOLD_VESSEL_FEATURES: _scored}, _predicted),
}
"""Those of the lake and the model's."""
