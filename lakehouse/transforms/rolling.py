"""Windows of calendar days. A day without a row is a day: seven days are never seven rows."""

from __future__ import annotations

from pyspark.sql import Column, Window, WindowSpec
from pyspark.sql import functions as F


def last_days(days: int, day: str, *, of: Column) -> WindowSpec:
    """The row's own day and the ``days - 1`` calendar days before it."""
    return Window.partitionBy(of).orderBy(F.unix_date(F.col(day))).rangeBetween(1 - days, 0)


def year_to_date(day: str, *, of: Column) -> WindowSpec:
    """The row's calendar year up to its own day, included."""
    start = Window.unboundedPreceding
    return Window.partitionBy(of, F.year(day)).orderBy(F.unix_date(F.col(day))).rangeBetween(start, 0)
