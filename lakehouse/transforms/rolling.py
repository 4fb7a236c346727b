"""Windows of calendar days. A day without a row is a day: seven days are never seven rows."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column, Window, WindowSpec
from pyspark.sql import functions as F

GRAIN = 2.0**-38
"""Of a sum in a double, so that 32,768 t or nm in 30 days add up exactly: four micrograms, seven nanometres."""


def last_days(days: int, day: str, *, of: Column) -> WindowSpec:
    """The row's own day and the ``days - 1`` calendar days before it."""
    return Window.partitionBy(of).orderBy(F.unix_date(F.col(day))).rangeBetween(1 - days, 0)


def moving_sum(column: str, window: WindowSpec) -> Column:
    """Sum of a column, tonnes or miles, over a window that moves; what has left the window leaves nothing behind.

    An engine may take off what leaves and add what comes, and rounding would be left: CO2 of an idle week that is not
    nil, or is below it. Whole multiples of `GRAIN` add up without rounding. They are rounded up, so that no sum is less
    than the day that it ends with.
    """
    return F.sum(F.ceil(F.col(column) / GRAIN) * GRAIN).over(window)


def year_to_date(column: str, years: Iterable[int], day: str, *, of: Column) -> Column:
    """Sum of a column over the row's calendar year up to its own day; null in a year that is not named.

    A window by year would sort the rows once more than the windows of days; a running sum for each year does not.
    """
    up_to_now = Window.partitionBy(of).orderBy(F.unix_date(F.col(day))).rangeBetween(Window.unboundedPreceding, 0)
    in_year = {year: F.year(day) == year for year in years}
    sums = [F.when(is_in, F.sum(F.when(is_in, F.col(column))).over(up_to_now)) for is_in in in_year.values()]
    return F.coalesce(*sums)
