"""Takes events from streams and jobs and brings them out of the way of the batches: to ``ops.lineage`` and an endpoint.

An event is put in a queue; a thread writes what is there every few seconds in one small commit. Nothing that fails here
stops a stream. What a killed process did not write is made up for from the ledger at the stream's next start.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Event as Signal
from threading import Thread

import deltalake
from deltalake.exceptions import DeltaError

from contracts.settings import Settings
from contracts.tables import OPS_LINEAGE
from lakehouse import ledger
from lakehouse.ledger import Entry, OffsetRange
from lakehouse.lineage.endpoint import Endpoint, endpoint_of
from lakehouse.lineage.events import Event, batch_run_id, completed, started
from lakehouse.ops_rows import append
from lakehouse.status import adds_up

WRITE_SECONDS = 15.0
MOST_WAITING = 20_000
"""Events that are kept while ``ops.lineage`` cannot be written; later ones are counted as lost."""
LOOKED_BACK = 2_000
"""Batches of a stream that are looked at when what a killed process left out is made up for."""


@dataclass(frozen=True, slots=True)
class Account:
    """How the events of one process fared, as ``maritime status`` shows it."""

    process: str
    started_at: datetime
    written: int
    lost: int
    endpoint: str | None
    posted: int
    failed: int
    last_error: str | None


class Emitter:
    """The events of one process on their way out."""

    def __init__(self, settings: Settings, process: str) -> None:
        self._settings, self._process = settings, process
        self._endpoint: Endpoint | None = endpoint_of(settings)
        self._queue: SimpleQueue[Event] = SimpleQueue()
        self._waiting: list[Event] = []
        self._written = self._lost = 0
        self._last_error: str | None = None
        self._started_at = datetime.now(UTC)
        self._closing = Signal()
        self._thread = Thread(target=self._work, name="lineage", daemon=True)
        self._thread.start()

    def emit(self, event: Event) -> None:
        """Take an event; returns at once."""
        self._queue.put(event)

    def close(self) -> None:
        """Bring out what is left, and end."""
        self._closing.set()
        self._thread.join()

    def _work(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._closing.wait(WRITE_SECONDS)
            self._bring_out()
        if self._waiting:  # another process may have made the table at the same moment
            self._write()
            self._tell()

    def _bring_out(self) -> None:
        fresh = [self._queue.get() for _ in range(self._queue.qsize())]
        self._waiting.extend(fresh)
        self._write()
        if self._endpoint:
            for event in fresh:
                self._endpoint.post(event)
        if fresh:
            self._tell()

    def _write(self) -> None:
        if not self._waiting:
            return
        try:
            write(self._settings.lake, self._waiting)
        except (DeltaError, OSError) as error:
            self._last_error = f"ops.lineage: {str(error).splitlines()[0]}"
            self._lost += max(0, len(self._waiting) - MOST_WAITING)
            del self._waiting[MOST_WAITING:]
            return
        self._written += len(self._waiting)
        self._waiting.clear()

    def _tell(self) -> None:
        end = self._endpoint
        account = Account(
            self._process, self._started_at, self._written, self._lost, end.url if end else None,
            end.posted if end else 0, end.failed if end else 0, (end.last_error if end else None) or self._last_error,
        )  # fmt: skip
        file = accounts_folder(self._settings) / f"{self._process}.json"
        fresh = file.with_suffix(".tmp")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(asdict(account), default=str))
            fresh.replace(file)
        except OSError:  # a full disk stops the tables' writers with a sentence of their own
            return


@contextmanager
def emitting(settings: Settings, process: str) -> Iterator[Emitter]:
    """The emitter of this process for the length of a block.

    Raises:
        ConfigurationError: The endpoint's address is unlawful.
    """
    emitter = Emitter(settings, process)
    try:
        yield emitter
    finally:
        emitter.close()


def write(root: str, events: list[Event]) -> None:
    """Append events to ``ops.lineage`` in one commit; delta-rs makes the table where it is not there."""
    rows = [
        {
            "run_id": event["run"]["runId"],
            "job": event["job"]["name"],
            "run_state": event["eventType"],
            "happened_at": datetime.fromisoformat(event["eventTime"]),
            "event": json.dumps(event),
        }
        for event in events
    ]
    append(root, OPS_LINEAGE, rows)


def make_up(settings: Settings, stream: str, emitter: Emitter) -> int:
    """Emit the events of batches that are in the ledger and not in ``ops.lineage``; how many batches there were."""
    entries = [entry for entry in ledger.entries(settings.lake, stream) if adds_up(entry)][-LOOKED_BACK:]
    known = _completed_since(settings, stream, min((entry["finished_at"] for entry in entries), default=None))
    missing = [entry for entry in entries if batch_run_id(entry["app_id"], entry["batch_id"]) not in known]
    for row in missing:
        entry = Entry(**{**row, "ranges": tuple(OffsetRange(**span) for span in row["ranges"] or ())})
        emitter.emit(started(settings, stream, entry.app_id, entry.batch_id, entry.started_at))
        emitter.emit(completed(settings, entry))
    return len(missing)


def _completed_since(settings: Settings, stream: str, since: datetime | None) -> set[str]:
    path = f"{settings.lake}/{OPS_LINEAGE.path}"
    if since is None or not deltalake.DeltaTable.is_deltatable(path):
        return set()
    wanted = [("job", "=", stream), ("run_state", "=", "COMPLETE"), ("happened_at", ">=", since)]
    return set(deltalake.DeltaTable(path).to_pyarrow_table(columns=["run_id"], filters=wanted)["run_id"].to_pylist())


def accounts(settings: Settings) -> list[Account]:
    """How the events of each process fared, by its name."""
    found = []
    for file in sorted(accounts_folder(settings).glob("*.json")):
        told = json.loads(file.read_text())
        found.append(Account(**{**told, "started_at": datetime.fromisoformat(told["started_at"])}))
    return found


def accounts_folder(settings: Settings) -> Path:
    """Where the accounts are."""
    return settings.home / "lineage"
