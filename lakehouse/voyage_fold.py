"""After a batch of voyage events: fold the voyages and fuel days that it touched, from all their events."""

from __future__ import annotations

from pyspark.sql import DataFrame

from contracts.tables import SILVER_EMISSIONS, SILVER_VOYAGE_EVENTS, SILVER_VOYAGES
from lakehouse.provenance import made_by
from lakehouse.store import Store
from lakehouse.transforms.voyages_silver import emission_days, touched, voyages


def fold_voyages(store: Store, accepted: DataFrame) -> dict[str, int]:
    """Upsert the touched rows of ``silver.voyages`` and ``silver.emissions``; return their versions.

    Folding is done anew from ``silver.voyage_events``, so a replay, or events that come in another order, give the
    same rows. No transaction id is needed: the merge is idempotent by the tables' keys.
    """
    version = store.version(SILVER_VOYAGE_EVENTS)
    of_voyages, of_days = touched(store.read(SILVER_VOYAGE_EVENTS, version), accepted)
    said = {"inputs": {SILVER_VOYAGE_EVENTS.name: version}, **made_by((SILVER_VOYAGES, SILVER_EMISSIONS))}
    return {
        SILVER_VOYAGES.name: store.upsert(SILVER_VOYAGES, voyages(of_voyages), metadata=said),
        SILVER_EMISSIONS.name: store.upsert(SILVER_EMISSIONS, emission_days(of_days), metadata=said),
    }
