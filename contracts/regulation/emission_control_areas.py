"""Emission control areas (MARPOL Annex VI, regulation 14), where ships burn fuel of 0.10 % sulphur, as simple rings.

Only the North Sea with the Channel is here, whose limits were read in a text that quotes them. Others exist: the Baltic
Sea, North America, the US Caribbean, the Mediterranean, Canadian Arctic and Norwegian Sea. Their limits are not
verified, so a position in them counts as outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

from contracts.regulation.rows import origin, read


@dataclass(frozen=True, slots=True)
class ControlArea:
    """An area by the corners ``(lat_deg, lon_deg)`` of its ring, which is closed and does not cross 180 degrees.

    ``is_approximate``: at sea its sides are the area's limits, over land they run anywhere.
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
