"""How voyages went, against their schedule and by route. Pure."""

from __future__ import annotations

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.tables import GOLD_ROUTE_PERFORMANCE, GOLD_VOYAGE_ANALYTICS
from lakehouse.transforms.lists import listed
from lakehouse.transforms.rolling import last_days
from lakehouse.transforms.voyages_sailed import with_sailings

MICROS_PER_HOUR = 3_600_000_000
ROUTE_WINDOW_DAYS = 7


def voyage_analytics(voyages: DataFrame, sailings: DataFrame | None = None) -> DataFrame:
    """Measures of each voyage that has departed.

    Args:
        voyages: ``silver.voyages``. For the rolling share to be complete, include the six days before those wanted.
        sailings: ``gold.sailings`` of the same time, where positions were looked at.

    Returns:
        ``gold.voyage_analytics``: one row per voyage, and one per sailing that nobody declared. A voyage under way, or
        cancelled, has nulls for what only an arrival tells, and is not judged.
    """
    departed = voyages.filter(F.col("departed_on").isNotNull())
    measured = with_sailings(departed, sailings).withColumns(
        {
            "duration_hours": duration_hours(),
            "delay_hours": delay_hours(),
            "is_delayed": is_delayed(),
            "schedule_status": schedule_status(),
        }
    )
    return measured.withColumns(
        {
            "mean_speed_kn": mean_speed_kn(),
            "route_voyages_7d": route_voyages_7d(),
            "route_delayed_share_7d": route_delayed_share_7d(),
        }
    ).select(GOLD_VOYAGE_ANALYTICS.columns)


def route_performance(analytics: DataFrame, start_on: date, end_on: date) -> DataFrame:
    """How each route did in a period.

    Args:
        analytics: ``gold.voyage_analytics``, only voyages that departed in the period.
        start_on: First day of the period.
        end_on: Last day of the period, included.

    Returns:
        ``gold.route_performance``: one row per route; a voyage of which nobody knows where it leads is in none. The
        speed is total distance by total duration of arrived voyages.
    """
    is_timed = F.col("duration_hours").isNotNull() & F.col("distance_nm").isNotNull()
    timed_nm = F.sum(F.when(is_timed, F.col("distance_nm")))
    timed_hours = F.sum(F.when(is_timed, F.col("duration_hours")))
    return (
        analytics.where(F.col("route_id").isNotNull())
        .groupBy("route_id")
        .agg(
            F.lit(start_on).alias("start_on"),
            F.lit(end_on).alias("end_on"),
            F.count("*").alias("voyages"),
            F.count("arrived_at").alias("arrived_voyages"),
            F.count_if("is_delayed").alias("delayed_voyages"),
            F.avg(F.col("is_delayed").cast("int")).alias("delayed_share"),
            F.avg("duration_hours").alias("mean_duration_hours"),
            F.avg("delay_hours").alias("mean_delay_hours"),
            (timed_nm / F.nullif(timed_hours, F.lit(0.0))).alias("mean_speed_kn"),
            F.sum("distance_nm").alias("distance_nm"),
            listed("source").alias("source"),
        )
        .select(GOLD_ROUTE_PERFORMANCE.columns)
    )


def duration_hours() -> Column:
    """Hours from departure to arrival; null while under way, and where the arrival is before the departure."""
    hours = _hours_between("departed_at", "arrived_at")
    return F.when(hours >= 0, hours)


def is_delayed() -> Column:
    """Arrived later than scheduled, with no tolerance; null without both instants."""
    return F.col("arrived_at") > F.col("scheduled_arrival_at")


def schedule_status() -> Column:
    """On time, delayed, cancelled or in progress; null for an arrival without a schedule, which nobody can judge."""
    return (
        F.when(F.col("status") == "cancelled", "cancelled")
        .when(is_delayed(), "delayed")
        .when(~is_delayed(), "on_time")
        .when(F.col("status") == "in_progress", "in_progress")
    )


def delay_hours() -> Column:
    """Hours of arrival after schedule, 0 when early or on time; null without both instants."""
    late_by = _hours_between("scheduled_arrival_at", "arrived_at")
    return F.when(late_by > 0, late_by).when(late_by <= 0, 0.0)


def mean_speed_kn() -> Column:
    """Distance by duration; null where either is missing or the duration is nil."""
    return F.col("distance_nm") / F.nullif(F.col("duration_hours"), F.lit(0.0))


def route_voyages_7d() -> Column:
    """Judged voyages of the route that departed on this calendar day or the six before."""
    return F.count("is_delayed").over(last_days(ROUTE_WINDOW_DAYS, "departed_on", of=F.col("route_id")))


def route_delayed_share_7d() -> Column:
    """Share of ``route_voyages_7d`` that arrived late; null when none of them can be judged."""
    late = F.avg(F.col("is_delayed").cast("int"))
    return late.over(last_days(ROUTE_WINDOW_DAYS, "departed_on", of=F.col("route_id")))


def _hours_between(start: str, end: str) -> Column:
    return (F.unix_micros(F.col(end)) - F.unix_micros(F.col(start))) / F.lit(MICROS_PER_HOUR)
