"""A vessel's fuel days summed up by calendar year, with what an estimate of the whole year needs. Pure."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts.fields import FUEL_KINDS
from contracts.regulation import Regulation
from lakehouse.transforms.emissions import vessel_id, with_co2
from lakehouse.transforms.lists import listed

RECENT_DAYS = 30
SUMS = ("distance_nm", "underway_h", "anchored_h", "berth_h", "total_fuel_t", "co2_t")
CO2_BY_ERROR = ("co2_reported_t", "co2_modelled_t", "co2_modelled_low_t")
"""CO2 by how far it is to be trusted: reported, modelled, modelled of low quality."""
LISTED = {"quality": "qualities", "source": "source"}
"""What a year tells all values of."""


def reported_days(emissions: DataFrame, regulation: Regulation) -> DataFrame:
    """One row per vessel and day: what its reports of the day say together.

    Args:
        emissions: ``silver.emissions``. On the day of a change of flag a ship has two rows there.
        regulation: CO2 factors with their days of force.

    Returns:
        ``vessel_id``, ``reported_on``, ``mmsi``, ``imo_number``, ``co2_t``, ``distance_nm``, ``total_fuel_t``,
        `CO2_BY_ERROR`, ``is_guessed``, and the set of ``sources``.
    """
    return (
        _measured(emissions, regulation)
        .groupBy("vessel_id", "reported_on")
        .agg(
            F.max("mmsi").alias("mmsi"),
            F.max("imo_number").alias("imo_number"),
            *_of_day(),
            _sum("total_fuel_t"),
            *_co2_by_error(),
            F.collect_set("source").alias("sources"),
        )
    )


def year_sums(emissions: DataFrame, regulation: Regulation) -> DataFrame:
    """Fuel days by vessel and calendar year.

    What only adds up is summed by year at once. By day first, which are millions of groups, goes only what needs a day
    to be one row: its neighbours, and how many there are.

    Args:
        emissions: ``silver.emissions``. On the day of a change of flag a ship has two rows there.
        regulation: CO2 factors with their days of force.

    Returns:
        One row per vessel and year: fuel by kind, `SUMS` and `CO2_BY_ERROR` of its days; ``qualities`` and ``source``,
        listed; ``first_on``, ``last_on``, ``days_reported``, ``is_year_over``; ``mmsi`` and ``imo_number`` of
        ``last_on``, and ``co2_30d_t``, ``distance_30d_nm`` and ``days_30d`` of the 30 calendar days up to it; and for
        the noise of the ratio of CO2 to distance: ``runs`` of days in a row, ``pairs`` of neighbouring days, and sums
        of products of CO2 and distance of a day, and of a day and the day before.
    """
    rows = _measured(emissions, regulation)
    totals = _totals(rows)
    # Sent to where the windows want them at once, not by day and then once more.
    days = rows.repartition("vessel_id").groupBy("vessel_id", "reported_on").agg(*_of_day())
    noise = (
        with_day_before(days, "vessel_id")
        .groupBy("vessel_id", "year")
        .agg(
            F.count("*").cast("int").alias("days_reported"),
            F.sum(F.col("is_guessed").cast("int")).alias("guessed_days_ytd"),
            *products(),
        )
    )
    of_year = ["vessel_id", "year"]
    return totals.join(noise, of_year).join(_year_ends(rows), of_year)


def _totals(rows: DataFrame) -> DataFrame:
    """What adds up over a vessel's year, and what is listed of it.

    By what is listed first: engines build a set of few rows fast, and of millions slowly.
    """
    names = [*(f"fuel_{kind}_t" for kind in FUEL_KINDS), *SUMS]
    parts = rows.groupBy("vessel_id", "year", *LISTED).agg(*map(_sum, names), *_co2_by_error())
    lists = (listed(of).alias(name) for of, name in LISTED.items())
    return parts.groupBy("vessel_id", "year").agg(*map(_sum, [*names, *CO2_BY_ERROR]), *lists)


def _sum(name: str) -> Column:
    return F.sum(name).alias(name)


def _year_ends(rows: DataFrame) -> DataFrame:
    """First and last day of each vessel's year, whether it is over, and what the 30 days up to the last tell."""
    ends = rows.groupBy("vessel_id", "year").agg(
        F.min("reported_on").alias("first_on"), F.max("reported_on").alias("last_on")
    )
    latest_on = F.max("last_on").over(Window.partitionBy("vessel_id"))
    ends = ends.withColumn("is_year_over", latest_on >= F.make_date("year", F.lit(12), F.lit(31)))
    days_before = F.date_diff("last_on", "reported_on")
    recent = rows.drop("year").join(F.broadcast(ends), "vessel_id").where(days_before.between(0, RECENT_DAYS - 1))
    return recent.groupBy(*ends.columns).agg(
        *(F.max(F.when(days_before == 0, F.col(name))).alias(name) for name in ("mmsi", "imo_number")),
        F.sum("co2_t").alias("co2_30d_t"),
        F.sum("distance_nm").alias("distance_30d_nm"),
        F.count_distinct("reported_on").alias("days_30d"),
    )


def _measured(emissions: DataFrame, regulation: Regulation) -> DataFrame:
    return with_co2(emissions, regulation).withColumn("vessel_id", vessel_id())


def _of_day() -> list[Column]:
    """What a day must have to be the neighbour of another."""
    is_guessed = F.coalesce(F.col("quality") == "very_low", F.lit(False))
    return [_sum("co2_t"), _sum("distance_nm"), F.bool_or(is_guessed).alias("is_guessed")]


def _co2_by_error() -> list[Column]:
    """CO2 of a group by how far it is to be trusted."""
    is_modelled = F.coalesce(F.col("method") == "modelled", F.lit(False))
    is_low = F.coalesce(F.col("quality").isin("low", "very_low"), F.lit(False))
    parts = (~is_modelled, is_modelled & ~is_low, is_modelled & is_low)
    return [
        F.coalesce(F.sum(F.when(part, F.col("co2_t"))), F.lit(0.0)).alias(name)
        for name, part in zip(CO2_BY_ERROR, parts, strict=True)
    ]


def with_day_before(days: DataFrame, of: str) -> DataFrame:
    """Days with their ``year``, and what is known of the day known before among those that share a column.

    Three columns and not one of three fields, which engines build anew for each row.
    """
    in_order = Window.partitionBy(of).orderBy("reported_on")
    before = {"before_on": "reported_on", "co2_before_t": "co2_t", "distance_before_nm": "distance_nm"}
    lags = {name: F.lag(known).over(in_order) for name, known in before.items()}
    return days.withColumns({"year": F.year("reported_on"), **lags})


def products() -> list[Column]:
    """What the squares of residuals of CO2 on distance, and of neighbours, are made of; needs `with_day_before`.

    Two days are neighbours within a calendar year only.
    """
    co2, nm = (F.coalesce(name, F.lit(0.0)) for name in ("co2_t", "distance_nm"))
    old_co2, old_nm = (F.coalesce(name, F.lit(0.0)) for name in ("co2_before_t", "distance_before_nm"))
    is_next = F.coalesce(F.date_diff("reported_on", "before_on") == 1, F.lit(False))
    in_year = is_next & (F.year("before_on") == F.col("year"))

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
