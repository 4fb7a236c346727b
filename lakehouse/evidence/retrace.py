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
from lakehouse.evidence.link import Basis, Link
from lakehouse.evidence.links import LINKS
from lakehouse.evidence.subject import Subject
from lakehouse.evidence.values import Row
from lakehouse.provenance import told_settings
from lakehouse.recount.reading import damaged_files
from lakehouse.schema import spark_schema
from lakehouse.store import Store

SHOWN = 5
At = tuple[Table, int]
"""A table at a version."""
Pins = Mapping[tuple[str, int], Mapping[str, Any]]
"""Steps of a document by the name and version of their table."""
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
    """Rows of one table at one version.

    ``commits`` wrote them, newest first, where these were looked up; ``inputs`` are the versions that they rest on.
    """

    table: Table
    version: int
    rows: list[Row]
    settings: Mapping[str, Any]
    commits: list[Commit] = field(default_factory=list)
    inputs: dict[str, int] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """The step as evidence shows it: what identifies its rows, not the rows themselves."""
        inputs = {"inputs": self.inputs} if self.inputs else {}
        head = {"table": self.table.name, "version": self.version, "rows": len(self.rows), **inputs}
        if self.table in IN_BRONZE:
            records = values.in_order(self.rows)
            return {**head, "sha256": values.raw_digest(records), "offsets": list(values.spans(records))}
        key = [column.name for column in self.table.key]
        return {**head, "sha256": values.rows_digest(self.rows, key), "settings": dict(self.settings)}


@dataclass(slots=True)
class Due:
    """Rows of a table at a version that are still to be looked at, by key, and the keys of those to be followed."""

    rows: dict[tuple[Any, ...], Row] = field(default_factory=dict)
    followed: set[tuple[Any, ...]] = field(default_factory=set)

    def add(self, table: Table, rows: Iterable[Row], followed: Iterable[Row]) -> None:
        """More of them; a row that several rest on is one."""
        key = [column.name for column in table.key]
        self.rows.update((values.key_of(row, key), row) for row in rows)
        self.followed.update(values.key_of(row, key) for row in followed)

    @property
    def to_follow(self) -> list[Row]:
        """The rows whose own way back is followed."""
        return [row for key, row in self.rows.items() if key in self.followed]


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
    trace, due, reach = Trace([], []), {(table, version): Due()}, _reach(links)
    due[table, version].add(table, [row], [row])
    while due:
        at = _next(due, reach)
        of, link = due.pop(at), _link(links, pins, at)
        step, inputs = _step(store, settings, at, list(of.rows.values()), pins, link)
        trace.steps.append(step)
        if link and of.followed:
            for needed, rows, followed in _one_back(store, settings, step, of.to_follow, link, inputs, trace):
                due.setdefault((needed, step.inputs[needed.name]), Due()).add(needed, rows, followed)
    return trace


def _link(links: Links, pins: Pins, at: At) -> Link | None:
    """How rows of the table come about; null at the end of a way.

    A document of an earlier release ends at tables that had no link then: it names nothing of what they rest on.
    """
    link, named = links.get(at[0]), {name for name, _ in pins}
    is_told = not pins or "inputs" in pins.get((at[0].name, at[1]), {})
    return link if link and (is_told or any(table.name in named for table in link.tables)) else None


def _reach(links: Links) -> dict[Table, set[Table]]:
    """Per table all tables that its rows rest on, on whatever way."""
    reach: dict[Table, set[Table]] = {}

    def of(table: Table) -> set[Table]:
        if table not in reach:
            needed = links[table].tables if table in links else ()
            reach[table] = set(needed).union(*(of(each) for each in needed))
        return reach[table]

    for table in links:
        of(table)
    return reach


def _next(due: Mapping[At, Due], reach: Mapping[Table, set[Table]]) -> At:
    """The first of which no more rows can come up: a table that several ways lead to is one step."""
    return next(at for at in due if not any(at[0] in reach.get(other, ()) for other, _ in due))


