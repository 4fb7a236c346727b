"""Segments and positions between the tables, Arrow's and numpy's arrays. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.fields import SEGMENT_ID
from contracts.tables import SILVER_SEGMENTS
from lakehouse.transforms.open_segments import Longs, Segments
from lakehouse.transforms.recent_positions import PLACE, Known
from lakehouse.transforms.same_ship import POINT, Floats

INSTANTS = {"began_at": "started_us", "head_at": "head_us", "ahead_at": "ahead_us"}
"""Columns of ``silver.segments`` that are numbers of microseconds in ``open_segments.COLUMNS``."""
RENAMED = {"position_count": "reports", "is_beside": "began_beside", **INSTANTS}
_INSTANT = pa.timestamp("us", tz="UTC")
_INSTANT_CHARACTERS = len("1970-01-01T00:00:00.000000Z")
"""With which the name of a segment ends."""
_TYPES = {"string": pa.string(), "long": pa.int64(), "double": pa.float64(), "boolean": pa.bool_()}


def rows_of(segments: Segments) -> pa.Table:
    """Rows of ``silver.segments``; what is unknown is null."""
    held = segments.to_columns()
    columns: dict[str, pa.Array] = {}
    for field in SILVER_SEGMENTS.fields:
        values = pa.array(held[RENAMED.get(field.name, field.name)], from_pandas=True)
        is_instant = field.name in INSTANTS
        columns[field.name] = values.cast(pa.int64()).cast(_INSTANT) if is_instant else values.cast(_TYPES[field.type])
    return pa.table(columns)


def segments_of(rows: pa.Table) -> Segments:
    """Open segments from rows of ``silver.segments``."""
    return Segments.from_columns(
        {RENAMED.get(name, name): _numbers(rows[name]) for name in rows.column_names if name != "segment_id"}
    )


def points_of(positions: pa.Table) -> tuple[Longs, Floats]:
    """MMSI and points of positions: ``mmsi``, ``observed_at``, ``lat_deg``, ``lon_deg``, ``sog_kn``, ``cog_deg``."""
    columns = ("observed_at", *POINT[1:])
    points = np.column_stack([_numbers(positions[name]).astype(np.float64) for name in columns])
    return np.asarray(_numbers(positions["mmsi"]), np.int64), points


def known_of(positions: pa.Table) -> Known:
    """Accepted positions from rows of ``silver.positions``: the same columns and ``segment_id``."""
    mmsi, points = points_of(positions)
    started = pc.utf8_slice_codeunits(positions["segment_id"], start=-_INSTANT_CHARACTERS, stop=-1)
    return Known(mmsi, points[:, :PLACE], _numbers(started.cast(pa.timestamp("us"))))


def _numbers(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """A column's values; instants as microseconds, null as NaN."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(_INSTANT).cast(pa.int64())
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int64())
    numbers: np.ndarray[Any, Any] = column.to_numpy()
    return numbers


def is_of_before() -> Column:
    """Whether a position is from before segments were told apart: all of its MMSI are one then."""
    return F.col("segment_id") == F.expr(str(SEGMENT_ID.of_before))


def heads_of_before(positions: DataFrame) -> DataFrame:
    """The segments of such positions, one row per MMSI, as open ones of ``silver.segments``.

    Args:
        positions: ``silver.positions``.
    """
    point = {name: f"head_{name.removeprefix('observed_')}" for name in ("observed_at", *POINT[1:])}
    last = F.max_by(F.struct(*(F.col(name).alias(head) for name, head in point.items())), "observed_at")
    found = positions.where(is_of_before()).groupBy("segment_id", "mmsi")
    return found.agg(last.alias("last"), F.count(F.lit(1)).alias("position_count")).select(
        "segment_id", "mmsi", F.timestamp_seconds(F.lit(0)).alias("began_at"), "last.*", "position_count"
    )
