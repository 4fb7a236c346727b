"""A vessel's fuel days summed up by calendar year, with what an estimate of the whole year needs. Pure."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts.fields import FUEL_KINDS
from contracts.regulation import Regulation
from lakehouse.transforms.emissions import co2_t, total_fuel_t
from lakehouse.transforms.rolling import last_days, moving_sum

RECENT_DAYS = 30
SUMS = ("distance_nm", "underway_h", "anchored_h", "berth_h", "total_fuel_t", "co2_t")
LAST = ("mmsi", "imo_number", "co2_30d_t", "distance_30d_nm", "days_30d")
"""What the last day of a year tells."""
CO2_BY_ERROR = ("co2_reported_t", "co2_modelled_t", "co2_modelled_low_t")
"""CO2 by how far it is to be trusted: reported, modelled, modelled of low quality."""


def vessel_id() -> Column:
    """The IMO number, which outlives a change of flag; the MMSI only where no number was reported."""
    return F.coalesce("imo_number", "mmsi")


def reported_days(emissions: DataFrame, regulation: Regulation) -> DataFrame:
    """One row per vessel and day: what its reports of the day say together.

    Args:
        emissions: ``silver.emissions``. On the day of a change of flag a ship has two rows there.
        regulation: CO2 factors with their days of force.

    Returns:
        ``vessel_id``, ``reported_on``, ``mmsi``, ``imo_number``, tonnes of each fuel, `SUMS`, `CO2_BY_ERROR`,
        ``is_guessed``, and the set of ``sources``.
    """
    days = emissions.withColumns({"vessel_id": vessel_id(), "total_fuel_t": total_fuel_t(), "co2_t": co2_t(regulation)})
    is_modelled = F.coalesce(F.col("method") == "modelled", F.lit(False))
    is_low = F.coalesce(F.col("quality").isin("low", "very_low"), F.lit(False))
    parts = (~is_modelled, is_modelled & ~is_low, is_modelled & is_low)
    return days.groupBy("vessel_id", "reported_on").agg(
        F.max("mmsi").alias("mmsi"),
        F.max("imo_number").alias("imo_number"),
        *(F.sum(name).alias(name) for name in (*(f"fuel_{kind}_t" for kind in FUEL_KINDS), *SUMS)),
        *(
            F.coalesce(F.sum(F.when(part, F.col("co2_t"))), F.lit(0.0)).alias(name)
            for name, part in zip(CO2_BY_ERROR, parts, strict=True)
        ),
        F.coalesce(F.max(F.col("quality") == "very_low"), F.lit(False)).alias("is_guessed"),
        F.collect_set("source").alias("sources"),
    )


def year_sums(days: DataFrame) -> DataFrame:
    """The days of `reported_days` by vessel and calendar year.

    Returns:
        One row per vessel and year: fuel by kind, `SUMS` and `CO2_BY_ERROR` of its days; ``first_on``, ``last_on``,
        ``days_reported``, ``is_year_over``; `LAST`, of the 30 calendar days up to ``last_on``; and for the noise of the
        ratio of CO2 to distance: ``runs`` of days in a row, ``pairs`` of neighbouring days, and sums of products of CO2
        and distance of a day, and of a day and the day before.
    """
    totals = (*(f"fuel_{kind}_t" for kind in FUEL_KINDS), *SUMS, *CO2_BY_ERROR)
    years = _with_neighbours(days).groupBy("vessel_id", "year").agg(
        *(F.sum(name).alias(name) for name in totals),
        *(F.max_by(name, "reported_on").alias(name) for name in LAST),
        F.min("reported_on").alias("first_on"),
        F.max("reported_on").alias("last_on"),
        F.max("latest_on").alias("latest_on"),
        F.count("*").cast("int").alias("days_reported"),
        F.sum(F.col("is_guessed").cast("int")).alias("guessed_days_ytd"),
        *products(),
    )  # fmt: skip
    return years.withColumn("is_year_over", F.col("latest_on") >= F.make_date("year", F.lit(12), F.lit(31)))


def year_origins(emissions: DataFrame) -> DataFrame:
    """``qualities`` and ``source`` of each ``vessel_id`` and ``year``, listed.

    Not of `year_sums`: a set for each of millions of days costs Spark more than all their sums.
    """
    years = emissions.withColumns({"vessel_id": vessel_id(), "year": F.year("reported_on")})
    names = {"quality": "qualities", "source": "source"}
    lists = (F.array_join(F.array_sort(F.collect_set(of)), ", ").alias(name) for of, name in names.items())
    return years.groupBy("vessel_id", "year").agg(*lists)


def _with_neighbours(days: DataFrame) -> DataFrame:
    """Each day with the sums of its last 30 calendar days, and with the vessel's day before and last day of all."""
    of = F.col("vessel_id")
    recent = last_days(RECENT_DAYS, "reported_on", of=of)
    return days.withColumns(
        {
            "year": F.year("reported_on"),
            "co2_30d_t": moving_sum("co2_t", recent),
            "distance_30d_nm": moving_sum("distance_nm", recent),
            "days_30d": F.count("*").over(recent),
            "latest_on": F.max("reported_on").over(Window.partitionBy(of)),
            "before": day_before("vessel_id"),
        }
    )


def day_before(of: str) -> Column:
    """Day, CO2 and distance of the day known before, among the rows that share a column."""
    in_order = Window.partitionBy(of).orderBy(F.unix_date("reported_on"))
    return F.lag(F.struct("reported_on", "co2_t", "distance_nm")).over(in_order)


def products() -> list[Column]:
    """What the squares of residuals of CO2 on distance, and of neighbours, are made of; needs ``before`` and ``year``.

    Two days are neighbours within a calendar year only.
    """
    co2, nm = (F.coalesce(name, F.lit(0.0)) for name in ("co2_t", "distance_nm"))
    old_co2, old_nm = (F.coalesce(f"before.{name}", F.lit(0.0)) for name in ("co2_t", "distance_nm"))
    is_next = F.coalesce(F.date_diff("reported_on", "before.reported_on") == 1, F.lit(False))
    in_year = is_next & (F.year("before.reported_on") == F.col("year"))

    def neighbours(value: Column) -> Column:
        return F.sum(F.when(in_year, value).otherwise(0.0))

    return [
        F.sum(co2 * co2).alias("co2_co2"),
        F.sum(co2 * nm).alias("co2_nm"),
        F.sum(nm * nm).alias("nm_nm"),
        neighbours(co2 * old_co2).alias("next_co2_co2"),
        neighbours(co2 * old_nm + nm * old_co2).alias("next_co2_nm"),
        neighbours(nm * old_nm).alias("next_nm_nm"),
        F.count_if(in_year).alias("pairs"),
        F.count_if(~in_year).alias("runs"),
    ]


def listed(column: str) -> Column:
    """All members of a group's sets, sorted, in a list."""
    return F.array_join(F.array_sort(F.array_distinct(F.flatten(F.collect_list(column)))), ", ")
