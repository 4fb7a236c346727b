"""Whether a position lies in an emission control area that is in force. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise

from pyspark.sql import Column
from pyspark.sql import functions as F

from contracts.regulation.emission_control_areas import ControlArea


def is_in_eca(areas: Iterable[ControlArea], lat_deg: Column, lon_deg: Column, day: Column) -> Column:
    """True in an area on or after the first day it holds; false elsewhere and for a null."""
    held = (
        (day >= F.lit(area.valid_from)) & _in_box(area.ring, lat_deg, lon_deg) & is_inside(area.ring, lat_deg, lon_deg)
        for area in areas
    )
    return F.coalesce(reduce(Column.__or__, held, F.lit(False)), F.lit(False))


def is_inside(ring: Sequence[tuple[float, float]], lat_deg: Column, lon_deg: Column) -> Column:
    """Whether a point is inside a ring of corners: a line due east crosses its sides an odd number of times.

    Sides are straight in latitude and longitude, as the limits of such areas are.
    """
    crossings = (_crosses(side, lat_deg, lon_deg) for side in pairwise((*ring, ring[0])))
    return reduce(Column.__add__, (crossing.cast("int") for crossing in crossings)) % 2 == 1


def _crosses(side: tuple[tuple[float, float], tuple[float, float]], lat_deg: Column, lon_deg: Column) -> Column:
    (lat_1, lon_1), (lat_2, lon_2) = side
    if lat_1 == lat_2:
        return F.lit(False)
    is_between = (lat_deg >= min(lat_1, lat_2)) & (lat_deg < max(lat_1, lat_2))
    return is_between & (lon_deg < (lat_deg - lat_1) * ((lon_2 - lon_1) / (lat_2 - lat_1)) + lon_1)


def _in_box(ring: Sequence[tuple[float, float]], lat_deg: Column, lon_deg: Column) -> Column:
    """Cheap, and false for nearly every position of the world."""
    lats, lons = zip(*ring, strict=True)
    return lat_deg.between(min(lats), max(lats)) & lon_deg.between(min(lons), max(lons))
