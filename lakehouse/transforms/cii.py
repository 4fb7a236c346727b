"""Carbon intensity (CII) of MARPOL Annex VI, regulation 28: attained, required, rating.

Deadweight or gross tonnage is a ship's capacity, by its type; the capped capacity of some reference lines never
enters the ship's own transport work.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as F

from contracts.regulation import RATINGS, Bracket, RatingVector, ReferenceLine, Regulation

G_PER_T = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Required CII of a ship and year, gCO2 per capacity and nm, and the boundaries between A, B, C, D, E."""

    required: float
    boundaries: tuple[float, ...]


def attained(co2_t: float, capacity: float, distance_nm: float) -> float:
    """Attained CII, gCO2 per capacity and nm (MEPC.352(78)). Neither capacity nor distance may be zero."""
    return co2_t * G_PER_T / (capacity * distance_nm)


def required(line: ReferenceLine, capacity: float, reduction_pct: float) -> float:
    """Required CII of a year: the 2019 reference ``a * capacity ** -c`` (MEPC.353(78)) less the reduction.

    Where the line fixes a reference capacity it stands for the ship's own.
    """
    at = capacity if line.reference_capacity is None else line.reference_capacity
    return float(line.a * at ** (-line.c) * (1 - reduction_pct / 100))


def limits(regulation: Regulation, cii_ship_type: str, capacity: float, year: int) -> Limits | None:
    """What a ship is held to in a year; None for a type that has no reference line.

    Raises:
        ConfigurationError: No reduction factor is decided for the year.
    """
    reduction_pct = regulation.reduction_pct(year)
    line = next((line for line in regulation.lines_in(year) if line.bracket.holds(cii_ship_type, capacity)), None)
    vector = next((row for row in regulation.vectors_in(year) if row.bracket.holds(cii_ship_type, capacity)), None)
    if line is None or vector is None:
        return None
    value = required(line, capacity, reduction_pct)
    return Limits(value, tuple(d * value for d in vector.boundaries))


def rating(attained_value: float, found: Limits) -> str:
    """Rating A to E (MEPC.354(78)); a value on a boundary gets the better letter."""
    above = sum(attained_value > boundary for boundary in found.boundaries)
    return RATINGS[above]


def capacity_unit(regulation: Regulation, year: int) -> Column:
    """``dwt`` or ``gt``, by ``cii_ship_type``; null for a type that has no reference line."""
    units = {line.bracket.cii_ship_type: line.capacity_unit for line in regulation.lines_in(year)}
    return _first((f"cii_ship_type = '{name}'", f"'{unit}'") for name, unit in units.items())


def cii_required(regulation: Regulation, year: int, capacity: str) -> Column:
    """Required CII of the year by ``cii_ship_type`` and the column of capacity; null where no reference line holds."""
    remaining = 1 - regulation.reduction_pct(year) / 100

    def value(line: ReferenceLine) -> str:
        at = capacity if line.reference_capacity is None else f"{line.reference_capacity!r}D"
        return f"{line.a!r}D * power({at}, {-line.c!r}D) * {remaining!r}D"

    return _first((_holds(line.bracket, capacity), value(line)) for line in regulation.lines_in(year))


def cii_boundaries(regulation: Regulation, year: int, capacity: str, required_value: str) -> Column:
    """The four boundaries of the year, as an array; null where nothing is required or no vector holds."""

    def value(vector: RatingVector) -> str:
        return f"array({', '.join(f'{d!r}D * {required_value}' for d in vector.boundaries)})"

    is_known = f"{required_value} IS NOT NULL"
    vectors = regulation.vectors_in(year)
    return _first((f"{_holds(vector.bracket, capacity)} AND {is_known}", value(vector)) for vector in vectors)


def cii_rating(attained_value: Column, boundaries: Column) -> Column:
    """Rating A to E; a value on a boundary gets the better letter; null without a value or boundaries."""
    worst = F.when(attained_value.isNotNull() & boundaries.isNotNull(), RATINGS[-1])
    steps = reversed(list(enumerate(RATINGS[:-1])))
    return reduce(
        lambda worse, step: F.when(attained_value <= boundaries[step[0]], step[1]).otherwise(worse),
        steps,
        worst,
    )


def _holds(bracket: Bracket, capacity: str) -> str:
    inside = f"cii_ship_type = '{bracket.cii_ship_type}' AND {capacity} >= {float(bracket.capacity_from)!r}D"
    below = bracket.capacity_below
    return inside if below is None else f"{inside} AND {capacity} < {float(below)!r}D"


def _first(cases: Iterable[tuple[str, str]]) -> Column:
    """The value of the first case that holds, both in SQL.

    A text and not a tree of columns: each node of that is a question to Spark, and of these there were 44,000 a report.
    """
    return F.expr(f"CASE {' '.join(f'WHEN {holds} THEN {value}' for holds, value in cases)} END")
