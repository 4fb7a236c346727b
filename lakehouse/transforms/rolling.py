"""Windows of calendar days. A day without a row is a day: seven days are never seven rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

GRAIN = 2.0**-37
"""Whole multiples of it are summed up, as 64-bit integers: seven micrograms, fourteen nanometres."""
MOST = 2.0**15
"""What a day counts for at most: no ship burns or sails so much in one, and 2,048 such days fit into the integer."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Which sums of columns to make, and how each is called.

    ``last_days``: of tonnes or miles, over the row's own day and the calendar days before it: ``{column: {days:
    name}}``. ``so_far``: over the row's calendar year up to its own day, ``{column: name}``, in ``years`` and null in
    others. Null where no day of the window has a value.
    """

    last_days: Mapping[str, Mapping[int, str]]
    so_far: Mapping[str, str]
    years: Collection[int]


class WithSums(Protocol):
    """How rows get their sums: `with_sums`, or the same by another way that suits another engine."""

    def __call__(self, rows: DataFrame, sums: Sums, day: str, *, of: Column) -> DataFrame:
        """Rows with their sums; any number of rows a day."""


def last_days(days: int, day: str, *, of: Column) -> WindowSpec:
    """The row's own day and the ``days - 1`` calendar days before it."""
    return _by_day(day, of).rangeBetween(1 - days, 0)


def with_sums(rows: DataFrame, sums: Sums, day: str, *, of: Column) -> DataFrame:
    """Rows with sums over their last days and over their year so far.

    A sum of last days is the sum up to the day less the sum up to the day before the window: that costs as much for 30
    days as for 7. Rounding would be left, CO2 of an idle week that is not nil; whole multiples of `GRAIN` add up
    without. They are rounded up, so that no sum is less than the day that it ends with.

    Args:
        rows: Any number of rows a day.
        sums: Which sums.
        day: The date column.
        of: What a window is of.

    Returns:
        The same with a column for each sum.
    """
    running: dict[str, Column] = {}
    for column, named in sums.last_days.items():
        known_on = F.when(F.col(column).isNotNull(), F.unix_date(day))
        running[f"{column}_known_on"] = F.max(known_on).over(_up_to(0, day, of))
        running |= {
            f"{column}_up_to_{days}": F.sum(_grains(column)).over(_up_to(days, day, of)) for days in (0, *named)
        }
    # In one step with the others: an engine goes through the rows once for all windows of a step.
    so_far = {name: _year_to_date(column, sums.years, day, of) for column, name in sums.so_far.items()}
    found = rows.withColumns({**running, **so_far})
    made = {
        name: _in_window(column, days, day) for column, named in sums.last_days.items() for days, name in named.items()
    }
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


def _year_to_date(column: str, years: Collection[int], day: str, of: Column) -> Column:
    """Sum over the calendar year so far. A window by year would sort the rows once more; a sum for each does not."""
    in_year = {year: F.year(day) == year for year in years}
    sums = [F.when(is_in, F.sum(F.when(is_in, F.col(column))).over(_up_to(0, day, of))) for is_in in in_year.values()]
    return F.coalesce(*sums)
