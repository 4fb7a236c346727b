"""Silver to ``gold.vessel_features``: read, transform, write."""

from __future__ import annotations

from contracts.errors import InputError
from contracts.tables import GOLD_VESSEL_FEATURES, SILVER_SENSORS, SILVER_VOYAGES
from lakehouse.provenance import made_by
from lakehouse.schema import spark_schema
from lakehouse.store import Store
from lakehouse.transforms.features import CHANGES, vessel_features

FEATURE_NAMES = [*CHANGES, "mean_engine_load_pct"]
"""What the model sees: each engine against its own past, and how hard it works.

Levels are left out: they tell one vessel from another, and the model is for vessels that it has never seen.
"""


def rebuild_features(store: Store) -> int:
    """Replace ``gold.vessel_features`` by what Silver says now, and return the table's version.

    Raises:
        InputError: There is no engine telemetry in Silver.
    """
    read = {table.name: store.version(table) for table in (SILVER_SENSORS, SILVER_VOYAGES) if store.exists(table)}
    sensors = store.read(SILVER_SENSORS, read.get(SILVER_SENSORS.name))
    if sensors.filter("event_type = 'engine'").isEmpty():
        raise InputError(f"{SILVER_SENSORS.name} holds no engine readings: publish engine telemetry first.")
    voyages = (
        store.read(SILVER_VOYAGES, read[SILVER_VOYAGES.name])
        if SILVER_VOYAGES.name in read
        else store.spark.createDataFrame([], spark_schema(SILVER_VOYAGES))
    )
    store.create(GOLD_VESSEL_FEATURES)
    said = {"inputs": read, **made_by([GOLD_VESSEL_FEATURES])}
    return store.replace(GOLD_VESSEL_FEATURES, vessel_features(sensors, voyages), metadata=said)
