"""Trails: how a reader of a report gets from a figure back to its rows and its rules.

A page has one for each of its sections: a command that gives a figure of it anew, at the version of the table that was
read, and one that follows a row down to its raw records.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from batch_jobs.inputs import Period
from batch_jobs.runs import Run
from contracts.tables import Table

NO_TABLE = "no table yet"


@dataclass(frozen=True, slots=True)
class Trail:
    """Where the figures of a section come from.

    Attributes:
        section: Its anchor.
        title: Its heading.
        tables: Each table with its Delta version.
        figure: What the command gives; empty where no table holds it.
        value: That, as the page was told it.
        command: A command for it.
        evidence: A command that follows a row to its raw records.
        method: How it was reckoned.
        coverage: How much of what there was is known.
        sources: Feeds.
        rule: Which text of which regulation.
    """

    section: str
    title: str
    tables: str
    figure: str
    value: float | None
    command: str
    evidence: str
    method: str
    coverage: str
    sources: str
    rule: str


@dataclass(frozen=True, slots=True)
class Guide:
    """What makes trails of a run's tables."""

    run: Run
    period: Period

    def trail(
        self,
        section: str,
        title: str,
        tables: Sequence[Table],
        *,
        method: str,
        sources: Iterable[str],
        figure: str = "",
        value: float | None = None,
        what: str = "",
        where: str = "",
        source: str = "{0}",
        row: str = "",
        coverage: str = "",
        rule: str = "",
    ) -> Trail:
        """A trail.

        Args:
            section: Anchor of the section.
            title: Its heading.
            tables: What is read, the first as ``{0}``, the next as ``{1}``.
            method: How it was reckoned.
            sources: Feeds, each or several in a list.
            figure: What the command gives.
            value: That, as the page tells it.
            what: SQL of that; ``{period}`` is ``BETWEEN`` its two days, here and in the next two.
            where: Condition in SQL.
            source: What is read from.
            row: Key of a row of the first table, as `maritime evidence` takes it.
            coverage: How much is known.
            rule: Which text of which regulation.
        """
        there = [table for table in tables if self.run.store.exists(table)]
        return Trail(
            section=section,
            title=title,
            tables=", ".join(f"{table.name} version {self.run.version_of(table)}" for table in there) or NO_TABLE,
            figure=figure if value is not None else "",
            value=value,
            command=self._sql(tables, what, source, where) if what and value is not None else "",
            evidence=self._evidence(tables[0], row) if row and self._is_in_lake(tables[0]) else "",
            method=method,
            coverage=coverage,
            sources=listed(sources),
            rule=rule,
        )

    def _sql(self, tables: Sequence[Table], what: str, source: str, where: str) -> str:
        """The command line; a table that stands outside the lake is named by its path."""
        days = f"BETWEEN DATE '{self.period.start_on}' AND DATE '{self.period.end_on}'"
        named = (table.name if self._is_in_lake(table) else self._scan(table) for table in tables)
        words = ["SELECT", what, "FROM", source, *(["WHERE", where] if where else [])]
        text = " ".join(words).format(*named, period=days)
        pins = [f"--at {table.name}={self.run.version_of(table)}" for table in tables if self._is_in_lake(table)]
        return " ".join([f"maritime sql {in_quotes(text)}", *pins])

    def _scan(self, table: Table) -> str:
        return f"delta_scan('{quoted(self.run.store.path(table))}', version => {self.run.version_of(table)})"

    def _evidence(self, table: Table, row: str) -> str:
        return f"maritime evidence {table.path} {row} --version {self.run.version_of(table)}"

    def _is_in_lake(self, table: Table) -> bool:
        return self.run.store.path(table) == f"{self.run.store.root}/{table.path}"


def key_of(row: Mapping[str, Any], *names: str) -> str:
    """Columns of a row as `maritime evidence` takes them."""
    return " ".join(shlex.quote(f"{name}={_plain(row[name])}") for name in names)


def listed(sources: Iterable[str]) -> str:
    """Feeds, each once, by name."""
    return ", ".join(sorted({part.strip() for source in sources if source for part in source.split(",")}))


def literal(value: object) -> str:
    """A text as SQL has it, for the condition of a trail."""
    return "'" + quoted(str(value)).replace("{", "{{").replace("}", "}}") + "'"


def quoted(text: str) -> str:
    """A text between the quotes of SQL."""
    return text.replace("'", "''")


def in_quotes(text: str) -> str:
    r"""A text as one word of a shell's command line, in double quotes, for SQL is full of single ones.

    >>> in_quotes("SELECT '$'")
    '"SELECT \'\\$\'"'
    """
    for mark in '\\"$`':
        text = text.replace(mark, f"\\{mark}")
    return f'"{text}"'


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
