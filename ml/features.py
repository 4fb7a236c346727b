"""Silver to ``gold.vessel_features``: read, transform, write."""

from __future__ import annotations

from contracts.errors import InputError
from contracts.tables import GOLD_VESSEL_FEATURES, SILVER_SENSORS, SILVER_VOYAGES
from lakehouse.runs import Run
from lakehouse.schema import spark_schema
from lakehouse.transforms.features import CHANGES, vessel_features

FEATURE_NAMES = [*CHANGES, "mean_engine_load_pct"]
"""What the model sees: each engine against its own past, and how hard it works.

Levels are left out: they tell one vessel from another, and the model is for vessels that it has never seen.
"""


def rebuild_features(run: Run) -> int:
    """Replace ``gold.vessel_features`` by what Silver says now, and return the table's version.

    Raises:
        InputError: There is no engine telemetry in Silver.
    """
    sensors = run.read(SILVER_SENSORS)
    run.rows_read = sensors.filter("event_type = 'engine'").count()
    if not run.rows_read:
        raise InputError(f"{SILVER_SENSORS.name} holds no engine readings: publish engine telemetry first.")
    voyages = (
        run.read(SILVER_VOYAGES)
        if run.store.exists(SILVER_VOYAGES)
        else run.store.spark.createDataFrame([], spark_schema(SILVER_VOYAGES))
    )
    return run.replace(GOLD_VESSEL_FEATURES, vessel_features(sensors, voyages))
