"""Where a vessel's year is heading, told while there is still time to act. A projection, not a figure. Pure.

The remaining days are taken to be like the last 30 calendar days: the mean distance and CO2 of a reported day among
them. Days of the year so far without a report are taken to be like the reported ones.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.transforms.cii import cii_rating
from lakehouse.transforms.emissions import cii, rated


def with_year_end(years: DataFrame) -> DataFrame:
    """Vessel-years with what their end is likely to be.

    Args:
        years: Rated sums of a year: ``co2_t``, ``distance_nm``, ``days_reported``, ``days_so_far``, ``days_in_year``,
            ``is_year_over``, ``co2_30d_t``, ``distance_30d_nm``, ``days_30d``, ``capacity``, ``boundaries``,
            ``cii_required``, ``cii_rating``, ``scope_note``.

    Returns:
        The same with ``days_remaining``, ``cii_30d``, ``cii_projected``, ``cii_rating_projected``, ``cii_rest_limit``
        (the highest CII of the remaining days that makes the year a C; null if they have no distance) and ``warning``.
        All but the first two are null for a year that is over and for a ship that is not rated.
    """
    remaining = F.when(F.col("is_year_over"), 0).otherwise(F.col("days_in_year") - F.col("days_so_far"))
    found = years.withColumn("days_remaining", remaining)
    found = found.withColumns({"sailed_nm": _so_far("distance_nm"), "to_sail_nm": _to_come("distance_30d_nm")})
    found = found.withColumns(
        {
            "cii_30d": cii("co2_30d_t", "distance_30d_nm"),
            "whole_co2_t": _so_far("co2_t") + _to_come("co2_30d_t"),
            "whole_nm": F.col("sailed_nm") + F.col("to_sail_nm"),
        }
    )
    is_open = (F.col("days_remaining") > 0) & F.col("cii_rating").isNotNull()
    found = found.withColumn("cii_projected", F.when(is_open, cii("whole_co2_t", "whole_nm")))
    return found.withColumns(
        {
            "cii_rating_projected": cii_rating(rated("cii_projected"), F.col("boundaries")),
            "cii_rest_limit": F.when(is_open, rest_limit()),
        }
    ).withColumn("warning", F.when(is_open, warning()))


def rest_limit() -> Column:
    """Highest CII of the remaining days with which the year ends on the boundary between C and D."""
    allowed = F.col("boundaries")[2] * F.col("whole_nm") - F.col("cii_attained") * F.col("sailed_nm")
    return allowed / F.nullif(F.col("to_sail_nm"), F.lit(0.0))


def warning() -> Column:
    """Why to act: the year heads for D or E, or the last 30 days are above what is required; null for neither."""
    heads = F.when(
        F.col("cii_rating_projected").isin("D", "E"), F.concat(F.lit("the year heads for "), "cii_rating_projected")
    )
    recent = F.when(F.col("cii_30d") > F.col("cii_required"), "the last 30 days are above the required CII")
    return F.nullif(F.concat_ws("; ", heads, recent), F.lit(""))


def _so_far(total: str) -> Column:
    """The year's total so far with the days that were not reported taken like the others."""
    return F.col(total) * F.col("days_so_far") / F.col("days_reported")


def _to_come(recent: str) -> Column:
    """The remaining days' total at the pace of the last 30."""
    return F.col(recent) / F.col("days_30d") * F.col("days_remaining")
