"""Fuel per mile of voyages, from the fuel days that lie wholly in them."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.fields import FUEL_T
from lakehouse.transforms.lists import listed


def fuel_by_route(analytics: DataFrame, emissions: DataFrame) -> DataFrame:
    """One row per route with at least one fuel day: how much was burnt for a mile.

    A day counts if the ship was on the voyage from its first to its last instant: fuel and miles of other days belong
    to a port as well. The figure is the ratio of the sums, not the mean of ratios.

    Args:
        analytics: ``gold.voyage_analytics`` of the period.
        emissions: ``silver.emissions``.

    Returns:
        ``route_id``, ``voyages`` (with a fuel day), ``fuel_days``, ``fuel_t``, ``distance_nm`` (of these days),
        ``fuel_kg_per_nm``, ``method`` and ``source``; days without fuel or miles are left out.
    """
    sailed = analytics.where(F.col("route_id").isNotNull() & F.col("arrived_at").isNotNull()).select(
        "voyage_id", "route_id", "mmsi", "departed_at", "arrived_at"
    )
    days = emissions.select("mmsi", "reported_on", "distance_nm", "method", "source", _total_t().alias("fuel_t"))
    begins = F.col("reported_on").cast("timestamp")
    ends = F.date_add("reported_on", 1).cast("timestamp")
    inside = (begins >= F.col("departed_at")) & (ends <= F.col("arrived_at"))
    known = sailed.join(days, "mmsi").where(inside & (F.col("distance_nm") > 0) & (F.col("fuel_t") > 0))
    fuel_t, nm = F.sum("fuel_t"), F.sum("distance_nm")
    return known.groupBy("route_id").agg(
        F.count_distinct("voyage_id").alias("voyages"),
        F.count(F.lit(1)).alias("fuel_days"),
        fuel_t.alias("fuel_t"),
        nm.alias("distance_nm"),
        (1_000 * fuel_t / nm).alias("fuel_kg_per_nm"),
        listed("method").alias("method"),
        listed("source").alias("source"),
    )


def _total_t() -> Column:
    """Fuel of all kinds in tonnes; null where none is told."""
    kinds = [F.col(field.name) for field in FUEL_T]
    total = reduce(Column.__add__, (F.coalesce(kind, F.lit(0.0)) for kind in kinds))
    return F.when(F.coalesce(*kinds).isNotNull(), total)
