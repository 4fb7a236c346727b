"""What was erased, by offsets and without a name, so that the account of the lake still adds up afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import deltalake
import numpy as np
import numpy.typing as npt

from contracts.tables import OPS_ERASURES, Table
from lakehouse.ledger import OffsetRange
from lakehouse.ops_rows import append

ERASURE = "erasure:"
"""How the identity of an erasure begins in a table's log."""
SLICES = ("stream", "event_type", "verdict")
"""Columns by which a recount tells one table's rows apart."""


@dataclass(frozen=True, slots=True)
class Erased:
    """One row of ``ops.erasures``: rows of a table, by the Kafka offsets that they came from."""

    erasure_id: str
    table_name: str
    stream: str | None
    event_type: str | None
    verdict: str | None
    rows_erased: int
    ranges: tuple[OffsetRange, ...]
    erased_at: datetime

    def has(self, only: Mapping[str, str]) -> bool:
        """Whether the rows have these values."""
        return all(getattr(self, column) == value for column, value in only.items())


def app_id(erasure_id: str, table_name: str) -> str:
    """Identity of an erasure in a table's log."""
    return f"{ERASURE}{erasure_id}:{table_name}"


def is_erasure(actions: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a commit, by its actions, is that of an erasure."""
    return any(action.get("txn", {}).get("appId", "").startswith(ERASURE) for action in actions)


def record(root: str, rows: Sequence[Erased]) -> None:
    """Append what is about to be erased. It counts once the table's log holds the erasure."""
    append(root, OPS_ERASURES, [asdict(row) for row in rows])


def erased(root: str, table: Table, log: deltalake.DeltaTable, since: datetime | None = None) -> list[Erased]:
    """What was erased from the table up to the version of ``log``, and not before ``since``."""
    if not deltalake.DeltaTable.is_deltatable(_path(root)):
        return []
    found = deltalake.DeltaTable(_path(root)).to_pyarrow_table(filters=[("table_name", "=", table.name)]).to_pylist()
    rows = [Erased(**{**row, "ranges": tuple(OffsetRange(**span) for span in row["ranges"] or ())}) for row in found]
    return [
        row
        for row in rows
        if log.transaction_version(app_id(row.erasure_id, table.name)) is not None
        and (since is None or row.erased_at >= since)
    ]


def erased_places(rows: Sequence[Erased], only: Mapping[str, str]) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Partition and offsets of the erased rows that have these values; one erased twice is there twice."""
    for row in rows:
        if row.has(only):
            for span in row.ranges:
                yield span.partition, np.arange(span.start, span.end, dtype=np.int64)


def _path(root: str) -> str:
    return f"{root}/{OPS_ERASURES.path}"
