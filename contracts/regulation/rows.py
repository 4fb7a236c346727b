"""Rows of the data files beside this one: read, told apart by their day of force, cut at what was known on a day."""

from __future__ import annotations

import csv
from collections.abc import Callable, Hashable, Iterable
from datetime import date
from importlib.resources import files
from typing import Protocol, TypeVar


class Dated(Protocol):
    """A number with its origin."""

    @property
    def resolution(self) -> str:
        """What decided it."""

    @property
    def valid_from(self) -> date:
        """First day it holds on."""

    @property
    def adopted_on(self) -> date | None:
        """Day of the resolution, or the last day of its session; None where neither is known."""


Row = TypeVar("Row", bound=Dated)


def raw(name: str) -> bytes:
    """Bytes of a data file."""
    return (files(__package__) / f"{name}.csv").read_bytes()


def read(name: str) -> list[dict[str, str]]:
    """Rows of a data file, as text."""
    return list(csv.DictReader(raw(name).decode().splitlines()))


def origin(row: dict[str, str]) -> tuple[str, date, date | None]:
    """Resolution, first day of force and day of adoption."""
    adopted_on = date.fromisoformat(row["adopted_on"]) if row["adopted_on"] else None
    return row["resolution"], date.fromisoformat(row["valid_from"]), adopted_on


def number(text: str) -> float | None:
    """The number; None for an empty cell."""
    return float(text) if text else None


def known_from(row: Dated) -> date:
    """First day on which the number was known: without a day of adoption, the first day of force at the latest."""
    return row.adopted_on or row.valid_from


def known_on(rows: Iterable[Row], day: date) -> tuple[Row, ...]:
    """Rows that were known at the end of a day."""
    return tuple(row for row in rows if known_from(row) <= day)


def in_force(rows: Iterable[Row], day: date, key: Callable[[Row], Hashable]) -> list[Row]:
    """Per key the row in force on a day; of two that hold from one day, the one adopted later."""
    in_order = sorted(rows, key=lambda row: (row.valid_from, known_from(row)))
    return list({key(row): row for row in in_order if row.valid_from <= day}.values())
