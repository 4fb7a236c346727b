"""What is known of a vessel's engine and voyages at the end of a day, and whether it failed soon after.

Nothing here looks past the day of its row: removing all later data changes no feature.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from contracts.tables import GOLD_VESSEL_FEATURES

HORIZON_DAYS = 7
"""How far ahead a failure counts as one to warn of."""

RECENT_DAYS, PAST_DAYS = 3, 30
"""A change is the mean of the recent days less that of the vessel's own past days before them."""

CHANGES = {
    "engine_load_change_pct": "mean_engine_load_pct",
    "fuel_change_g_per_kwh": "mean_fuel_g_per_kwh",
    "exhaust_temperature_change_c": "mean_exhaust_temperature_c",
    "coolant_temperature_change_c": "mean_coolant_temperature_c",
    "lube_oil_pressure_change_bar": "mean_lube_oil_pressure_bar",
    "vibration_change_mm_per_s": "mean_vibration_mm_per_s",
}
"""Each change column, and the daily measure that it compares."""


def vessel_features(sensors: DataFrame, voyages: DataFrame) -> DataFrame:
    """Engine and voyage features by vessel and day.

    Args:
        sensors: ``silver.sensors``; only engine readings are used.
        voyages: ``silver.voyages``.

    Returns:
        ``gold.vessel_features``: one row per vessel and day with engine readings. Engine measures are null on
        days when the engine stood still, changes without a past, voyage columns without a known voyage.
    """
    days = _with_changes(_engine_days(sensors))
    by_voyage = _voyage_days(days.select("mmsi", "observed_on"), voyages)
    joined = days.join(by_voyage, ["mmsi", "observed_on"], "left")
    underway_7d_h = F.sum("underway_h").over(_last_days(6, 0))
    return joined.withColumn("underway_7d_h", underway_7d_h).select(GOLD_VESSEL_FEATURES.columns)


def _engine_days(sensors: DataFrame) -> DataFrame:
    """Daily measures of a running engine; one that stands still says nothing of its health."""
    running = F.col("engine_load_pct") > 0

    def measured(name: str) -> Column:
        return F.when(running, F.col(name))

    energy_kwh_rate = F.sum(measured("shaft_power_kw"))
    return (
        sensors.filter(F.col("event_type") == "engine")
        .groupBy("mmsi", "observed_on")
        .agg(
            F.count(F.when(running, True)).alias("engine_readings"),
            F.max("running_time_h").alias("running_time_h"),
            F.avg(measured("engine_load_pct")).alias("mean_engine_load_pct"),
            F.when(energy_kwh_rate > 0, 1_000 * F.sum(measured("fuel_rate_kg_per_h")) / energy_kwh_rate).alias(
                "mean_fuel_g_per_kwh"
            ),
            F.avg(measured("exhaust_temperature_c")).alias("mean_exhaust_temperature_c"),
            F.avg(measured("coolant_temperature_c")).alias("mean_coolant_temperature_c"),
            F.avg(measured("lube_oil_pressure_bar")).alias("mean_lube_oil_pressure_bar"),
            F.avg(measured("vibration_mm_per_s")).alias("mean_vibration_mm_per_s"),
            F.max(measured("exhaust_temperature_c")).alias("max_exhaust_temperature_c"),
            F.min(measured("lube_oil_pressure_bar")).alias("min_lube_oil_pressure_bar"),
            F.max(measured("vibration_mm_per_s")).alias("max_vibration_mm_per_s"),
            F.array_join(F.array_sort(F.collect_set("source")), "+").alias("source"),
        )
    )


def _with_changes(days: DataFrame) -> DataFrame:
    recent = _last_days(RECENT_DAYS - 1, 0)
    past = _last_days(RECENT_DAYS + PAST_DAYS - 1, RECENT_DAYS)
    changes = {name: F.avg(of).over(recent) - F.avg(of).over(past) for name, of in CHANGES.items()}
    return days.withColumns(changes)


def _last_days(first: int, last: int) -> WindowSpec:
    """The vessel's calendar days from ``first`` to ``last`` days ago."""
    return Window.partitionBy("mmsi").orderBy(F.unix_date("observed_on")).rangeBetween(-first, -last)


def _voyage_days(days: DataFrame, voyages: DataFrame) -> DataFrame:
    """Hours under way, hours since port and recent departures, from what had happened by the end of each day.

    An arrival after the day is not yet known: the voyage counts as under way.
    """
    starts, ends = F.unix_timestamp("observed_on"), F.unix_timestamp(F.date_add("observed_on", 1))
    bounded = days.withColumns({"day_start_s": starts, "day_end_s": ends})
    past = voyages.select(
        F.col("mmsi").alias("sailor"),
        F.unix_timestamp("departed_at").alias("departed_s"),
        F.unix_timestamp("arrived_at").alias("arrived_s"),
    )
    has_departed = (F.col("mmsi") == F.col("sailor")) & (F.col("departed_s") < F.col("day_end_s"))
    known_end_s = F.least(F.col("day_end_s"), F.col("arrived_s"))  # least() passes over nulls
    underway_s = F.greatest(F.lit(0), known_end_s - F.greatest("day_start_s", "departed_s"))
    is_at_sea = F.col("arrived_s").isNull() | (F.col("arrived_s") >= F.col("day_end_s"))
    is_recent = F.col("departed_s") >= F.col("day_start_s") - 29 * 86_400
    at_sea_since_s = F.max(F.when(is_at_sea, F.col("departed_s")))
    return (
        bounded.join(past, has_departed)
        .groupBy("mmsi", "observed_on")
        .agg(
            F.least(F.lit(24.0), F.sum(underway_s) / 3_600).alias("underway_h"),
            F.coalesce((F.max("day_end_s") - at_sea_since_s) / 3_600, F.lit(0.0)).alias("since_port_h"),
            F.count(F.when(is_recent, True)).alias("voyages_30d"),
        )
    )


def label_maintenance(features: DataFrame, failures: DataFrame) -> DataFrame:
    """Whether the vessel failed within the seven days after each day.

    Days whose next seven days are not all known, the last of the table, are left out: it would be a guess.

    Args:
        features: ``gold.vessel_features``.
        failures: ``mmsi`` and ``failed_at`` of every failure in the period of the features.

    Returns:
        The features with a boolean ``needs_maintenance``.
    """
    last_day = features.agg(F.max("observed_on").alias("last_on"))
    known = features.join(F.broadcast(last_day)).filter(
        F.date_add("observed_on", HORIZON_DAYS) < F.col("last_on")  # the last day itself may not be over
    )
    ahead = F.explode(F.sequence(F.lit(1), F.lit(HORIZON_DAYS)))
    warned = (
        failures.select("mmsi", F.to_date("failed_at").alias("failed_on"), ahead.alias("days_before"))
        .select("mmsi", F.date_sub("failed_on", F.col("days_before")).alias("observed_on"))
        .distinct()
        .withColumn("needs_maintenance", F.lit(True))
    )
    labelled = known.drop("last_on").join(warned, ["mmsi", "observed_on"], "left")
    return labelled.withColumn("needs_maintenance", F.coalesce("needs_maintenance", F.lit(False)))
