"""A year's CII held to the limits of each year to 2030, as if the ship changed nothing. Pure."""

from __future__ import annotations

from functools import reduce
from itertools import groupby

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.regulation import Regulation
from contracts.tables import GOLD_EMISSION_OUTLOOK
from lakehouse.transforms.cii import cii_rating
from lakehouse.transforms.emissions import TARGET_YEAR, ship_years

BOUNDARIES = ("cii_superior_boundary", "cii_lower_boundary", "cii_upper_boundary", "cii_inferior_boundary")


def emission_outlook(years: DataFrame, register: DataFrame, regulation: Regulation) -> DataFrame:
    """The CII of rated vessel-years held to the limits of each year from their own to 2030.

    Args:
        years: ``gold.emission_year``.
        register: ``silver.ship_register``, as the years were rated by.
        regulation: As the years were rated by.

    Returns:
        ``gold.emission_outlook``: one row per rated vessel-year and target year of which something is decided.
    """
    own = ("vessel_id", "year", "mmsi", "imo_number", "cii_attained", "regulation_version", "source")
    limits = targets(register, regulation, min(regulation.years))
    held = years.where("cii_rating IS NOT NULL").select(*own).join(F.broadcast(limits), "imo_number")
    return (
        held.withColumn("target", F.explode("targets"))
        .where("target.target_year >= year")
        .select(*own, "target.*", cut_for_c_pct(F.col("target.boundaries")).alias("cut_for_c_pct"))
        .withColumn("cii_rating", cii_rating(F.col("cii_attained"), F.col("boundaries")))
        .withColumns({name: F.col("boundaries")[i] for i, name in enumerate(BOUNDARIES)})
        .select(*GOLD_EMISSION_OUTLOOK.columns)
    )


def targets(register: DataFrame, regulation: Regulation, first_year: int) -> DataFrame:
    """Per ship an array of ``target_year``, ``cii_required`` and ``boundaries``, up to 2030 and in order.

    They are null for a ship out of scope. Nothing is filtered here: the planner would write the whole of a ship's
    limits into the condition.
    """
    years = [year for year in regulation.years if first_year <= year <= TARGET_YEAR]
    alike = [list(group) for _, group in groupby(years, lambda year: _rules(regulation, year))]
    each = reduce(DataFrame.unionByName, (_limits(register, regulation, group) for group in alike))
    return each.groupBy("imo_number").agg(F.array_sort(F.flatten(F.collect_list("targets"))).alias("targets"))


def _rules(regulation: Regulation, year: int) -> object:
    """What decides a ship's limits in a year beside its reduction."""
    is_rated = year >= regulation.scope("first_rating_year", year)
    least_gt = regulation.scope("least_gross_tonnage", year)
    return is_rated, least_gt, regulation.lines_in(year), regulation.vectors_in(year)


def _limits(register: DataFrame, regulation: Regulation, years: list[int]) -> DataFrame:
    """Limits of years that differ in nothing but their reduction, from those of the first."""
    remaining = {year: 1 - regulation.reduction_pct(year) / 100 for year in years}

    def limit(year: int) -> Column:
        share = remaining[year] / remaining[years[0]]
        boundaries = F.transform("boundaries", lambda boundary: boundary * share)
        required = F.col("cii_required") * share
        return F.struct(
            F.lit(year).alias("target_year"), required.alias("cii_required"), boundaries.alias("boundaries")
        )

    ships = ship_years(register, regulation, years[0])
    return ships.select("imo_number", F.array(*map(limit, years)).alias("targets"))


def cut_for_c_pct(boundaries: Column) -> Column:
    """By how many per cent attained CII must fall to reach the boundary between C and D; 0 where it is C or better."""
    attained, upper = F.col("cii_attained"), boundaries[2]
    cut = F.when(attained > upper, (1 - upper / attained) * 100).otherwise(0.0)
    return F.when(upper.isNotNull(), cut)


def with_targets(years: DataFrame, register: DataFrame, regulation: Regulation, first_year: int) -> DataFrame:
    """Rated vessel-years with the first year whose limits make the CII a D or E, and the cut that 2030 asks for."""
    limits = F.broadcast(targets(register, regulation, first_year))
    found = years.join(limits, "imo_number", "left")
    late = F.filter(
        "targets",
        lambda at: (at["target_year"] >= F.col("year")) & (F.col("cii_attained") > at["boundaries"][2]),
    )
    of_2030 = F.filter("targets", lambda at: at["target_year"] == TARGET_YEAR)
    is_rated = F.col("cii_rating").isNotNull()
    first = F.array_min(F.transform(late, lambda at: at["target_year"]))
    return found.withColumns(
        {
            "first_year_d_or_e": F.when(is_rated, first),
            "cut_for_c_in_2030_pct": F.when(is_rated, cut_for_c_pct(F.try_element_at(of_2030, F.lit(1))["boundaries"])),
        }
    )
