"""Care of a stream's tables by its own process, under the locks that it holds already: mostly between two batches.

A Delta commit on a local disk is not atomic between processes, so no other process may write these tables; and a MERGE
that reads a file while OPTIMIZE replaces it fails. Between two batches neither can happen, and no stream has to be
stopped for it. A batch that becomes due meanwhile waits. Only the files of a table that only grows are merged beside
the batches: an append reads none of them, and at the world's rate the files of five minutes take twenty seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from threading import Event, Lock

from contracts.errors import LockedError
from contracts.settings import Settings
from contracts.tables import OPS_LEDGER, Table
from infra.console import say
from lakehouse.store import Store
from lakehouse.upkeep.care import FAILURES, care, reason
from lakehouse.upkeep.health import tables_there
from lakehouse.upkeep.ops_tables import is_ops, upkeep_turn


class Turns:
    """One turn per stream: its batch takes it, and so does the care of a table that it writes."""

    def __init__(self, tables: Mapping[str, Sequence[Table]]) -> None:
        """``tables`` maps each stream to those that it writes."""
        self.tables = tables
        self._locks = {stream: Lock() for stream in tables}

    def batch(self, stream: str) -> Lock:
        """The turn of a stream's batch."""
        return self._locks[stream]

    @contextmanager
    def of(self, table: Table) -> Iterator[None]:
        """While no stream that writes the table has a batch under way."""
        with ExitStack() as held:
            for stream, tables in self.tables.items():  # always in the same order, so that nobody waits in a ring
                if table in tables:
                    held.enter_context(self._locks[stream])
            yield


@dataclass(slots=True)
class StreamUpkeep:
    """Looks after the tables of running streams each ``settings.upkeep_minutes``, and after the ledger."""

    store: Store
    settings: Settings
    turns: Turns
    looked_at: float = field(default_factory=time.monotonic)

    def tick(self, stopping: Event) -> None:
        """Do what is due, if anything is."""
        pause_s = self.settings.upkeep_minutes * 60
        if not pause_s or time.monotonic() - self.looked_at < pause_s:
            return
        self.store.spark.sparkContext.setLocalProperty("spark.scheduler.pool", "upkeep")
        own = {table for tables in self.turns.tables.values() for table in tables}
        with self.store.in_one_task():
            for table in tables_there(self.settings):
                if stopping.is_set():
                    break
                if table in own or table == OPS_LEDGER:
                    self._look_after(table)
        self.looked_at = time.monotonic()

    def _look_after(self, table: Table) -> None:
        """A table that cannot be cared for now is told, and does not stop the streams: they go on, only slower."""
        alone = partial(self._alone, table)
        merging = nullcontext if table.only_grows else alone
        try:
            for deed in care(table, self.settings, lambda: self.store, alone, datetime.now(UTC), merging):
                say(f"upkeep {deed.table}: {deed.text}")
        except LockedError:
            return  # another process is at it
        except FAILURES as error:
            again = f"tried again in {self.settings.upkeep_minutes:g} minutes"
            say(f"upkeep {table.name}: not done ({reason(error)}); {again}")

    @contextmanager
    def _alone(self, table: Table) -> Iterator[None]:
        with upkeep_turn(table, self.settings) if is_ops(table) else self.turns.of(table):
            yield
