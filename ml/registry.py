"""The model registry: MLflow, on this machine unless a server is set; imported when used, as it is slow."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.errors import InputError
from contracts.settings import Settings, forbid_telemetry

MODEL_NAME = "predictive_maintenance"
CHAMPION = "champion"


def log_model(
    settings: Settings,
    model: Any,  # noqa: ANN401  pyspark.ml's PipelineModel, which mypy does not know
    params: Mapping[str, object],
    metrics: Mapping[str, float],
    inputs: list[str],
) -> str:
    """Log a run with its model and register that; return the model's version."""
    import pyspark

    mlflow = _mlflow(settings)
    columns = [mlflow.types.ColSpec("double", name, required=False) for name in inputs]
    signature = mlflow.models.ModelSignature(
        mlflow.types.Schema(columns), mlflow.types.Schema([mlflow.types.ColSpec("double", "prediction")])
    )
    with mlflow.start_run():
        mlflow.log_params(dict(params))
        mlflow.log_metrics(dict(metrics))
        logged = mlflow.spark.log_model(
            model,
            artifact_path="model",
            registered_model_name=MODEL_NAME,
            signature=signature,
            dfs_tmpdir=str(_scratch(settings)),
            pip_requirements=[f"pyspark=={pyspark.__version__}"],  # named, or MLflow would install it to find out
        )
    return str(logged.registered_model_version)


def load_model(settings: Settings, version: str) -> Any:  # noqa: ANN401  pyspark.ml's PipelineModel
    """A registered version, as a Spark transformer.

    Raises:
        InputError: It is not registered, or its files are gone.
    """
    mlflow = _mlflow(settings)
    try:
        return mlflow.spark.load_model(f"models:/{MODEL_NAME}/{version}", dfs_tmpdir=str(_scratch(settings)))
    except (mlflow.exceptions.MlflowException, OSError) as error:
        text = str(error).splitlines()[0]
        raise InputError(f"Model {MODEL_NAME}, version {version}, cannot be loaded: {text}") from error


def current_version(settings: Settings) -> str:
    """The version with the alias ``champion``, else the latest.

    Raises:
        InputError: No version is registered.
    """
    client = _mlflow(settings).MlflowClient()
    versions = client.search_model_versions(f"name = '{MODEL_NAME}'")
    if not versions:
        raise InputError(f"No model {MODEL_NAME} is registered at {settings.mlflow_store}: run maritime-train first.")
    champion = client.get_registered_model(MODEL_NAME).aliases.get(CHAMPION)
    return str(champion or max(int(version.version) for version in versions))


def _mlflow(settings: Settings) -> Any:  # noqa: ANN401  a module that is imported late
    """MLflow, quiet, without its telemetry, pointed at our store and experiment."""
    forbid_telemetry()
    import mlflow
    import mlflow.exceptions
    import mlflow.models
    import mlflow.spark
    import mlflow.types

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(settings.mlflow_store)
    if mlflow.get_experiment_by_name(MODEL_NAME) is None:
        # A server has its own place for artifacts; without one they lie beside the database.
        local = None if settings.mlflow_uri else (folder / "artifacts").as_uri()
        mlflow.create_experiment(MODEL_NAME, artifact_location=local)
    mlflow.set_experiment(MODEL_NAME)
    return mlflow


def _folder(settings: Settings) -> Path:
    return settings.home.absolute() / "mlflow"


def _scratch(settings: Settings) -> Path:
    return _folder(settings) / "tmp"
