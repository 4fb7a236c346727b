"""Whether each segment counts the positions that there are of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import deltalake
import pyarrow as pa

from contracts.tables import SILVER_POSITIONS, SILVER_SEGMENTS
from lakehouse.recount.findings import Finding
from lakehouse.recount.reading import batches

KEY = "segment_id"
TOLD = ("segment_id", "began_at", "position_count", "is_open")


def segment_positions(told: deltalake.DeltaTable, held: deltalake.DeltaTable) -> Iterator[Finding]:
    """Segments that count other positions than there are.

    One that is open may have more than it counts: the stream writes it down about once a minute. Those that stand for
    all positions of an MMSI from before tracks were told apart began in 1970, and are not counted.

    Args:
        told: ``silver.segments``.
        held: ``silver.positions``, opened after it.
    """
    there = _positions(held)
    for rows in batches(told, TOLD):
        for row in (row for row in rows.to_pylist() if row["began_at"].year > 1970):
            counted, found = row["position_count"], there.get(row[KEY], 0)
            if found < counted or (found > counted and not row["is_open"]):
                text = f"{row[KEY]} counts {counted} positions, {SILVER_POSITIONS.name} holds {found} of it"
                yield Finding(SILVER_SEGMENTS.name, text)


def _positions(held: deltalake.DeltaTable) -> Mapping[str, int]:
    """Positions by segment."""
    if KEY not in {field.name for field in held.schema().fields}:
        return {}
    labels = (pa.table([rows[KEY].cast(pa.string())], names=[KEY]) for rows in batches(held, [KEY]))
    parts = [rows.group_by(KEY).aggregate([(KEY, "count")]) for rows in labels]
    if not parts:
        return {}
    counted = pa.concat_tables(parts).group_by(KEY).aggregate([(f"{KEY}_count", "sum")])
    return dict(zip(counted[KEY].to_pylist(), counted[f"{KEY}_count_sum"].to_pylist(), strict=True))
