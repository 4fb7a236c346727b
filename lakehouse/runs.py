"""A run of a job: the versions that it reads and commits, its row in ``ops.runs`` and its lineage, a failed one too."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pyspark.sql import DataFrame

from contracts.settings import Settings
from contracts.tables import OPS_RUNS, Table
from infra.console import say
from infra.lock import single_writer
from lakehouse.engines import Engine, open_store
from lakehouse.lineage.emitter import emitting
from lakehouse.lineage.events import Event, Job, State, dataset, failure, run_event
from lakehouse.ops_rows import append
from lakehouse.provenance import made_by
from lakehouse.quality.checker import Checker
from lakehouse.quality.gate import check_written
from lakehouse.spark_gone import told_if_gone
from lakehouse.store import Store
from lakehouse.under_way import Tell, telling

_AFTER_SPARK = "Each table is as it was before the run or wholly written: run the command again."
Covers = Mapping[str, tuple[Any, Any]]


@dataclass(slots=True)
class Run:
    """A run while it goes on; what is not given is filled in as it becomes known."""

    job: str
    arguments: Mapping[str, Any]
    store: Store
    started_at: datetime
    check_rows: int | None = None
    """Most rows of a written table that are checked by its contract; null: no check."""
    checker: Checker = field(default_factory=Checker, repr=False)
    rows_read: int = 0
    rows_written: int = 0
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    inputs: dict[str, int] = field(default_factory=dict)
    """Version read of each table, the same at every read."""
    versions: dict[str, int] = field(default_factory=dict)
    """Version committed of each table."""
    tell: Tell = field(default=lambda _table, _version: None, repr=False)
    """Tells others which versions are being read, so that these stay."""
    basis: dict[str, Any] = field(default_factory=dict)
    """What commits name besides: the regulation data or the model that the run applies."""

    def read(self, table: Table) -> DataFrame:
        """The table as of one version, which the run's own commits name."""
        if table.name not in self.inputs:
            self.inputs[table.name] = self.store.version(table)
            self.tell(table, self.inputs[table.name])
        return self.store.read(table, self.inputs[table.name])

    def replace(self, table: Table, rows: DataFrame, where: str | None = None, covers: Covers | None = None) -> int:
        """Replace the rows that fulfil ``where`` (all, when unset) in one commit, and check what was written.

        Args:
            table: Its contract.
            rows: What is there from now on.
            where: Condition in SQL.
            covers: First and last value of columns by which the rows of this run are known.

        Raises:
            ContractError: The rows break a rule that stops; the table is again as it was.
        """
        return self._commit(table, lambda: self.store.replace(table, rows, where, self._said(table, covers)))

    def upsert(self, table: Table, rows: DataFrame, covers: Covers) -> int:
        """The same for rows that are merged by the table's key."""
        return self._commit(table, lambda: self.store.upsert(table, rows, metadata=self._said(table, covers)))

    def restate(self, table: Table, rows: DataFrame, stale: DataFrame, covers: Covers | None = None) -> int:
        """The same for rows that take the place of stale ones, which are given by their key.

        With ``covers`` the run speaks for other rows too: those that it has found to be right as they are.
        """
        return self._commit(table, lambda: self.store.restate(table, rows, stale, self._said(table, covers)))

    def _commit(self, table: Table, write: Callable[[], int]) -> int:
        say(f"Writing {table.name} to {self.store.path(table)}")
        self.store.create(table)
        before = self.store.version(table)
        self.versions[table.name] = write()
        if self.check_rows is not None:
            check_written(self.store, table, before, self.check_rows, self.checker)
        return self.versions[table.name]

    def _said(self, table: Table, covers: Covers | None) -> dict[str, Any]:
        """What the commit says of itself: the run, the versions it read, and what it rests on."""
        run = {"job": self.job, "run_id": self.run_id, "inputs": self.inputs}
        return {**run, **({"covers": covers} if covers else {}), **self.basis, **made_by([table])}


R = TypeVar("R", bound=Run)


@contextmanager
def recorded(
    kind: type[R],
    job: str,
    arguments: Mapping[str, Any],
    settings: Settings,
    places: Mapping[str, str] | None = None,
    lock: str | None = None,
    engine: Engine = "spark",
) -> Iterator[R]:
    """Start the engine, hold the job's lock, and record the run in ``ops.runs`` and as lineage, a failed one too.

    Args:
        kind: The job's own kind of run.
        job: Its name.
        arguments: What it was asked.
        settings: Where the lake is.
        places: Tables that are elsewhere, by name.
        lock: Its name; the job's where unset.
        engine: Spark or Sail.

    Raises:
        LockedError: Another run with this lock goes on.
        UnavailableError: Spark's own process has ended under it.
    """
    lock_of_job = single_writer(Path(settings.home) / "locks", lock or job)
    check_rows = settings.quality_sample_rows if settings.quality_after_jobs else None
    with told_if_gone(_AFTER_SPARK), lock_of_job, emitting(settings, job) as emitter, closing(Checker()) as checker:
        if check_rows is not None:
            checker.start()  # while the engine starts, it imports what it checks with
        say(f"Starting {engine.title()}")
        store = open_store(settings, job, places or {}, engine)
        run = kind(job, arguments, store, datetime.now(UTC), check_rows, checker)
        emitter.emit(_event(run, settings, "START"))
        try:
            with telling(settings, job, run.run_id) as run.tell:
                yield run
        except BaseException as error:
            emitter.emit(_event(run, settings, "FAIL", error))
            record(run, "failed")
            raise
        emitter.emit(_event(run, settings, "COMPLETE"))
        record(run, "succeeded")


def _event(run: Run, settings: Settings, state: State, error: BaseException | None = None) -> Event:
    """The run as an OpenLineage event, with the versions that it has read and committed so far."""
    store = run.store
    inputs, outputs = (
        [dataset(store.root, name, version, path=store.places.get(name)) for name, version in of.items()]
        for of in (run.inputs, run.versions)
    )
    job = Job(settings.openlineage_namespace, run.job, is_stream=False)
    at = run.started_at if state == "START" else datetime.now(UTC)
    return run_event(job, run.run_id, state, at, inputs, outputs, failure(error) if error else {})


def record(run: Run, outcome: str) -> None:
    """Enter the run in ``ops.runs``, by delta-rs: jobs in different processes may end at the same moment."""
    row = {
        "run_id": run.run_id,
        "job": run.job,
        "arguments": json.dumps(run.arguments, default=str),
        "started_at": run.started_at,
        "finished_at": datetime.now(UTC),
        "rows_read": run.rows_read,
        "rows_accepted": run.rows_written,
        "versions": {**run.inputs, **run.versions},
        "outcome": outcome,
    }
    append(run.store.root, OPS_RUNS, [row])
