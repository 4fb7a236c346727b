"""Follows a row back to its raw records, and computes every row on the way anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import deltalake
from deltalake.exceptions import DeltaError
from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts import fields as f
from contracts import tables as t
from contracts.errors import InputError
from contracts.regulation import regulation_as
from contracts.settings import Settings
from contracts.tables import BRONZE, Table
from lakehouse.evidence import values
from lakehouse.evidence.history import Commit, batches_of, history, writer
from lakehouse.evidence.links import LINKS, Basis, Link
from lakehouse.evidence.subject import Subject
from lakehouse.evidence.values import Row
from lakehouse.provenance import told_settings
from lakehouse.recount.reading import damaged_files
from lakehouse.schema import spark_schema
from lakehouse.store import Store

SHOWN = 5
Pins = Mapping[str, Mapping[str, Any]]
Links = Mapping[Table, Link]
IN_BRONZE = frozenset(BRONZE.values())


@dataclass(frozen=True, slots=True)
class Difference:
    """What does not agree: ``name`` is the table, file, rule or setting, ``text`` the sentence."""

    name: str
    text: str


class MissingError(Exception):
    """A version that is needed is no longer there, or files of it are gone."""

    def __init__(self, differences: list[Difference]) -> None:
        super().__init__("; ".join(difference.text for difference in differences))
        self.differences = differences


@dataclass(slots=True)
class Step:
    """Rows of one table at one version; ``commits`` wrote them, newest first, where these were looked up."""

    table: Table
    version: int
    rows: list[Row]
    settings: Mapping[str, Any]
    commits: list[Commit] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """The step as evidence shows it: what identifies its rows, not the rows themselves."""
        head = {"table": self.table.name, "version": self.version, "rows": len(self.rows)}
        if self.table in IN_BRONZE:
            records = values.in_order(self.rows)
            return {**head, "sha256": values.raw_digest(records), "offsets": list(values.spans(records))}
        key = [column.name for column in self.table.key]
        return {**head, "sha256": values.rows_digest(self.rows, key), "settings": dict(self.settings)}


@dataclass(slots=True)
class Trace:
    """The way back, the row asked for first, and what did not come out as it is stored."""

    steps: list[Step]
    differences: list[Difference]

    @property
    def row(self) -> Row:
        """The row asked for."""
        return self.steps[0].rows[0]


def find(store: Store, subject: Subject, version: int | None, links: Links = LINKS) -> tuple[Table, int, Row]:
    """The row asked for, with its table and version.

    Raises:
        InputError: It is not there, or rows of its table cannot be retraced.
        MissingError: The version is no longer kept.
    """
    if subject.table not in links:
        names = ", ".join(table.name for table in links)
        raise InputError(f"{subject.table.name} cannot be retraced; these can: {names}.")
    for table in (subject.table, subject.otherwise):
        if table and store.exists(table):
            at = store.version(table) if version is None else version
            with _reading(store, table, at):
                found = _collect(_named(store.read(table, at), subject, table))
            if len(found) > 1 and not subject.year:
                tracks = " or ".join(f"segment_id={row['segment_id']}" for row in found)
                raise InputError(f"{subject} names several tracks of one MMSI: add {tracks}.")
            if found:
                return table, at, found[0]
    raise InputError(f"There is no row {subject}. `maritime sql` shows which there are.")


def retrace(
    store: Store, settings: Settings, table: Table, version: int, row: Row, pins: Pins, links: Links = LINKS
) -> Trace:
    """Follow a row back to the raw records and compute it anew from them.

    Args:
        store: The lake.
        settings: Today's; used where nothing says what they were.
        table: Where the row is.
        version: As of which version.
        row: The row.
        pins: Version and settings of each table as evidence has them; empty: they are looked up in the logs.
        links: How rows of each table come about.

    Raises:
        InputError: The way back is not known.
        MissingError: A version or file on the way is gone.
    """
    trace = Trace([], [])
    due = [(table, version, [row])]
    while due:
        table, version, rows = due.pop(0)
        step, inputs = _step(store, settings, table, version, rows, pins, is_end=table not in links)
        trace.steps.append(step)
        if table in links and rows:
            due.extend(_one_back(store, settings, step, links[table], inputs, trace.differences))
    return trace


def _step(
    store: Store, settings: Settings, table: Table, version: int, rows: list[Row], pins: Pins, *, is_end: bool
) -> tuple[Step, Mapping[str, int]]:
    """The step, and the versions of what it rests on."""
    now = told_settings(settings)
    if pins:
        return Step(table, version, rows, pins.get(table.name, {}).get("settings", now)), _versions(pins)
    commits = history(store.path(table), version)
    if table in IN_BRONZE:
        return Step(table, version, rows, now, batches_of(commits, rows)), {}
    if is_end or not rows:
        return Step(table, version, rows, now, [commit for commit in commits if commit.said][:1]), {}
    if table in (t.SILVER_VOYAGES, t.SILVER_EMISSIONS) or table.name.startswith("gold."):
        wrote = [writer(table, commits, row) for row in rows]
        newest = max(wrote, key=lambda commit: commit.version)
        settings_then = newest.said.get("settings", now)
        return Step(table, version, rows, settings_then, _distinct(wrote)), newest.inputs
    batches = batches_of(commits, rows)
    read = next((commit for commit in commits if commit.inputs), None)
    settings_then = next((c.said["settings"] for c in batches if "settings" in c.said), now)
    return Step(table, version, rows, settings_then, batches), read.inputs if read else {}


def _versions(pins: Pins) -> dict[str, int]:
    return {name: int(pin["version"]) for name, pin in pins.items()}


def _distinct(commits: Iterable[Commit]) -> list[Commit]:
    return sorted({commit.version: commit for commit in commits}.values(), key=lambda commit: -commit.version)


def _one_back(
    store: Store, settings: Settings, step: Step, link: Link, versions: Mapping[str, int], into: list[Difference]
) -> Iterator[tuple[Table, int, list[Row]]]:
    """Read what the step's rows rest on, compute them anew, and note what differs; the rows that were read."""
    given: dict[str, DataFrame] = {}
    found: list[tuple[Table, int, list[Row]]] = []
    for table, select in link.needs.items():
        if not store.exists(table) or (versions and table.name not in versions):  # or it was read without it
            given[table.name] = store.spark.createDataFrame([], spark_schema(table))
            continue
        version = versions.get(table.name, store.version(table))
        with _reading(store, table, version):
            given[table.name] = select(store.read(table, version), step.rows).persist()
            found.append((table, version, _collect(given[table.name])))
    rated_by = step.rows[0].get(f.REGULATION_VERSION.name)
    basis = Basis(settings.model_copy(update=dict(step.settings)), regulation_as(rated_by))
    anew = _collect(link.derive(given, step.rows, basis))
    for frame in given.values():
        frame.unpersist()
    into.extend(_compared(step, anew))
    return iter(found)


