"""CO2 and carbon intensity by vessel and day, and what the regulation says to them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.fields import FUEL_KINDS
from contracts.regulation import Regulation
from contracts.tables import GOLD_EMISSION_COMPLIANCE
from lakehouse.transforms.cii import G_PER_T, capacity_unit, cii_boundaries, cii_rating, cii_required
from lakehouse.transforms.rolling import Sums, WithSums, with_sums

TARGET_YEAR = 2030
ROLLING_DAYS = (7, 30)
DAY_COLUMNS = (
    "mmsi", "imo_number", "reported_on", "year", "distance_nm", "total_fuel_t", "co2_t", "method", "quality", "source",
)  # fmt: skip


def emission_compliance(
    emissions: DataFrame,
    register: DataFrame,
    regulation: Regulation,
    years: Iterable[int],
    sums: WithSums = with_sums,
) -> DataFrame:
    """CO2, rolling and year-to-date carbon intensity, and rating of each vessel and day.

    Args:
        emissions: ``silver.emissions``. For complete windows include the 29 days before those wanted, and for the
            year so far all days since 1 January.
        register: ``silver.ship_register``; small, it is sent to every executor.
        regulation: Factors, reference lines, reductions, rating vectors and scope, with their days of force.
        years: Calendar years of the days wanted.
        sums: By which way the rolling sums are made.

    Returns:
        ``gold.emission_compliance``: one row per vessel and day. A ship that is not in the register, or outside the
        regulation's scope, keeps its CO2; its required values and ratings are null and ``scope_note`` says why.

    Raises:
        ConfigurationError: A year has no reduction factor.
    """
    years = list(years)
    ships = reduce(DataFrame.unionByName, (ship_years(register, regulation, year) for year in years))
    return (
        vessel_days(emissions, regulation, years, sums)
        .join(F.broadcast(ships), ["imo_number", "year"], "left")
        .withColumns(
            {
                "cii_7d": cii("co2_7d_t", "distance_7d_nm"),
                "cii_30d": cii("co2_30d_t", "distance_30d_nm"),
                "cii_attained_ytd": cii("co2_ytd_t", "distance_ytd_nm"),
            }
        )
        .withColumn("scope_note", scope_note())
        .withColumns(
            {
                "cii_rating_ytd": cii_rating(rated("cii_attained_ytd"), F.col("boundaries")),
                "cii_rating_2030": cii_rating(rated("cii_attained_ytd"), F.col("boundaries_2030")),
                "is_over_limit": rated("cii_attained_ytd") > F.col("cii_required"),
                "is_over_limit_2030": rated("cii_attained_ytd") > F.col("cii_required_2030"),
                "regulation_version": F.lit(regulation.version),
            }
        )
        .select(GOLD_EMISSION_COMPLIANCE.columns)
    )


def vessel_days(
    emissions: DataFrame, regulation: Regulation, years: Iterable[int], sums: WithSums = with_sums
) -> DataFrame:
    """Each day's fuel and CO2 with the sums of 7 and 30 calendar days and of the year so far, and its guessed days."""
    is_guessed = (F.col("quality") == "very_low").cast("int")
    days = with_co2(emissions, regulation).select(*DAY_COLUMNS, is_guessed.alias("is_guessed"))
    wanted = Sums(
        last_days={
            "co2_t": {days: f"co2_{days}d_t" for days in ROLLING_DAYS},
            "distance_nm": {days: f"distance_{days}d_nm" for days in ROLLING_DAYS},
        },
        so_far={"co2_t": "co2_ytd_t", "distance_nm": "distance_ytd_nm", "is_guessed": "guessed_days_ytd"},
        years=list(years),
    )
    return sums(days, wanted, "reported_on", of=vessel_id())


def vessel_id() -> Column:
    """The IMO number, which outlives a change of flag; the MMSI only where no number was reported."""
    return F.coalesce("imo_number", "mmsi")


def with_co2(emissions: DataFrame, regulation: Regulation) -> DataFrame:
    """Fuel days with their ``year``, ``total_fuel_t`` and ``co2_t``."""
    made = {"year": F.year("reported_on"), "total_fuel_t": total_fuel_t(), "co2_t": co2_t(regulation)}
    return emissions.withColumns(made)


