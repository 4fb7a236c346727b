"""What every batch run has in common: its store, its lock, its record, and how it is told to people."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs.inputs import Period, Source
from contracts.fields import Field
from contracts.settings import Settings
from contracts.tables import OPS_RUNS, Table
from infra.console import out, print_facts, print_json, print_table, say
from infra.lock import single_writer
from lakehouse.lineage.emitter import emitting
from lakehouse.lineage.events import Event, Job, State, dataset, failure, run_event
from lakehouse.provenance import made_by
from lakehouse.schema import spark_schema
from lakehouse.session import spark_session
from lakehouse.store import Store


@dataclass(slots=True)
class Run:
    """A run of a batch job while it goes on. ``rows_*`` and ``versions`` are filled in as they become known."""

    job: str
    arguments: Mapping[str, Any]
    store: Store
    started_at: datetime
    rows_read: int = 0
    rows_context: int = 0
    rows_written: int = 0
    files: int = 0
    partitions: int = 0
    seconds: float = 0
    check_rows: int | None = None
    """Most rows of a written table that are checked by its contract; null: no check."""
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    inputs: dict[str, int] = field(default_factory=dict)
    """Version read of each table, the same at every read."""
    regulation: str | None = None
    """Version of the regulation data that the run applies, where it applies any."""
    versions: dict[str, int] = field(default_factory=dict)
    reports: list[Path] = field(default_factory=list)

    @property
    def records_per_minute(self) -> float:
        """Rows read, those for context included, by the minutes from reading to the last commit."""
        return (self.rows_read + self.rows_context) / max(self.seconds, 1e-9) * 60

    def load(self, rows: DataFrame, day: Field, period: Period, source: Source) -> int:
        """Count what is about to be read; rows of days before the period are context of rolling values."""
        is_asked = F.expr(period.where(day))
        counts = (
            rows.select(is_asked.alias("is_asked"), F.spark_partition_id().alias("partition"))
            .agg(
                F.count_if("is_asked").alias("asked"),
                F.count_if(~F.col("is_asked")).alias("context"),
                F.count_distinct("partition").alias("partitions"),
            )
            .first()
        )
        assert counts is not None  # an aggregate without groups has one row
        self.rows_read, self.rows_context, self.partitions = counts["asked"], counts["context"], counts["partitions"]
        self.files = source.files_in(period)
        context = f" and {self.rows_context:,} of days before, for rolling values" if self.rows_context else ""
        say(f"Loaded {self.rows_read:,} rows{context} in {self.partitions} partitions from {source.path}")
        return self.rows_read

    def read(self, table: Table) -> DataFrame:
        """The table as of one version, which the run's own commits name."""
        if table.name not in self.inputs:
            self.inputs[table.name] = self.store.version(table)
        return self.store.read(table, self.inputs[table.name])

    def write(self, table: Table, rows: DataFrame, covers: Mapping[str, tuple[date, date]]) -> None:
        """Replace the rows that ``covers`` names by these, in one commit, and check what was written.

        Args:
            table: Its contract.
            rows: What is there from now on.
            covers: First and last value of each date column that the replaced rows have.

        Raises:
            ContractError: The rows break a rule that stops; the table is again as it was.
        """
        say(f"Writing {table.name} to {self.store.path(table)}")
        self.store.create(table)
        before = self.store.version(table)
        where = " AND ".join(f"{day} >= DATE'{a}' AND {day} <= DATE'{b}'" for day, (a, b) in covers.items())
        self.versions[table.name] = self.store.replace(table, rows, where, self._said(table, covers))
        if self.check_rows is not None:
            from lakehouse.quality.gate import check_written  # slow to import: not for a run that writes nothing

            check_written(self.store, table, before, self.check_rows)

    def _said(self, table: Table, covers: Mapping[str, tuple[date, date]]) -> dict[str, Any]:
        """What the commit says of itself: the run, the versions it read, and what it rests on."""
        run = {"job": self.job, "run_id": self.run_id, "inputs": self.inputs, "covers": covers}
        return {**run, **({"regulation": self.regulation} if self.regulation else {}), **made_by([table])}


@contextmanager
def running(job: str, arguments: Mapping[str, Any], settings: Settings, places: Mapping[str, str]) -> Iterator[Run]:
    """Start Spark, hold the job's lock, and record the run in ``ops.runs``, a failed one too.

    Raises:
        LockedError: Another run of this job goes on.
    """
    with single_writer(Path(settings.home) / "locks", job), emitting(settings, job) as emitter:
        say("Starting Spark")
        store = Store(spark_session(settings, job), settings.lake, places)
        check_rows = settings.quality_sample_rows if settings.quality_after_jobs else None
        run = Run(job, arguments, store, datetime.now(UTC), check_rows=check_rows)
        emitter.emit(_event(run, settings, "START"))
        try:
            yield run
        except BaseException as error:
            emitter.emit(_event(run, settings, "FAIL", error))
            _record(run, "failed")
            raise
        emitter.emit(_event(run, settings, "COMPLETE"))
        _record(run, "succeeded")


@contextmanager
def timed(run: Run) -> Iterator[None]:
    """Count the seconds of what is done inside to the run's rate."""
    begun = time.perf_counter()
    yield
    run.seconds += time.perf_counter() - begun


def tell(run: Run, results: Mapping[str, list[dict[str, Any]]], facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print facts, result tables and report paths for people, or all of it as one JSON object."""
    loaded = {"rows": run.rows_read, "context_rows": run.rows_context, "files": run.files}
    if as_json:
        print_json(
            {
                "job": run.job, **run.arguments, "loaded": {**loaded, "partitions": run.partitions},
                "records": run.rows_written, "seconds": round(run.seconds, 3),
                "records_per_minute": round(run.records_per_minute), "versions": run.versions, **facts, **results,
                "reports": [str(path) for path in run.reports],
            }
        )  # fmt: skip
        return
    for title, rows in results.items():
        if rows:
            columns = [name.replace("_", " ") for name in rows[0]]
            print_table(title.replace("_", " "), columns, [list(row.values()) for row in rows])
    print_facts(
        {
            **{name.replace("_", " "): value for name, value in facts.items()},
            "rows read": run.rows_read, "files": run.files, "partitions": run.partitions,
            "records written": run.rows_written, "seconds": run.seconds,
            "records per minute": round(run.records_per_minute),
        }
    )  # fmt: skip
    for path in run.reports:
        out.print(f"  report  {path}", highlight=False, soft_wrap=True)


def tell_plan(arguments: Mapping[str, Any], files: int, *, as_json: bool) -> None:
    """What a run would do, told without doing it."""
    plan = {**arguments, "files": files, "dry_run": True}
    if as_json:
        print_json(plan)
        return
    print_facts(plan)
    say("Nothing was written.")


def rows_of(frame: DataFrame) -> list[dict[str, Any]]:
    """A small result as dictionaries."""
    return [row.asDict(recursive=True) for row in frame.collect()]


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


def _record(run: Run, outcome: str) -> None:
    spark = run.store.spark
    row = (
        run.run_id, run.job, json.dumps(run.arguments, default=str), run.started_at, datetime.now(UTC),
        run.rows_read, run.rows_written, {**run.inputs, **run.versions}, outcome,
    )  # fmt: skip
    run.store.create(OPS_RUNS)
    run.store.append(OPS_RUNS, spark.createDataFrame([row], spark_schema(OPS_RUNS)))
