"""What a look-up would read: the files whose statistics in the log do not rule its values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

LOOK_UPS = 20


@dataclass(frozen=True, slots=True)
class Reading:
    """Mean of what a look-up reads, by data skipping."""

    files: float
    mb: float


def reading(files: pa.Table, look_ups: Sequence[Mapping[str, Any]]) -> Reading:
    """Mean over look-ups of the files and bytes that each would read; zeros without a look-up.

    Args:
        files: One row per file with ``size_bytes``, ``min.<column>``, ``max.<column>`` and ``partition.<column>``.
        look_ups: Column to value, all of which must hold; none is null.
    """
    rows = files.to_pylist()
    hit = [[row["size_bytes"] for row in rows if _may_hold(row, look_up)] for look_up in look_ups]
    count = max(len(hit), 1)
    return Reading(sum(map(len, hit)) / count, sum(map(sum, hit)) / count / 1e6)


def _may_hold(file: Mapping[str, Any], look_up: Mapping[str, Any]) -> bool:
    return all(_column_may_hold(file, name, value) for name, value in look_up.items())


def _column_may_hold(file: Mapping[str, Any], name: str, value: Any) -> bool:  # noqa: ANN401  a cell of any type
    if f"partition.{name}" in file:
        return bool(file[f"partition.{name}"] == value)
    low, high = file.get(f"min.{name}"), file.get(f"max.{name}")
    return low is None or high is None or bool(low <= value <= high)
