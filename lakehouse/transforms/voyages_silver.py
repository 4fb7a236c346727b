"""Voyage events folded into voyages and fuel days. Order of arrival does not matter: all events of a key are given."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.fields import FUEL_T
from contracts.tables import SILVER_EMISSIONS, SILVER_VOYAGES


def voyages(events: DataFrame) -> DataFrame:
    """``silver.voyages``: one row per voyage; the last word of each kind of event counts.

    Args:
        events: All ``silver.voyage_events`` of the voyages wanted, fuel reports left out.

    Returns:
        ``status`` is cancelled, arrived, in_progress or scheduled, by the events that there are. ``distance_nm`` is
        the logged distance of the arrival, null before it.
    """
    when = "observed_at"
    folded = events.groupBy("voyage_id").agg(
        *(_latest(name).alias(name) for name in ("mmsi", "imo_number", "from_locode", "to_locode", "source")),
        *(_latest(name).alias(name) for name in ("scheduled_departure_at", "scheduled_arrival_at", "delay_cause")),
        _of("departure", F.col(when)).alias("departed_at"),
        _of("arrival", F.col(when)).alias("arrived_at"),
        _of("cancelled", F.col(when)).alias("cancelled_at"),
        _of("arrival", F.col("distance_nm")).alias("distance_nm"),
    )
    status = (
        F.when(F.col("cancelled_at").isNotNull(), "cancelled")
        .when(F.col("arrived_at").isNotNull(), "arrived")
        .when(F.col("departed_at").isNotNull(), "in_progress")
        .otherwise("scheduled")
    )
    return folded.withColumns(
        {
            "route_id": F.concat_ws("-", "from_locode", "to_locode"),
            "departed_on": F.to_date("departed_at"),
            "status": status,
        }
    ).select(*SILVER_VOYAGES.columns)


def emission_days(reports: DataFrame) -> DataFrame:
    """``silver.emissions``: one row per vessel and day with a fuel report; a later report of a day replaces it.

    The day is that of ``observed_at`` less one millisecond, so that a report at midnight speaks of the day it ends.
    """
    figures = (
        "imo_number",
        "distance_nm",
        "underway_h",
        "anchored_h",
        "berth_h",
        "source",
        *(f.name for f in FUEL_T),
    )
    last = F.max_by(F.struct(*figures), F.struct("observed_at", "kafka_partition", "kafka_offset"))
    return (
        reports.withColumn("reported_on", reported_on())
        .groupBy("mmsi", "reported_on")
        .agg(last.alias("last"))
        .select("mmsi", "reported_on", "last.*", F.lit("reported").alias("method"), F.lit("high").alias("quality"))
        .select(*SILVER_EMISSIONS.columns)
    )


def touched(events: DataFrame, accepted: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Of all ``silver.voyage_events`` those of the voyages, and those of the fuel days, that accepted events touch.

    The fuel reports have ``reported_on``.
    """
    is_fuel = F.col("event_type") == "fuel_report"
    of_voyages = accepted.where(~is_fuel).select("voyage_id").distinct()
    days = accepted.where(is_fuel).select("mmsi", reported_on().alias("reported_on")).distinct()
    reports = events.where(is_fuel).withColumn("reported_on", reported_on())
    return (
        events.where(~is_fuel).join(of_voyages, on="voyage_id", how="left_semi"),
        reports.join(days, on=["mmsi", "reported_on"], how="left_semi"),
    )


def reported_on() -> Column:
    """The day that a fuel report speaks of: that of ``observed_at`` less one millisecond."""
    return F.to_date(F.col("observed_at") - F.expr("INTERVAL 1 MILLISECOND"))


def _latest(name: str) -> Column:
    order = F.struct("observed_at", "kafka_partition", "kafka_offset")
    return F.max_by(F.col(name), F.when(F.col(name).isNotNull(), order))


def _of(event_type: str, value: Column) -> Column:
    of_type = F.col("event_type") == event_type
    order = F.struct("kafka_partition", "kafka_offset")
    return F.max_by(F.when(of_type, value), F.when(of_type, order))