def ship_years(register: DataFrame, regulation: Regulation, year: int) -> DataFrame:
    """What each registered ship is held to in a year, and why a ship is held to nothing.

    Returns:
        One row per ship: deadweight, gross tonnage, capacity and its unit by ship type, required CII and rating
        boundaries of the year and of 2030, ``ship_note``. Required values and boundaries are null for a ship out of
        scope, those of 2030 also under rules from before they were decided.
    """
    ships = register.select("imo_number", "cii_ship_type", "dwt_t", "gross_tonnage").withColumn(
        "capacity_unit", capacity_unit(regulation, year)
    )
    capacity = F.when(F.col("capacity_unit") == "dwt", F.col("dwt_t")).otherwise(F.col("gross_tonnage"))
    ships = ships.withColumn("capacity", F.when(F.col("capacity_unit").isNotNull() & (capacity > 0), capacity))
    ships = ships.withColumn("ship_note", ship_note(regulation, year))
    ships = ships.withColumn("held_capacity", F.when(F.col("ship_note").isNull(), F.col("capacity")))
    for suffix, of_year in (("", year), (f"_{TARGET_YEAR}", TARGET_YEAR)):
        required = f"cii_required{suffix}"
        ships = ships.withColumn(required, _required(regulation, of_year, year))
        boundaries = cii_boundaries(regulation, of_year, "held_capacity", required)
        ships = ships.withColumn(f"boundaries{suffix}", boundaries)
    return ships.drop("held_capacity").withColumns({"year": F.lit(year), "is_registered": F.lit(True)})


def _required(regulation: Regulation, of_year: int, year: int) -> Column:
    """Required CII; null for a target year of which nothing was decided when these rules stood."""
    if of_year not in regulation.years and of_year != year:
        return F.lit(None).cast("double")
    return cii_required(regulation, of_year, "held_capacity")


def ship_note(regulation: Regulation, year: int) -> Column:
    """Why a registered ship is not rated in a year; null for one in scope."""
    least_gt = regulation.scope("least_gross_tonnage", year)
    first_year = int(regulation.scope("first_rating_year", year))
    return (
        F.when(F.col("cii_ship_type").isNull(), "ship type unknown")
        .when(F.col("capacity_unit").isNull(), F.concat(F.lit("ship type not in scope: "), "cii_ship_type"))
        .when(F.col("gross_tonnage").isNull(), "gross tonnage unknown")
        .when(F.col("gross_tonnage") < least_gt, f"below {least_gt:,.0f} gross tonnage")
        .when(F.col("capacity").isNull(), "capacity unknown")
        .when(F.lit(year < first_year), f"ratings began with {first_year}")
    )


def scope_note(of: str = "in the year so far") -> Column:
    """Why a vessel and day has no rating; null for a rated one.

    Args:
        of: What would be rated, as it ends a sentence.
    """
    return (
        F.when(F.col("imo_number").isNull(), "no IMO number reported")
        .when(F.col("is_registered").isNull(), "not in the ship register")
        .when(F.col("ship_note").isNotNull(), F.col("ship_note"))
        .when(F.col("guessed_days_ytd") > 0, f"fuel of a guessed ship {of}")
        .when(F.col("cii_attained_ytd").isNull(), "no distance or no fuel known this year so far")
    )


def rated(column: str) -> Column:
    """The column's value for a ship that is rated, else null."""
    return F.when(F.col("scope_note").isNull(), F.col(column))


def total_fuel_t() -> Column:
    """Fuel of all kinds; a kind that is not reported counts as none, and null where no kind is."""
    return _of_reported_fuel({kind: F.lit(1.0) for kind in FUEL_KINDS})


def co2_t(regulation: Regulation) -> Column:
    """CO2 in tonnes, tank to wake: each fuel by its factor of MEPC.364(79) in force on the day."""
    return _of_reported_fuel({kind: co2_factor(regulation, kind) for kind in FUEL_KINDS})


def co2_factor(regulation: Regulation, kind: str) -> Column:
    """Tonnes of CO2 per tonne of one fuel on the day reported; null before the first day it holds from."""
    factors = sorted((row for row in regulation.co2_factors if row.fuel_kind == kind), key=lambda row: row.valid_from)
    day = F.col("reported_on")
    newest_first = [F.when(day >= F.lit(row.valid_from), row.co2_t_per_t) for row in reversed(factors)]
    return F.coalesce(*newest_first, F.lit(None).cast("double"))


def cii(co2_t: str, distance_nm: str) -> Column:
    """Carbon intensity, gCO2 per capacity and nm; null where capacity or distance is missing or nil."""
    work = F.col("capacity") * F.col(distance_nm)
    return F.col(co2_t) * G_PER_T / F.nullif(work, F.lit(0.0))


def _of_reported_fuel(weights: dict[str, Column]) -> Column:
    fuels = {kind: F.col(f"fuel_{kind}_t") for kind in weights}
    total = reduce(add, (F.when(fuels[kind].isNull(), 0.0).otherwise(fuels[kind] * weights[kind]) for kind in weights))
    return F.when(F.coalesce(*fuels.values()).isNotNull(), total)
