"""Windows of calendar days. A day without a row is a day: seven days are never seven rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

GRAIN = 2.0**-37
"""Whole multiples of it are summed up, as 64-bit integers: seven micrograms, fourteen nanometres."""
MOST = 2.0**15
"""What a day counts for at most: no ship burns or sails so much in one, and 2,048 such days fit into the integer."""


def last_days(days: int, day: str, *, of: Column) -> WindowSpec:
    """The row's own day and the ``days - 1`` calendar days before it."""
    return _by_day(day, of).rangeBetween(1 - days, 0)


def with_moving_sums(
    rows: DataFrame,
    sums: Mapping[str, Mapping[int, str]],
    day: str,
    *,
    of: Column,
    beside: Mapping[str, Column] | None = None,
) -> DataFrame:
    """Rows with sums of columns, tonnes or miles, over the row's own day and the calendar days before it.

    Each is the sum up to the day less the sum up to the day before the window: that costs as much for 30 days as for
    7. Rounding would be left, CO2 of an idle week that is not nil; whole multiples of `GRAIN` add up without. They are
    rounded up, so that no sum is less than the day that it ends with.

    Args:
        rows: Any number of rows a day.
        sums: How each sum is called: ``{column: {days: name}}``.
        day: The date column.
        of: What a window is of.
        beside: Further columns over windows by ``day`` of the same, by name: an engine goes through the rows once for
            all windows of one step, and once more for those of the next.

    Returns:
        The same with a column for each sum; null where no day of the window has a value.
    """
    running: dict[str, Column] = {}
    beside = beside or {}
    for column, named in sums.items():
        known_on = F.when(F.col(column).isNotNull(), F.unix_date(day))
        running[f"{column}_known_on"] = F.max(known_on).over(_up_to(0, day, of))
        running |= {
            f"{column}_up_to_{days}": F.sum(_grains(column)).over(_up_to(days, day, of)) for days in (0, *named)
        }
    found = rows.withColumns({**running, **beside})
    made = {name: _in_window(column, days, day) for column, named in sums.items() for days, name in named.items()}
    return found.withColumns(made).drop(*running)


def _grains(column: str) -> Column:
    """A day's value in grains, at most `MOST` of it; null for none, which ``least`` would make the most."""
    value = F.col(column)
    return F.ceil(F.when(value > MOST, MOST).otherwise(value) / GRAIN).cast("bigint")


def _in_window(column: str, days: int, day: str) -> Column:
    grains = F.col(f"{column}_up_to_0") - F.coalesce(f"{column}_up_to_{days}", F.lit(0))
    return F.when(F.unix_date(day) - F.col(f"{column}_known_on") < days, grains * GRAIN)


def _up_to(days_ago: int, day: str, of: Column) -> WindowSpec:
    """All days up to one so many days before the row's."""
    return _by_day(day, of).rangeBetween(Window.unboundedPreceding, -days_ago)


def _by_day(day: str, of: Column) -> WindowSpec:
    return Window.partitionBy(of).orderBy(F.unix_date(day))


def year_to_date(column: str, years: Iterable[int], day: str, *, of: Column) -> Column:
    """Sum of a column over the row's calendar year up to its own day; null in a year that is not named.

    A window by year would sort the rows once more than the windows of days; a running sum for each year does not.
    """
    in_year = {year: F.year(day) == year for year in years}
    sums = [F.when(is_in, F.sum(F.when(is_in, F.col(column))).over(_up_to(0, day, of))) for is_in in in_year.values()]
    return F.coalesce(*sums)
