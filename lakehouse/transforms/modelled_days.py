"""Fuel days of ships that report none: modelled from their speed, draught and phase. Pure."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.fields import FUEL_KINDS
from contracts.fuel_model import FuelModel
from contracts.regulation import Regulation
from contracts.tables import GOLD_TRACK_FUEL
from lakehouse.transforms.emissions import co2_t
from lakehouse.transforms.fuel_model import with_fuel
from lakehouse.transforms.guessed_ship import guessed_ships
from lakehouse.transforms.intervals import hours_between
from lakehouse.transforms.ship_rates import registered_ships, ship_rates

LONGEST_INTERVAL_H = 6.0
"""Longer silences tell nothing of the speed in between: the rest of them burns nothing here."""
DAY_H = 24.0
COVERED_H = 18.0
"""A day of which fewer hours are known is of low quality."""


def modelled_days(intervals: DataFrame, ships: DataFrame, model: FuelModel, regulation: Regulation) -> DataFrame:
    """Fuel by kind and CO2 of each track and day.

    Args:
        intervals: ``track_id``, ``mmsi``, ``started_at``, ``interval_h``, ``distance_nm``, ``sog_kn`` (null: distance
            by time), ``draught_m``, ``phase`` (berth, anchored, manoeuvring, sea), ``is_in_eca``, ``source``.
        ships: Of `ships_to_model`.
        model: The tables of the Fourth IMO GHG Study.
        regulation: CO2 factors with their days of force.

    Returns:
        The columns of ``gold.track_fuel`` and ``co2_t``: one row per track and UTC day with an interval of a ship
        that can be modelled. A kind that was not burnt is null. ``method`` is modelled; ``quality`` is medium, low
        where the register lacks the year of build or the fuel or under 18 hours are known, and very_low for a guessed
        ship. Hours are those known, not 24.
    """
    speed = F.coalesce("sog_kn", F.col("distance_nm") / F.nullif("interval_h", F.lit(0.0)))
    by_day = by_days(intervals).withColumn("sog_kn", speed)
    fuelled = with_fuel(by_day, ship_rates(ships, model))
    kg = F.col("main_fuel_kg") + F.col("auxiliary_fuel_kg") + F.col("boiler_fuel_kg")
    days = fuelled.groupBy("track_id", "mmsi", "imo_number", "reported_on").agg(
        F.sum("distance_nm").alias("distance_nm"),
        _hours("manoeuvring", "sea").alias("underway_h"),
        _hours("anchored").alias("anchored_h"),
        _hours("berth").alias("berth_h"),
        *(F.sum(F.when(F.col("burnt_kind") == kind, kg / 1_000)).alias(f"fuel_{kind}_t") for kind in FUEL_KINDS),
        quality().alias("quality"),
        F.array_join(F.array_sort(F.collect_set("source")), ",").alias("source"),
    )
    return days.withColumn("method", F.lit("modelled")).select(
        *GOLD_TRACK_FUEL.columns, co2_t(regulation).alias("co2_t")
    )


def ships_to_model(vessels: DataFrame, register: DataFrame, model: FuelModel) -> DataFrame:
    """The ship behind each track: by the register where it knows the engine, else guessed from AIS.

    Args:
        vessels: One row per track: ``track_id``, ``imo_number`` and what `guessed_ships` needs.
        register: ``silver.ship_register``.
        model: The tables of the Fourth IMO GHG Study.

    Returns:
        The columns that `ship_rates` reads; no row for a vessel that can neither be looked up nor guessed.
    """
    identities = vessels.where(F.col("imo_number").isNotNull()).select("track_id", "imo_number")
    registered = registered_ships(register.drop("mmsi").join(identities, "imo_number"), model)
    return registered.unionByName(guessed_ships(vessels.join(registered, "track_id", "left_anti")))


def by_days(intervals: DataFrame) -> DataFrame:
    """Intervals cut at midnight (UTC), hours and distance in proportion; none longer than 6 hours.

    The distance of a longer interval is kept whole: it was sailed, whatever was burnt.
    """
    hours = F.least("interval_h", F.lit(LONGEST_INTERVAL_H))
    midnight = F.date_trunc("day", "started_at") + F.expr("INTERVAL 1 DAY")
    to_midnight = hours_between(F.col("started_at"), midnight)
    day = F.to_date("started_at")
    first = F.struct(day.alias("reported_on"), F.least(hours, to_midnight).alias("hours"))
    second = F.struct(F.date_add(day, 1).alias("reported_on"), (hours - F.least(hours, to_midnight)).alias("hours"))
    parts = F.when(hours > to_midnight, F.array(first, second)).otherwise(F.array(first))
    share = F.when(hours > 0, F.col("part.hours") / hours).otherwise(1.0)
    return intervals.withColumn("part", F.explode(parts)).withColumns(
        {
            "reported_on": F.col("part.reported_on"),
            "distance_nm": F.col("distance_nm") * share,
            "interval_h": F.col("part.hours"),
        }
    ).drop("part")  # fmt: skip


def quality() -> Column:
    """How far a modelled day is to be trusted, as an aggregate over its intervals."""
    is_thin = F.sum("interval_h") < COVERED_H
    return F.when(F.max("is_guessed"), "very_low").when(F.max("is_assumed") | is_thin, "low").otherwise("medium")


def _hours(*phases: str) -> Column:
    """Of a day; the sum of many parts may be more by what rounding leaves."""
    return F.least(F.sum(F.when(F.col("phase").isin(*phases), F.col("interval_h")).otherwise(0.0)), F.lit(DAY_H))
