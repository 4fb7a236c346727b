"""What every batch run has in common: how it counts what it reads, and how it is told to people."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs.inputs import Period, Source
from contracts.fields import Field
from contracts.tables import Table
from infra.console import out, print_facts, print_json, print_table, say
from lakehouse import runs


@dataclass(slots=True)
class Run(runs.Run):
    """A run of a batch job while it goes on."""

    rows_context: int = 0
    files: int = 0
    partitions: int = 0
    seconds: float = 0
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

    def version_of(self, table: Table) -> int:
        """Version of the table that the run wrote last, else the one that it reads."""
        if table.name not in self.versions:
            self.read(table)
        return self.versions.get(table.name, self.inputs.get(table.name, 0))

    def told(self, table: Table) -> DataFrame:
        """The table at this version: what a report tells of it can be looked up again."""
        return self.store.read(table, self.version_of(table))

    def write(self, table: Table, rows: DataFrame, covers: Mapping[str, tuple[date, date]]) -> None:
        """Replace the rows that ``covers`` names by these, in one commit, and check what was written.

        Args:
            table: Its contract.
            rows: What is there from now on.
            covers: First and last value of each date column that the replaced rows have.

        Raises:
            ContractError: The rows break a rule that stops; the table is again as it was.
        """
        where = " AND ".join(f"{day} >= DATE'{a}' AND {day} <= DATE'{b}'" for day, (a, b) in covers.items())
        self.replace(table, rows, where, covers=covers)


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


def many_rows_of(frame: DataFrame) -> list[dict[str, Any]]:
    """The same of tens of thousands of rows, which come faster by way of Arrow; none may have an instant or a map."""
    rows: list[dict[str, Any]] = frame.toArrow().to_pylist()
    return rows
