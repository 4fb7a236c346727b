"""After a batch of voyage events: fold the voyages and fuel days that it touched, from all their events."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.tables import SILVER_EMISSIONS, SILVER_VOYAGE_EVENTS, SILVER_VOYAGES
from lakehouse.store import Store
from lakehouse.transforms.voyages_silver import emission_days, reported_on, voyages


def fold_voyages(store: Store, accepted: DataFrame) -> dict[str, int]:
    """Upsert the touched rows of ``silver.voyages`` and ``silver.emissions``; return their versions.

    Folding is done anew from ``silver.voyage_events``, so a replay, or events that come in another order, give the
    same rows. No transaction id is needed: the merge is idempotent by the tables' keys.
    """
    events = store.read(SILVER_VOYAGE_EVENTS)
    is_fuel = F.col("event_type") == "fuel_report"
    touched = accepted.where(~is_fuel).select("voyage_id").distinct()
    days = accepted.where(is_fuel).select("mmsi", reported_on().alias("reported_on")).distinct()
    of_voyages = events.where(~is_fuel).join(touched, on="voyage_id", how="left_semi")
    of_days = (
        events.where(is_fuel)
        .withColumn("reported_on", reported_on())
        .join(days, on=["mmsi", "reported_on"], how="left_semi")
    )
    return {
        SILVER_VOYAGES.name: store.upsert(SILVER_VOYAGES, voyages(of_voyages)),
        SILVER_EMISSIONS.name: store.upsert(SILVER_EMISSIONS, emission_days(of_days)),
    }
