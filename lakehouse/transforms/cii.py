"""Carbon intensity (CII) of MARPOL Annex VI, regulation 28: attained, required, rating.

Deadweight or gross tonnage is a ship's capacity, by its type; the capped capacity of some reference lines never
enters the ship's own transport work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import overload

from pyspark.sql import Column
from pyspark.sql import functions as F

from contracts.regulation import RATINGS, Bracket, ReferenceLine, Regulation

G_PER_T = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Required CII of a ship and year, gCO2 per capacity and nm, and the boundaries between A, B, C, D, E."""

    required: float
    boundaries: tuple[float, ...]


def attained(co2_t: float, capacity: float, distance_nm: float) -> float:
    """Attained CII, gCO2 per capacity and nm (MEPC.352(78)). Neither capacity nor distance may be zero."""
    return co2_t * G_PER_T / (capacity * distance_nm)


@overload
def required(line: ReferenceLine, capacity: float, reduction_pct: float) -> float: ...
@overload
def required(line: ReferenceLine, capacity: Column, reduction_pct: float) -> Column: ...
def required(line: ReferenceLine, capacity: float | Column, reduction_pct: float) -> float | Column:
    """Required CII of a year: the 2019 reference ``a * capacity ** -c`` (MEPC.353(78)) less the reduction.

    Where the line fixes a reference capacity it stands for the ship's own.
    """
    at = capacity if line.reference_capacity is None else capacity * 0 + line.reference_capacity
    return line.a * at ** (-line.c) * (1 - reduction_pct / 100)


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


def capacity_unit(regulation: Regulation, year: int, cii_ship_type: Column) -> Column:
    """``dwt`` or ``gt``, by ship type; null for a type that has no reference line."""
    units = {line.bracket.cii_ship_type: line.capacity_unit for line in regulation.lines_in(year)}
    return F.coalesce(*(F.when(cii_ship_type == name, unit) for name, unit in units.items()))


def cii_required(regulation: Regulation, year: int, cii_ship_type: Column, capacity: Column) -> Column:
    """Required CII of the year for each ship; null where no reference line holds."""
    reduction_pct = regulation.reduction_pct(year)
    return F.coalesce(
        *(
            F.when(_holds(line.bracket, cii_ship_type, capacity), required(line, capacity, reduction_pct))
            for line in regulation.lines_in(year)
        )
    )


def cii_boundaries(
    regulation: Regulation, year: int, cii_ship_type: Column, capacity: Column, required_value: Column
) -> Column:
    """The four boundaries of the year for each ship, as an array; null where nothing is required or no vector holds."""
    return F.coalesce(
        *(
            F.when(
                _holds(vector.bracket, cii_ship_type, capacity) & required_value.isNotNull(),
                F.array(*(F.lit(d) * required_value for d in vector.boundaries)),
            )
            for vector in regulation.vectors_in(year)
        )
    )


def cii_rating(attained_value: Column, boundaries: Column) -> Column:
    """Rating A to E; a value on a boundary gets the better letter; null without a value or boundaries."""
    worst = F.when(attained_value.isNotNull() & boundaries.isNotNull(), RATINGS[-1])
    steps = reversed(list(enumerate(RATINGS[:-1])))
    return reduce(
        lambda worse, step: F.when(attained_value <= boundaries[step[0]], step[1]).otherwise(worse),
        steps,
        worst,
    )


def _holds(bracket: Bracket, cii_ship_type: Column, capacity: Column) -> Column:
    inside = (cii_ship_type == bracket.cii_ship_type) & (capacity >= bracket.capacity_from)
    return inside if bracket.capacity_below is None else inside & (capacity < bracket.capacity_below)
