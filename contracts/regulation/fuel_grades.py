"""The kind of fuel, and with it the CO2 factor, of a fuel that is named by its ISO 8217 grade.

Very low sulphur fuel oil (VLSFO) has no factor of its own: its grade decides, and where nobody noted the grade it is
taken as light fuel oil (3.151 t/t) and said to be assumed. Some take 3.206 instead, the factor of distillate.
"""

from __future__ import annotations

from functools import cache

from contracts.regulation.rows import read

ASSUMED_KIND = "lfo"


@cache
def kinds_by_grade() -> dict[str, str]:
    """Kind of fuel of each grade, as ``RMG``."""
    return {grade: row["fuel_kind"] for row in read("fuel_grades") for grade in row["grades"].split()}


def fuel_kind_of(grade: str | None) -> tuple[str, bool]:
    """Kind of fuel of a grade such as ``RMG 380``, and whether it is assumed, as no grade or an unknown one was given.

    >>> fuel_kind_of("RMG 380"), fuel_kind_of("DMA"), fuel_kind_of(None)
    (('hfo', False), ('mdo', False), ('lfo', True))
    """
    kind = kinds_by_grade().get((grade or "").strip().upper()[:3])
    return (kind, False) if kind else (ASSUMED_KIND, True)
