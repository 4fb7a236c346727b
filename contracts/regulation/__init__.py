"""The numbers of a regulation, each with its resolution and the day it holds from; the data lies beside this file.

A number is changed by a new row with a later ``valid_from``, never by editing an old one: a year that is over
keeps its figures. CII is a measure of a calendar year, so the rows in force on its first day judge a year.

``adopted_on`` beside it says since when a number is known: `as_known_on` gives the rules as they stood on a day.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

from contracts.errors import ConfigurationError
from contracts.regulation.rows import Dated, in_force, known_from, known_on, number, origin, raw, read

FILES = ("co2_factors", "cii_reference_lines", "cii_reduction", "cii_rating_vectors", "cii_scope")
RATINGS = ("A", "B", "C", "D", "E")
AS_KNOWN_ON = "@"
"""Between the fingerprint of the data and the day, in the version of rules as they were known on it."""


@dataclass(frozen=True, slots=True)
class Co2Factor:
    """Tonnes of CO2 per tonne of one kind of fuel, tank to wake."""

    fuel_kind: str
    co2_t_per_t: float
    resolution: str
    valid_from: date
    adopted_on: date | None = None


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
    adopted_on: date | None = None


@dataclass(frozen=True, slots=True)
class RatingVector:
    """The boundaries between A, B, C, D and E as multiples of the required CII: exp(d) of the guideline."""

    bracket: Bracket
    boundaries: tuple[float, float, float, float]
    resolution: str
    valid_from: date
    adopted_on: date | None = None


@dataclass(frozen=True, slots=True)
class Reduction:
    """How far below the 2019 reference the required CII of a year lies."""

    year: int
    reduction_pct: float
    resolution: str
    valid_from: date
    adopted_on: date | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which ships and years are rated."""

    name: str
    value: float
    resolution: str
    valid_from: date
    adopted_on: date | None = None


@dataclass(frozen=True, slots=True)
class Regulation:
    """Rows of the data files. ``version`` is a fingerprint of their bytes, and ``@`` and the day if cut at one."""

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
        return tuple(sorted({row.resolution for row in self.rows}))

    @property
    def rows(self) -> list[Dated]:
        """Every row, whatever it tells."""
        return [*self.co2_factors, *self.lines, *self.vectors, *self.reductions, *self.scopes]

    @property
    def years(self) -> range:
        """Years that have a reduction factor."""
        years = [row.year for row in self.reductions]
        return range(min(years), max(years) + 1)

    def lines_in(self, year: int) -> list[ReferenceLine]:
        """Reference lines in force on the first day of the year."""
        return in_force(self.lines, date(year, 1, 1), lambda line: line.bracket)

    def vectors_in(self, year: int) -> list[RatingVector]:
        """Rating vectors in force on the first day of the year."""
        return in_force(self.vectors, date(year, 1, 1), lambda vector: vector.bracket)

    def reduction_pct(self, year: int) -> float:
        """Reduction factor Z of the year, in per cent.

        Raises:
            ConfigurationError: None was decided for that year; the data never guesses one.
        """
        for row in in_force(self.reductions, date(year, 1, 1), lambda row: row.year):
            if row.year == year:
                return row.reduction_pct
        raise ConfigurationError(
            f"No CII reduction is decided for {year}: choose days of {self.years[0]} to {self.years[-1]}."
        )

    def scope(self, name: str, year: int) -> float:
        """A number of the regulation's scope, for example ``least_gross_tonnage``."""
        rows = in_force(self.scopes, date(year, 1, 1), lambda row: row.name)
        return next(row.value for row in rows if row.name == name)


@cache
def load_regulation() -> Regulation:
    """Read the data files that ship with the platform."""
    rows = {name: read(name) for name in FILES}
    return Regulation(
        version=hashlib.sha256(b"".join(raw(name) for name in FILES)).hexdigest()[:12],
        co2_factors=tuple(Co2Factor(r["fuel_kind"], float(r["co2_t_per_t"]), *origin(r)) for r in rows["co2_factors"]),
        lines=tuple(
            ReferenceLine(
                _bracket(r),
                r["capacity_unit"],
                number(r["reference_capacity"]),
                float(r["a"]),
                float(r["c"]),
                *origin(r),
            )
            for r in rows["cii_reference_lines"]
        ),
        vectors=tuple(
            RatingVector(_bracket(r), (float(r["d1"]), float(r["d2"]), float(r["d3"]), float(r["d4"])), *origin(r))
            for r in rows["cii_rating_vectors"]
        ),
        reductions=tuple(
            Reduction(int(r["year"]), float(r["reduction_pct"]), *origin(r)) for r in rows["cii_reduction"]
        ),
        scopes=tuple(Scope(r["name"], float(r["value"]), *origin(r)) for r in rows["cii_scope"]),
    )


def as_known_on(day: date, regulation: Regulation | None = None) -> Regulation:
    """The rules as they stood at the end of a day: without what was adopted later.

    Args:
        day: Until when a resolution had to be adopted.
        regulation: What is cut; the data that ship with the platform when unset.

    Raises:
        ConfigurationError: On that day there was no CII yet, or only in resolutions that the data do not hold.
    """
    whole = regulation or load_regulation()
    first = max(min(map(known_from, rows)) for rows in (whole.lines, whole.vectors, whole.reductions, whole.scopes))
    if day < first:
        raise ConfigurationError(f"No CII of {day} is known here: choose {first} or a later day.")
    return replace(
        whole,
        version=f"{whole.version}{AS_KNOWN_ON}{day}",
        co2_factors=known_on(whole.co2_factors, day),
        lines=known_on(whole.lines, day),
        vectors=known_on(whole.vectors, day),
        reductions=known_on(whole.reductions, day),
        scopes=known_on(whole.scopes, day),
    )


def regulation_as(version: str | None) -> Regulation:
    """The rules by which a row with this ``regulation_version`` was rated, from the data that are here now.

    Whether these are the data of then is told by the result: its version is the one asked for, or another.

    Raises:
        ConfigurationError: What stands behind the ``@`` is no day, or one before there was a CII.
    """
    _, _, day = (version or "").partition(AS_KNOWN_ON)
    if not day:
        return load_regulation()
    try:
        return as_known_on(date.fromisoformat(day))
    except ValueError as error:
        raise ConfigurationError(f"Regulation version {version}: {day!r} is not a day.") from error


def _bracket(row: dict[str, str]) -> Bracket:
    return Bracket(row["cii_ship_type"], float(row["capacity_from"]), number(row["capacity_below"]))
