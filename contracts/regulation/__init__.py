"""The numbers of a regulation, each with its resolution and the day it holds from; the data lies beside this file.

A number is changed by a new row with a later ``valid_from``, never by editing an old one: a year that is over
keeps its figures. CII is a measure of a calendar year, so the rows in force on its first day judge a year.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Protocol, TypeVar

from contracts.errors import ConfigurationError

FILES = ("co2_factors", "cii_reference_lines", "cii_reduction", "cii_rating_vectors", "cii_scope")
RATINGS = ("A", "B", "C", "D", "E")


class _Dated(Protocol):
    @property
    def valid_from(self) -> date: ...

    @property
    def resolution(self) -> str: ...


_Row = TypeVar("_Row", bound=_Dated)


@dataclass(frozen=True, slots=True)
class Co2Factor:
    """Tonnes of CO2 per tonne of one kind of fuel, tank to wake."""

    fuel_kind: str
    co2_t_per_t: float
    resolution: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class Bracket:
    """A ship type and a range of its capacity, ``[capacity_from, capacity_below)``; None is no upper bound."""

    cii_ship_type: str
    capacity_from: float
    capacity_below: float | None

    def holds(self, cii_ship_type: str, capacity: float) -> bool:
        """Whether a ship of this type and capacity belongs here."""
        is_below = self.capacity_below is None or capacity < self.capacity_below
        return cii_ship_type == self.cii_ship_type and self.capacity_from <= capacity and is_below


@dataclass(frozen=True, slots=True)
class ReferenceLine:
    """The 2019 reference ``a * capacity ** -c``; a ``reference_capacity`` replaces the ship's own here only."""

    bracket: Bracket
    capacity_unit: str
    reference_capacity: float | None
    a: float
    c: float
    resolution: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class RatingVector:
    """The boundaries between A, B, C, D and E as multiples of the required CII: exp(d) of the guideline."""

    bracket: Bracket
    boundaries: tuple[float, float, float, float]
    resolution: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class Reduction:
    """How far below the 2019 reference the required CII of a year lies."""

    year: int
    reduction_pct: float
    resolution: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class Scope:
    """Which ships and years are rated."""

    name: str
    value: float
    resolution: str
    valid_from: date


@dataclass(frozen=True, slots=True)
class Regulation:
    """All rows of the data files. ``version`` is a fingerprint of their bytes."""

    version: str
    co2_factors: tuple[Co2Factor, ...]
    lines: tuple[ReferenceLine, ...]
    vectors: tuple[RatingVector, ...]
    reductions: tuple[Reduction, ...]
    scopes: tuple[Scope, ...]

    @property
    def cii_ship_types(self) -> tuple[str, ...]:
        """Ship types that have a reference line."""
        return tuple(sorted({line.bracket.cii_ship_type for line in self.lines}))

    @property
    def resolutions(self) -> tuple[str, ...]:
        """Every resolution that a number here comes from."""
        rows: list[_Dated] = [*self.co2_factors, *self.lines, *self.vectors, *self.reductions, *self.scopes]
        return tuple(sorted({row.resolution for row in rows}))

    @property
    def years(self) -> range:
        """Years that have a reduction factor."""
        years = [row.year for row in self.reductions]
        return range(min(years), max(years) + 1)

    def lines_in(self, year: int) -> list[ReferenceLine]:
        """Reference lines in force on the first day of the year."""
        return _in_force(self.lines, year, lambda line: line.bracket)

    def vectors_in(self, year: int) -> list[RatingVector]:
        """Rating vectors in force on the first day of the year."""
        return _in_force(self.vectors, year, lambda vector: vector.bracket)

    def reduction_pct(self, year: int) -> float:
        """Reduction factor Z of the year, in per cent.

        Raises:
            ConfigurationError: None was decided for that year; the data never guesses one.
        """
        for row in _in_force(self.reductions, year, lambda row: row.year):
            if row.year == year:
                return row.reduction_pct
        raise ConfigurationError(
            f"No CII reduction is decided for {year}: choose days of {self.years[0]} to {self.years[-1]}."
        )

    def scope(self, name: str, year: int) -> float:
        """A number of the regulation's scope, for example ``least_gross_tonnage``."""
        return next(row.value for row in _in_force(self.scopes, year, lambda row: row.name) if row.name == name)


def _in_force(rows: Iterable[_Row], year: int, key: Callable[[_Row], Hashable]) -> list[_Row]:
    by_key = {
        key(row): row for row in sorted(rows, key=lambda row: row.valid_from) if row.valid_from <= date(year, 1, 1)
    }
    return list(by_key.values())


@cache
def load_regulation() -> Regulation:
    """Read the data files that ship with the platform."""
    raw = {name: (files(__package__) / f"{name}.csv").read_bytes() for name in FILES}
    rows = {name: list(csv.DictReader(raw[name].decode().splitlines())) for name in FILES}
    return Regulation(
        version=hashlib.sha256(b"".join(raw.values())).hexdigest()[:12],
        co2_factors=tuple(Co2Factor(r["fuel_kind"], float(r["co2_t_per_t"]), *_origin(r)) for r in rows["co2_factors"]),
        lines=tuple(
            ReferenceLine(
                _bracket(r),
                r["capacity_unit"],
                _number(r["reference_capacity"]),
                float(r["a"]),
                float(r["c"]),
                *_origin(r),
            )
            for r in rows["cii_reference_lines"]
        ),
        vectors=tuple(
            RatingVector(_bracket(r), (float(r["d1"]), float(r["d2"]), float(r["d3"]), float(r["d4"])), *_origin(r))
            for r in rows["cii_rating_vectors"]
        ),
        reductions=tuple(
            Reduction(int(r["year"]), float(r["reduction_pct"]), *_origin(r)) for r in rows["cii_reduction"]
        ),
        scopes=tuple(Scope(r["name"], float(r["value"]), *_origin(r)) for r in rows["cii_scope"]),
    )


def _bracket(row: dict[str, str]) -> Bracket:
    return Bracket(row["cii_ship_type"], float(row["capacity_from"]), _number(row["capacity_below"]))


def _origin(row: dict[str, str]) -> tuple[str, date]:
    return row["resolution"], date.fromisoformat(row["valid_from"])


def _number(text: str) -> float | None:
    return float(text) if text else None
