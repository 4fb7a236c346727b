"""What a group of rows tells all values of, in one text. Pure."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F


def listed(values: Column | str) -> Column:
    """All different values of a group, sorted, as "a, b"; empty where there is none."""
    return F.array_join(F.array_sort(F.collect_set(values)), ", ")


def listed_of_sets(sets: Column | str) -> Column:
    """The same of a group's arrays of values."""
    return F.array_join(F.array_sort(F.array_distinct(F.flatten(F.collect_list(sets)))), ", ")
