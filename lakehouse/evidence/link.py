"""What a link of evidence is: how rows of a table come about from rows of others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import DataFrame

from contracts.regulation import Regulation
from contracts.settings import Settings
from contracts.tables import Table
from lakehouse.evidence.values import Row

Rows = Sequence[Row]
Given = Mapping[str, DataFrame]
"""Rows of tables by the table's name."""
Select = Callable[[DataFrame, Rows], DataFrame]
SelectThrough = Callable[[DataFrame, Rows, Mapping[str, Rows]], DataFrame]


@dataclass(frozen=True, slots=True)
class Basis:
    """What a transform needs beside rows."""

    settings: Settings
    regulation: Regulation


@dataclass(frozen=True, slots=True)
class Link:
    """How rows of a table come about.

    Attributes:
        needs: Per table read, those of its rows that the given rows rest on.
        derive: The rows anew, and perhaps others beside them, from the needed rows by table name.
        through: The same as ``needs`` where other needed rows tell which: it is also given these, by table name.
        same_run: Tables of which the rows are needed as the run that wrote the given rows wrote them, not as it read
            them.
        follow: Of rows needed those whose own way back is followed, where it is not all: the others were looked at,
            and no value comes from them.
    """

    needs: Mapping[Table, Select]
    derive: Callable[[Given, Rows, Basis], DataFrame]
    through: Mapping[Table, SelectThrough] = field(default_factory=dict)
    same_run: frozenset[Table] = frozenset()
    follow: Mapping[Table, Callable[[Given, Rows], DataFrame]] = field(default_factory=dict)

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables whose rows it needs."""
        return (*self.needs, *self.through)
