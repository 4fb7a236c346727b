"""The sums of `rolling` in numpy, whole vessels at a time: for an engine whose windows are slow. Pure.

Sail needs two seconds for each window over ten million days, and there are eleven; its rows are Arrow as they are, so
numpy has all sums of them in four. Spark would have to make Arrow of its rows and rows of Arrow, which takes it longer
than its windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql.types import DoubleType, LongType, StructField, StructType

from lakehouse.transforms.rolling import GRAIN, MOST, Sums

OF = "_of"
PARTITIONS = 16
"""Many vessels are summed up at a time, for a call costs more than the sums of one; but not all, for memory."""
SPAN_DAYS = 10_000_000
"""More than there are days between any two dates, so that vessel and day make one number in their order."""
Places = NDArray[np.int64]
Marks = NDArray[np.bool_]


def with_sums(rows: DataFrame, sums: Sums, day: str, *, of: Column) -> DataFrame:
    """As `rolling.with_sums`, with the same results; sums of doubles are added up in the order of days."""
    types = {field.name: field.dataType for field in rows.schema}
    made = [StructField(name, DoubleType()) for named in sums.last_days.values() for name in named.values()]
    made += [
        StructField(name, DoubleType() if types[column] == DoubleType() else LongType())
        for column, name in sums.so_far.items()
    ]
    keyed = rows.withColumn(OF, of).repartition(PARTITIONS, OF)

    def summed_up(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        held = [batch for batch in batches if batch.num_rows]
        if held:
            yield from summed(pa.Table.from_batches(held), sums, day).to_batches()

    return keyed.mapInArrow(summed_up, StructType([*rows.schema, *made]))


def summed(rows: pa.Table, sums: Sums, day: str) -> pa.Table:
    """Rows of whole vessels with their sums.

    Sorted here: an engine may leave out a sort before a function, for nothing tells it that the function needs one.
    """
    on = rows[day].cast(pa.int32()).to_numpy().astype(np.int64)  # days since 1970
    place = rows[OF].to_numpy() * SPAN_DAYS + on
    in_order = np.argsort(place, kind="stable")
    rows, on, place = rows.take(in_order), on[in_order], place[in_order]
    begins, end = _begins(rows[OF].to_numpy()), np.searchsorted(place, place, side="right")
    found = rows.drop_columns([OF])
    made = {**_of_last_days(found, sums, place, begins, end), **_of_year_so_far(found, sums, on, begins, end)}
    for name, values in made.items():
        found = found.append_column(name, values)
    return found


def _of_last_days(rows: pa.Table, sums: Sums, place: Places, begins: Marks, end: Places) -> dict[str, pa.Array]:
    first = np.flatnonzero(begins)[np.cumsum(begins) - 1]
    found: dict[str, pa.Array] = {}
    for column, named in sums.last_days.items():
        value, is_known = _known(rows, column)
        grains = np.where(is_known, np.ceil(np.where(value <= MOST, value, MOST) / GRAIN), 0).astype(np.int64)
        for days, name in named.items():
            begin = np.maximum(first, np.searchsorted(place, place - days, side="right"))
            is_none = _between(is_known, begin, end) == 0
            found[name] = pa.array(_between(grains, begin, end) * GRAIN, mask=is_none)
    return found


def _of_year_so_far(rows: pa.Table, sums: Sums, on: Places, begins: Marks, end: Places) -> dict[str, pa.Array]:
    """Added up year by year: differences of one sum over all would leave rounding."""
    year = on.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    begins = begins | _begins(year)
    starts = np.flatnonzero(begins)
    is_other = ~np.isin(year, list(sums.years))
    found: dict[str, pa.Array] = {}
    for column, name in sums.so_far.items():
        value, is_known = _known(rows, column)
        total = np.concatenate([np.cumsum(part) for part in np.split(value, starts[1:])])
        is_none = _between(is_known, starts[np.cumsum(begins) - 1], end) == 0
        found[name] = pa.array(total[end - 1], mask=is_other | is_none)
    return found


def _begins(values: Places) -> Marks:
    """Where a value is another one than in the row before."""
    return np.append(True, values[1:] != values[:-1])


def _between(values: NDArray[Any], begin: Places, end: Places) -> Places:
    """Sum of whole numbers from one place up to another; the sum of all may overflow, and its differences do not."""
    up_to = np.append(0, np.cumsum(values, dtype=np.int64))
    return np.asarray(up_to[end] - up_to[begin])


def _known(rows: pa.Table, column: str) -> tuple[NDArray[Any], Marks]:
    """A column with nil for null, and where it is no null."""
    values = rows[column].combine_chunks()
    kind = np.float64 if pa.types.is_floating(values.type) else np.int64
    known = values.is_valid().to_numpy(zero_copy_only=False)
    return values.fill_null(0).to_numpy(zero_copy_only=False).astype(kind), known
