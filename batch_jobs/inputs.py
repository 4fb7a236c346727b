"""What a batch job is asked for, checked against the Delta log before Spark is started."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from contracts.errors import InputError, UnavailableError
from contracts.fields import Field
from contracts.tables import Table

DELTA_TYPES = {"int": "integer"}
"""Where the Delta log calls a type otherwise than the contracts do."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days asked for, both included."""

    start_on: date
    end_on: date

    def where(self, day: Field) -> str:
        """SQL condition on a day column."""
        return f"{day.name} >= DATE'{self.start_on}' AND {day.name} <= DATE'{self.end_on}'"

    def __str__(self) -> str:
        return f"{self.start_on} to {self.end_on}"


@dataclass(frozen=True, slots=True)
class Source:
    """A Delta table as its log describes it. Days and rows come from the files' statistics: bounds, not counts."""

    path: str
    files: tuple[tuple[date | None, date | None], ...]

    def files_in(self, period: Period) -> int:
        """Files that may hold days of the period; one without statistics may."""
        return sum(
            (first is None or first <= period.end_on) and (last is None or last >= period.start_on)
            for first, last in self.files
        )

    def within(self, period: Period) -> Source:
        """The same with the days of a period alone."""
        held = [
            (first and max(first, period.start_on), last and min(last, period.end_on))
            for first, last in self.files
            if (first is None or first <= period.end_on) and (last is None or last >= period.start_on)
        ]
        return Source(self.path, tuple(held))


def together(one: Source, other: Source) -> Source:
    """Two tables as one, named by the first."""
    return Source(one.path, one.files + other.files)


def read_log(path: str, table: Table, needed: Iterable[Field], day: Field | None = None) -> Source:
    """Look a table up without Spark.

    Args:
        path: Folder or URI.
        table: The contract it should have, to name it in errors.
        needed: Columns that the job reads.
        day: The date column by which files are counted, if any.

    Raises:
        InputError: There is no Delta table, or it lacks a column or has it in another type.
        UnavailableError: The store that holds it does not answer.
    """
    try:
        if not DeltaTable.is_deltatable(path):
            raise InputError(f"No Delta table at {path}: name the folder of {table.name}, or run what fills it first.")
        log = DeltaTable(path)
        _check_columns(path, log, needed)
        return Source(path, _day_bounds(log, day))
    except (DeltaError, OSError) as error:
        raise UnavailableError(f"The table at {path} cannot be read: {str(error).splitlines()[0]}") from error


def parse_day(text: str | None, option: str) -> date | None:
    """A day written as 2024-01-31.

    Raises:
        InputError: It is not one.
    """
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{option}: {text!r} is not a day; write it as 2024-01-31.") from error


def days_asked(start: str | None, end: str | None) -> tuple[date | None, date | None]:
    """The first and the last day asked for; unset where they were not. To be told before any table is looked for.

    Raises:
        InputError: A day is not one, or the end is before the start.
    """
    start_on, end_on = parse_day(start, "--start-date"), parse_day(end, "--end-date")
    if start_on and end_on and end_on < start_on:
        raise InputError(f"--end-date {end_on} is before --start-date {start_on}: swap them.")
    return start_on, end_on


def period_in(source: Source, start: str | None, end: str | None) -> Period:
    """The days asked for; an end that is not named is that of the table.

    Raises:
        InputError: A day is not one, the end is before the start, or the table has no such days.
    """
    start_on, end_on = days_asked(start, end)
    firsts = [first for first, _ in source.files if first]
    lasts = [last for _, last in source.files if last]
    if not firsts or not lasts:
        raise InputError(f"The table at {source.path} holds no days yet: run what fills it first.")
    period = Period(start_on or min(firsts), end_on or max(lasts))
    if not source.files_in(period):
        raise no_rows(source, period)
    return period


def no_rows(source: Source, period: Period) -> InputError:
    """The error for a period without a row; it names the days that there are."""
    first, last = min(f for f, _ in source.files if f), max(e for _, e in source.files if e)
    return InputError(f"No rows from {period} in {source.path}: it holds days of {first} to {last}.")


def check_output(path: str, table: Table, source: Source) -> None:
    """See that the output is ours to write.

    Raises:
        InputError: It is the input, holds something else, or lies where we may not write.
    """
    if path.rstrip("/") == source.path.rstrip("/"):
        raise InputError(f"--output {path} is the input: name another folder.")
    if DeltaTable.is_deltatable(path):
        _check_columns(path, DeltaTable(path), table.fields)
        return
    if "://" in path:
        return
    folder = Path(path).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"--output {path} holds something that is no Delta table: name another folder.")
    parent = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise InputError(f"--output {path} cannot be made: {parent} is no folder that we may write in.")


def _check_columns(path: str, log: DeltaTable, needed: Iterable[Field]) -> None:
    found = {column.name: getattr(column.type, "type", str(column.type)) for column in log.schema().fields}
    for field in needed:
        wanted = DELTA_TYPES.get(field.type, field.type)
        if field.name not in found:
            raise InputError(f"The table at {path} has no column {field.name} ({wanted}): name another table.")
        if found[field.name] != wanted:
            raise InputError(f"Column {field.name} of {path} is {found[field.name]}, not {wanted}: name another table.")


def _day_bounds(log: DeltaTable, day: Field | None) -> tuple[tuple[date | None, date | None], ...]:
    files = pa.table(log.get_add_actions(flatten=True))
    if day is None or f"min.{day.name}" not in files.column_names:
        return tuple((None, None) for _ in range(files.num_rows))
    firsts: list[date | None] = files[f"min.{day.name}"].to_pylist()
    lasts: list[date | None] = files[f"max.{day.name}"].to_pylist()
    return tuple(zip(firsts, lasts, strict=True))
