"""Emission control areas (MARPOL Annex VI, regulation 14), where ships burn fuel of 0.10 % sulphur, as simple rings.

Limits at sea are those of the resolutions, read in the texts that ``eca.csv`` names. Norwegian Sea and Canadian Arctic,
whose limit of sulphur begins on 1 March 2027 (MEPC.392(82)), are not here: their limits were found in no text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from contracts.regulation.rows import origin, read


@dataclass(frozen=True, slots=True)
class ControlArea:
    """An area by the corners ``(lat_deg, lon_deg)`` of its ring, which is closed and does not cross 180 degrees.

    Areas share no water. ``valid_from`` is the first day of 0.10 % sulphur: most were areas before, of 1.00 and 1.50 %,
    which residual fuel has too. ``is_approximate``: at sea its sides are the area's limits, to a mile where these are
    geodesics; over land they run anywhere, so that ports up the rivers are inside.
    """

    area: str
    ring: tuple[tuple[float, float], ...]
    is_approximate: bool
    resolution: str
    valid_from: date
    adopted_on: date | None = None


@cache
def control_areas() -> tuple[ControlArea, ...]:
    """The areas that are known here."""
    corners = read("eca_rings")
    return tuple(
        ControlArea(
            row["area"],
            tuple((float(c["lat_deg"]), float(c["lon_deg"])) for c in corners if c["area"] == row["area"]),
            row["approximate"] == "true",
            *origin(row),
        )
        for row in read("eca")
    )
