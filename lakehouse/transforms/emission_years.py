"""CII of each vessel and calendar year: rating, consequence, how sure it is and where it is heading. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts.fields import FUEL_KINDS
from contracts.regulation import RATINGS, Regulation
from contracts.tables import GOLD_EMISSION_YEAR
from lakehouse.transforms import uncertainty, year_end
from lakehouse.transforms.cii import cii_rating
from lakehouse.transforms.emission_days import year_sums
from lakehouse.transforms.emission_outlook import BOUNDARIES, with_targets
from lakehouse.transforms.emissions import cii, rated, scope_note, ship_years
from lakehouse.transforms.silver_rows import is_imo_valid

YEARS_BEFORE = 2
"""A third D in a row asks for a plan, so a year's consequence needs the ratings of two more."""
METRICS = {"dwt": "AER", "gt": "cgDIST"}
BROKEN_IMO = "IMO number is broken: its check digit does not agree"
THIRD_D = "corrective action plan: rated D three years running"
RATED_E = "corrective action plan: rated E"


def emission_years(
    emissions: DataFrame,
    register: DataFrame,
    regulation: Regulation,
    years: Iterable[int],
    error: uncertainty.FuelError,
) -> DataFrame:
    """Fuel, CO2, attained CII and rating of each vessel and calendar year, how sure they are, and what follows.

    Args:
        emissions: ``silver.emissions``: all days of the years, of the two years before (for three D in a row), and
            of December before and of later days if there are any (for 30-day values, and to know that a year is over).
        register: ``silver.ship_register``; small, it is sent to every executor.
        regulation: Factors, reference lines, reductions, rating vectors and scope, with their days of force.
        years: Calendar years wanted.
        error: How far fuel may be off.

    Returns:
        ``gold.emission_year``: one row per vessel and year with a fuel report. A ship that is not rated keeps fuel,
        CO2 and distance; what rests on a rating is null and ``scope_note`` says why. Projected values are null once
        the year is over.

    Raises:
        ConfigurationError: A year has no reduction factor.
    """
    wanted = list(years)
    before = [year for year in range(min(wanted) - YEARS_BEFORE, min(wanted)) if year in regulation.years]
    held = sorted({*before, *wanted})
    ships = reduce(DataFrame.unionByName, (ship_years(register, regulation, year) for year in held))
    sums = year_sums(emissions, regulation).where(F.col("year").isin(held))
    found = _rated(sums.join(F.broadcast(ships), ["imo_number", "year"], "left"))
    found = _with_consequence(found).where(F.col("year").isin(wanted))
    found = with_targets(found, register, regulation, min(wanted))
    return year_end.with_year_end(_with_uncertainty(found, error)).select(
        *_columns(regulation, GOLD_EMISSION_YEAR.columns)
    )


def note(of: str = "in the year so far") -> Column:
    """Why a vessel-year, or a part of one, has no rating; null for a rated one."""
    is_broken = F.col("is_registered").isNull() & ~is_imo_valid(F.col("imo_number"))
    return F.when(is_broken, BROKEN_IMO).otherwise(scope_note(of))


def _rated(years: DataFrame) -> DataFrame:
    """With attained CII, the reason why there is no rating, and the rating."""
    found = years.withColumn("cii_attained_ytd", cii("co2_t", "distance_nm"))
    found = found.withColumn("scope_note", note()).withColumn("cii_attained", F.col("cii_attained_ytd"))
    return found.withColumn("cii_rating", cii_rating(rated("cii_attained"), F.col("boundaries")))


def _with_consequence(years: DataFrame) -> DataFrame:
    """With what the letters of this year and the two before it ask for."""
    by_year = Window.partitionBy("vessel_id").orderBy("year")

    def is_d(years_ago: int) -> Column:
        letter = F.max("cii_rating").over(by_year.rangeBetween(-years_ago, -years_ago))
        return F.coalesce(letter == "D", F.lit(False))

    last_year, year_before = is_d(1), is_d(2)
    running = F.when(last_year & year_before, 3).when(last_year, 2).otherwise(1)
    found = years.withColumn("d_years_running", F.when(F.col("cii_rating") == "D", running).otherwise(0))
    consequence = (
        F.when(F.col("cii_rating") == RATINGS[-1], RATED_E)
        .when(F.col("d_years_running") > YEARS_BEFORE, THIRD_D)
        .when(F.col("cii_rating").isNotNull(), "none")
    )
    return found.withColumn("consequence", consequence)


def _with_uncertainty(years: DataFrame, error: uncertainty.FuelError) -> DataFrame:
    """With the observed share, the interval of attained CII and the probability of each letter."""
    to_last = F.dayofyear("last_on")
    in_year = F.dayofyear(F.make_date("year", F.lit(12), F.lit(31)))
    found = years.withColumn("days_in_year", in_year).withColumn(
        "days_so_far", F.when(F.col("is_year_over"), in_year).otherwise(to_last)
    )
    days, attained = F.col("days_so_far"), F.col("cii_attained")
    found = uncertainty.with_noise(found, days, "cii_attained", error)
    letters = F.when(F.col("cii_rating").isNotNull(), F.col("letters"))
    return found.withColumns(
        {
            "reported_share": F.col("days_reported") / days,
            "cii_low_90": attained * F.exp(-F.col("width")),
            "cii_high_90": attained * F.exp("width"),
            **{f"rating_{letter.lower()}_probability": letters[i] for i, letter in enumerate(RATINGS)},
        }
    )


def _columns(regulation: Regulation, names: list[str]) -> list[Column]:
    """The table's columns from those of the sums, in its order."""
    sums = ("co2_t", "total_fuel_t", "distance_nm", "underway_h", "anchored_h", "berth_h")
    of_year = {_of_year(name): F.col(name) for name in (*sums, *(f"fuel_{kind}_t" for kind in FUEL_KINDS))}
    modelled = (F.col("co2_modelled_t") + F.col("co2_modelled_low_t")) / F.nullif("co2_t", F.lit(0.0))
    metric = F.coalesce(*(F.when(F.col("capacity_unit") == unit, name) for unit, name in METRICS.items()))
    made = {
        **of_year,
        **{name: F.col("boundaries")[i] for i, name in enumerate(BOUNDARIES)},
        "cii_metric": metric,
        "modelled_co2_share": F.when(modelled.isNotNull(), F.least(modelled, F.lit(1.0))),
        "regulation_version": F.lit(regulation.version),
    }
    return [made.get(name, F.col(name)).alias(name) for name in names]


def _of_year(name: str) -> str:
    stem, unit = name.rsplit("_", 1)
    return f"{stem}_year_{unit}"