def _compared(step: Step, anew: list[Row]) -> Iterator[Difference]:
    key = [column.name for column in step.table.key]
    by_key = {values.key_of(row, key): row for row in anew}
    wrong = []
    for row in step.rows:
        named = " ".join(f"{name}={values.plain(row[name])}" for name in key)
        computed = by_key.get(values.key_of(row, key))
        if computed is None:
            wrong.append(f"the row {named} does not come about from what it is said to rest on")
            continue
        for name in values.different(row, computed):
            stored, new = values.plain(row[name]), values.plain(computed.get(name))
            wrong.append(f"{name} of {named} is {stored}, computed anew it is {new}")
    head = f"{step.table.name} version {step.version}"
    for text in wrong[:SHOWN]:
        yield Difference(step.table.name, f"{head}: {text}.")
    if len(wrong) > SHOWN:
        yield Difference(step.table.name, f"{head}: {len(wrong) - SHOWN} more values differ.")


def _named(rows: DataFrame, subject: Subject, table: Table) -> DataFrame:
    for name, value in subject.key.items():
        rows = rows.where(F.col(name).eqNullSafe(F.lit(value)))
    if subject.year:
        day = next(column.name for column in table.key if column.type == "date")
        rows = rows.where(F.year(day) == subject.year).orderBy(F.desc(day))
    return rows.limit(SHOWN)


def _collect(frame: DataFrame) -> list[Row]:
    """By Arrow: instants come in UTC, whatever the machine's own zone is."""
    rows: list[Row] = frame.toArrow().to_pylist()
    return rows


@contextmanager
def _reading(store: Store, table: Table, version: int) -> Iterator[None]:
    """Name what is gone, where a read fails.

    Raises:
        MissingError: The version is no longer kept, or files of it are gone or have another length.
    """
    try:
        log = deltalake.DeltaTable(store.path(table), version=version)
    except DeltaError:
        text = f"Version {version} of {table.name} is no longer kept, or was never there."
        raise MissingError([Difference(table.name, text)]) from None
    try:
        yield
    except (PySparkException, Py4JError) as error:
        head = f"of {table.name} version {version}"
        wrong = damaged_files(log)
        if not wrong:
            text = f"A file {head} cannot be read: {str(error).splitlines()[0]}"
            raise MissingError([Difference(table.name, text)]) from error
        raise MissingError([Difference(file, f"File {file} {head} {what}.") for file, what in wrong.items()]) from None
