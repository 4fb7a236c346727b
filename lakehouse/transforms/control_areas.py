"""Whether a position lies in an emission control area that is in force. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

from pyspark.sql import Column
from pyspark.sql import functions as F

from contracts.regulation.emission_control_areas import ControlArea

BAND_DEG = 0.5
"""A position is held against the sides that reach into its band of latitude: a few of the hundreds that there are."""
SIDES = "array<array<struct<valid_from: date, south_deg: double, north_deg: double, lon_deg: double, slope: double>>>"
"""By band from the southernmost on: a side's latitudes, its longitude at the south, and by how much it leans east."""


def is_in_eca(areas: Iterable[ControlArea], lat_deg: Column, lon_deg: Column, day: Column) -> Column:
    """True in an area on or after the first day it holds; false elsewhere and for a null.

    A line due east from a point inside crosses the area's sides an odd number of times. Sides of all areas are counted
    together, which areas that share no water allow. They are straight in latitude and longitude.
    """
    southernmost, bands = _by_band(areas)
    sides = F.get(F.from_json(F.lit(json.dumps(bands)), SIDES), _band(lat_deg) - southernmost)

    def is_crossed(side: Column) -> Column:
        is_between = (lat_deg >= side["south_deg"]) & (lat_deg < side["north_deg"])
        east_of = lon_deg < side["lon_deg"] + (lat_deg - side["south_deg"]) * side["slope"]
        return is_between & east_of & (day >= side["valid_from"])

    return F.coalesce(F.size(F.filter(sides, is_crossed)) % 2 == 1, F.lit(False))


def _band(lat_deg: Column) -> Column:
    return F.floor(lat_deg / BAND_DEG).cast("int")


def _by_band(areas: Iterable[ControlArea]) -> tuple[int, list[list[dict[str, Any]]]]:
    """The southernmost band that a side reaches into, and the sides by band from there on."""
    reach = [(_floor(side["south_deg"]), _floor(side["north_deg"]), side) for area in areas for side in _sides(area)]
    first, last = min(south for south, _, _ in reach), max(north for _, north, _ in reach)
    return first, [[side for south, north, side in reach if south <= band <= north] for band in range(first, last + 1)]


def _floor(lat_deg: float) -> int:
    return math.floor(lat_deg / BAND_DEG)


def _sides(area: ControlArea) -> Iterator[dict[str, Any]]:
    """As `SIDES` has them. No line due east crosses one that runs due east itself."""
    for one, other in pairwise((*area.ring, area.ring[0])):
        (south, lon), (north, other_lon) = sorted((one, other))
        if south < north:
            slope = (other_lon - lon) / (north - south)
            yield {"valid_from": str(area.valid_from), "south_deg": south, "north_deg": north, "lon_deg": lon,
                   "slope": slope}  # fmt: skip
