"""Carbon intensity of single voyages: the letter of a year that is sailed like it, and how sure that is. Pure.

A voyage is known by the days that lie wholly in it: fuel and miles of the days at its ends belong to a port as well.
These days are a sample of the voyage, as reported days are one of a year, and the same estimator tells how far off they
may be.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.regulation import RATINGS, Regulation
from contracts.tables import GOLD_VOYAGE_EMISSIONS
from lakehouse.transforms import uncertainty
from lakehouse.transforms.cii import cii_rating
from lakehouse.transforms.emission_days import CO2_BY_ERROR, products, reported_days, with_day_before
from lakehouse.transforms.emission_years import note
from lakehouse.transforms.emissions import cii, rated, ship_years
from lakehouse.transforms.lists import listed_of_sets

HOURS_OF_DAY = 24.0
OF_VOYAGE = ("voyage_id", "mmsi", "route_id", "departed_on", "departed_at", "arrived_at", "duration_hours")


def voyage_emissions(
    voyages: DataFrame,
    emissions: DataFrame,
    register: DataFrame,
    regulation: Regulation,
    years: Iterable[int],
    error: uncertainty.FuelError,
) -> DataFrame:
    """CO2 and carbon intensity of each arrived voyage with a fuel day wholly in it.

    Args:
        voyages: ``gold.voyage_analytics``; those that departed in the years.
        emissions: Fuel days in the columns of ``silver.emissions``.
        register: ``silver.ship_register``; small, it is sent to every executor.
        regulation: Factors, limits and scope, with their days of force.
        years: Calendar years in which the voyages departed.
        error: How far fuel may be off.

    Returns:
        ``gold.voyage_emissions``: one row per voyage. Limits are those of the year of departure. What rests on a
        rating is null for a ship that is not rated, and ``scope_note`` says why.
    """
    ships = reduce(DataFrame.unionByName, (ship_years(register, regulation, year) for year in years))
    sums = _inside(voyages, reported_days(emissions, regulation)).withColumn("year", F.year("departed_on"))
    found = sums.join(F.broadcast(ships), ["imo_number", "year"], "left").withColumn(
        "cii_attained_ytd", cii("co2_t", "distance_nm")
    )
    found = found.withColumn("scope_note", note("of the voyage")).withColumn("voyage_cii", F.col("cii_attained_ytd"))
    found = found.withColumn("cii_rating", cii_rating(rated("voyage_cii"), F.col("boundaries")))
    days = F.col("duration_hours") / HOURS_OF_DAY
    return uncertainty.with_noise(found, days, "voyage_cii", error).select(*_columns(days, regulation))


def _inside(voyages: DataFrame, days: DataFrame) -> DataFrame:
    """Sums of the days that lie wholly in each voyage, from its first to its last instant."""
    arrived = voyages.where("arrived_at IS NOT NULL").select(*OF_VOYAGE)
    begins, ends = F.col("reported_on").cast("timestamp"), F.date_add("reported_on", 1).cast("timestamp")
    of_ship = arrived.join(days.drop("vessel_id"), "mmsi")
    inside = of_ship.where((begins >= F.col("departed_at")) & (ends <= F.col("arrived_at")))
    sums = ("distance_nm", "total_fuel_t", "co2_t", *CO2_BY_ERROR)
    return (
        with_day_before(inside, "voyage_id")
        .groupBy(*OF_VOYAGE)
        .agg(
            F.max("imo_number").alias("imo_number"),
            *(F.sum(name).alias(name) for name in sums),
            F.count("*").cast("int").alias("days_reported"),
            F.sum(F.col("is_guessed").cast("int")).alias("guessed_days_ytd"),
            listed_of_sets("sources").alias("source"),
            *products(),
        )
    )


def _columns(days: Column, regulation: Regulation) -> list[Column]:
    letters = F.when(F.col("cii_rating").isNotNull(), F.col("letters"))
    modelled = (F.col("co2_modelled_t") + F.col("co2_modelled_low_t")) / F.nullif("co2_t", F.lit(0.0))
    made = {
        "days_inside": F.col("days_reported"),
        "known_share": F.least(F.col("days_reported") / days, F.lit(1.0)),
        "co2_inside_t": F.col("co2_t"),
        "distance_inside_nm": F.col("distance_nm"),
        "voyage_modelled_share": F.when(modelled.isNotNull(), F.least(modelled, F.lit(1.0))),
        "cii_low_90": F.col("voyage_cii") * F.exp(-F.col("width")),
        "cii_high_90": F.col("voyage_cii") * F.exp("width"),
        **{f"rating_{letter.lower()}_probability": letters[i] for i, letter in enumerate(RATINGS)},
        "regulation_version": F.lit(regulation.version),
    }
    return [made.get(name, F.col(name)).alias(name) for name in GOLD_VOYAGE_EMISSIONS.columns]
