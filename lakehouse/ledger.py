"""The ledger: what became of every record, batch by batch. Provable, since the counts also lie in the commits.

Written with delta-rs and not with Spark: one small row a batch would cost a Spark job, and delta-rs commits are atomic
between processes, so that streams in different processes may share the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

import deltalake
from deltalake import CommitProperties, Transaction, write_deltalake

from contracts.errors import ContractError
from contracts.tables import OPS_LEDGER
from lakehouse.logs import Logs, log_of
from lakehouse.ops_rows import arrow_rows


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Kafka offsets ``[start, end)`` of one partition."""

    topic: str
    partition: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of ``ops.ledger``. Watermarks are what the stream knows of event time *after* the batch.

    ``source_end`` is null in entries of earlier releases and of replays.
    """

    stream: str
    batch_id: int
    app_id: str
    ranges: tuple[OffsetRange, ...]
    rows_read: int
    rows_accepted: int
    started_at: datetime
    finished_at: datetime
    rows_quarantined: int = 0
    rows_duplicate: int = 0
    rows_late: int = 0
    versions: Mapping[str, int] = field(default_factory=dict)
    watermarks: Mapping[str, datetime] = field(default_factory=dict)
    source_end: str | None = None

    def __post_init__(self) -> None:
        """Refuse an entry that does not add up: a batch that lost a record must not be committed quietly."""
        outcomes = self.rows_accepted + self.rows_quarantined + self.rows_duplicate + self.rows_late
        if outcomes != self.rows_read:
            raise ContractError(
                f"{self.stream} batch {self.batch_id}: {self.rows_read} records read, {outcomes} accounted for. "
                "The batch was not entered in the ledger; stop the stream and report this."
            )


def record(root: str, entry: Entry, logs: Logs | None = None) -> None:
    """Append the entry; a batch that is in the ledger already is not entered twice. ``logs`` are kept open."""
    name = f"{OPS_LEDGER.name}:{entry.app_id}"
    table = log_of(f"{root}/{OPS_LEDGER.path}", logs)
    done = table.transaction_version(name)
    if done is not None and done >= entry.batch_id and _is_entered(root, entry):
        return
    _append(table, [entry], {name: max(entry.batch_id, -1 if done is None else done)})


def complete(root: str, missing: Sequence[Entry]) -> None:
    """Enter batches that their table holds and the ledger does not, also such as have others after them.

    To be called while nobody writes the stream: what is entered already is the caller's to know.
    """
    if not missing:
        return
    table = deltalake.DeltaTable(f"{root}/{OPS_LEDGER.path}")
    last: dict[str, int] = {}
    for entry in missing:
        name = f"{OPS_LEDGER.name}:{entry.app_id}"
        done = table.transaction_version(name)
        last[name] = max(entry.batch_id, last.get(name, 0), -1 if done is None else done)
    _append(table, missing, last)


def entries(root: str, stream: str | None = None) -> list[dict[str, Any]]:
    """The ledger's rows, oldest first; of one stream where named. Empty where no stream has run."""
    path = f"{root}/{OPS_LEDGER.path}"
    if not deltalake.DeltaTable.is_deltatable(path):
        return []
    table = deltalake.DeltaTable(path).to_pyarrow_table(filters=[("stream", "=", stream)] if stream else None)
    rows = ({"source_end": None, **row} for row in table.to_pylist(maps_as_pydicts="strict"))
    return sorted(rows, key=lambda row: (row["stream"], row["batch_id"]))


def watermarks_before(root: str, stream: str, app_id: str, batch_id: int) -> dict[str, datetime]:
    """Watermarks per source that the batch ``batch_id`` must judge lateness by: those after the one before it."""
    earlier = [e for e in entries(root, stream) if e["app_id"] == app_id and e["batch_id"] < batch_id]
    return dict(earlier[-1]["watermarks"]) if earlier else {}


def _append(table: deltalake.DeltaTable, rows: Sequence[Entry], transactions: Mapping[str, int]) -> None:
    """Append entries with these transactions; a ledger of an earlier release gets the columns that it lacks."""
    arrow = arrow_rows(OPS_LEDGER, [asdict(row) for row in rows])
    is_older = not set(arrow.schema.names) <= {field.name for field in table.schema().fields}
    properties = CommitProperties(app_transactions=[Transaction(*transaction) for transaction in transactions.items()])
    mode: Literal["merge"] | None = "merge" if is_older else None
    write_deltalake(table, arrow, mode="append", schema_mode=mode, commit_properties=properties)


def _is_entered(root: str, entry: Entry) -> bool:
    """Whether the row is there: one that somebody deleted is entered again when its batch is replayed."""
    name = (entry.app_id, entry.batch_id)
    return any((row["app_id"], row["batch_id"]) == name for row in entries(root, entry.stream))