def _step(
    store: Store, settings: Settings, at: At, rows: list[Row], pins: Pins, link: Link | None
) -> tuple[Step, Mapping[str, int]]:
    """The step, and the versions of what it rests on."""
    (table, version), now = at, told_settings(settings)
    if pins:
        pin = pins.get((table.name, version), {})
        return Step(table, version, rows, pin.get("settings", now)), pin.get("inputs") or _versions(pins)
    commits = history(store.path(table), version)
    if table in IN_BRONZE:
        return Step(table, version, rows, now, batches_of(commits, rows)), {}
    if link is None or not rows:
        return Step(table, version, rows, now, [commit for commit in commits if commit.said][:1]), {}
    if table in (t.SILVER_VOYAGES, t.SILVER_EMISSIONS) or table.name.startswith("gold."):
        wrote = [writer(table, commits, row) for row in rows]
        newest = max(wrote, key=lambda commit: commit.version)
        settings_then = newest.said.get("settings", now)
        versions = {**newest.inputs, **_of_same_run(store, link, newest)}
        return Step(table, version, rows, settings_then, _distinct(wrote)), versions
    batches = batches_of(commits, rows)
    read = next((commit for commit in commits if commit.inputs), None)
    settings_then = next((c.said["settings"] for c in batches if "settings" in c.said), now)
    return Step(table, version, rows, settings_then, batches), read.inputs if read else {}


def _of_same_run(store: Store, link: Link, commit: Commit) -> dict[str, int]:
    """Versions that the run of a commit wrote of tables which the link needs so; none of a table left as it was."""
    versions = {}
    for table in link.same_run:
        if store.exists(table) and "run_id" in commit.said:
            log = history(store.path(table), store.version(table))
            for each in log:
                if each.said.get("run_id") == commit.said["run_id"]:
                    versions[table.name] = each.version
    return versions


def _versions(pins: Pins) -> dict[str, int]:
    """Of a document that does not say it step by step."""
    return dict(pins)


def _distinct(commits: Iterable[Commit]) -> list[Commit]:
    return sorted({commit.version: commit for commit in commits}.values(), key=lambda commit: -commit.version)


def _one_back(
    store: Store,
    settings: Settings,
    step: Step,
    rows: list[Row],
    link: Link,
    versions: Mapping[str, int],
    trace: Trace,
) -> Iterator[tuple[Table, list[Row], list[Row]]]:
    """Read what rows of the step rest on, compute them anew, and note what differs.

    Returns:
        Per table read its rows, and those of them whose own way back is followed.
    """
    given: dict[str, DataFrame] = {}
    found: dict[Table, list[Row]] = {}
    for table in link.tables:
        if not store.exists(table) or (versions and table.name not in versions):  # or it was read without it
            given[table.name] = store.spark.createDataFrame([], spark_schema(table))
            continue
        version = versions.get(table.name, store.version(table))
        with _reading(store, table, version):
            given[table.name] = _select(link, table, store.read(table, version), rows, found).persist()
            found[table] = _collect(given[table.name])
        step.inputs[table.name] = version
    rated_by = rows[0].get(f.REGULATION_VERSION.name)
    basis = Basis(settings.model_copy(update=dict(step.settings)), regulation_as(rated_by))
    trace.differences.extend(_compared(step, rows, _collect(link.derive(given, rows, basis))))
    follow = {table: _collect(select(given, rows)) for table, select in link.follow.items() if found.get(table)}
    for frame in given.values():
        frame.unpersist()
    return iter([(table, of_table, follow.get(table, of_table)) for table, of_table in found.items()])


def _select(
    link: Link, table: Table, stored: DataFrame, rows: list[Row], found: Mapping[Table, list[Row]]
) -> DataFrame:
    """The rows of a table that the rows rest on."""
    if table in link.needs:
        return link.needs[table](stored, rows)
    return link.through[table](stored, rows, {other.name: of for other, of in found.items()})


def _compared(step: Step, rows: list[Row], anew: list[Row]) -> Iterator[Difference]:
    key = [column.name for column in step.table.key]
    by_key = {values.key_of(row, key): row for row in anew}
    wrong = []
    for row in rows:
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
