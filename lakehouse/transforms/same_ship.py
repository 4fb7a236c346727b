"""Whether a position can be of the ship that was at another place at another time. Numpy only.

A point is a row of five numbers: ``observed_us`` (epoch microseconds), ``lat_deg``, ``lon_deg``, ``sog_kn`` and
``cog_deg``. Speed and course may be NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lakehouse.transforms.cpa import offset_nm

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]

POINT = ("observed_us", "lat_deg", "lon_deg", "sog_kn", "cog_deg")
"""Columns of a point, in their order."""

US_PER_HOUR = 3.6e9
MAX_SILENCE_H = 24.0
"""A longer silence ends a track (``max_hours`` of Global Fishing Watch's gpsdio-segment)."""

SHIP_KN = 25.0
"""Speed that any ship is believed (``max_knots`` of gpsdio-segment)."""

TRUSTED_KN, REPORTED_MARGIN = 30.0, 1.1
"""Fastest reported speed that is trusted, and how much faster a ship may have been in between (``max_speed`` and
``reported_speed_multiplier`` in the example settings of Global Fishing Watch's pipe-segment).
"""

_PENALTY_H = 4.0
_SAME_PLACE_NM, _SHORT_NM = 0.25, 40.0


def discrepancy(before: Floats, after: Floats) -> tuple[Floats, Bools]:
    """How far each point lies from the way that another one foretells, and whether it can be the same ship's.

    The way runs from where the ship was to where its speed and course would have brought it: it may have stopped.
    It is told backwards where ``after`` is the earlier of the two.

    Args:
        before: Points, one a row.
        after: As many points.

    Returns:
        Nautical miles, and True where one ship can have been at both.
    """
    hours = (after[:, 0] - before[:, 0]) / US_PER_HOUR
    east_nm, north_nm = _offset_nm(before, after)
    reach_nm = np.nan_to_num(before[:, 3] * hours)
    course = np.radians(np.nan_to_num(before[:, 4]))
    way_east, way_north = reach_nm * np.sin(course), reach_nm * np.cos(course)
    along = (east_nm * way_east + north_nm * way_north) / np.maximum(reach_nm**2, 1e-12)
    along = np.where(np.isnan(before[:, 4]), 0.0, np.clip(along, 0.0, 1.0))
    off_nm = np.hypot(east_nm - along * way_east, north_nm - along * way_north)
    silence_h = np.abs(hours)
    can_be = _is_near_enough(off_nm, silence_h) | _is_slow_enough(east_nm, north_nm, silence_h, before, after)
    return off_nm, can_be & (silence_h <= MAX_SILENCE_H)


def is_same_place(one: Floats, other: Floats) -> Bools:
    """True where two points are so near that no time is needed from one to the other."""
    near: Bools = np.hypot(*_offset_nm(one, other)) <= _SAME_PLACE_NM
    return near


def penalised_h(hours: Floats) -> Floats:
    """Hours that a ship is believed to have sailed straight: all of a short time, less and less of a long one.

    ``h / (1 + (h / 4) ** 0.5)``: gpsdio-segment, ``compute_penalized_hours``.
    """
    straight: Floats = hours / (1 + np.sqrt(hours / _PENALTY_H))
    return straight


def _is_near_enough(off_nm: Floats, silence_h: Floats) -> Bools:
    """Generous on short distances, where stamps are off by minutes and manoeuvres are sharp.

    Up to 40 nm the speed that is needed may be ``25 kn * (1 + (40 / d) ** 2)``; beyond, 25 kn for the penalised
    hours. The padding of a quarter of an hour that gpsdio-segment adds is left out: the first rule is in its place.
    """
    is_short = (off_nm <= _SHORT_NM) & (off_nm**3 <= SHIP_KN * silence_h * (off_nm**2 + _SHORT_NM**2))
    return (off_nm <= _SAME_PLACE_NM) | is_short | (off_nm <= SHIP_KN * penalised_h(silence_h))


def _is_slow_enough(east_nm: Floats, north_nm: Floats, silence_h: Floats, before: Floats, after: Floats) -> Bools:
    """A ship that reports its speed before or after a silence may have kept it on any course; 25 kn if it is silent
    about that too.
    """
    reported_kn = np.minimum(np.fmax(before[:, 3], after[:, 3]), TRUSTED_KN) * REPORTED_MARGIN
    speed_kn = np.where(np.isnan(reported_kn), SHIP_KN, reported_kn)
    return np.hypot(east_nm, north_nm) <= speed_kn * silence_h


def _offset_nm(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """East and north, on a plane of the mean latitude: good to some percent up to a day's sail."""
    return offset_nm(before[:, 1], before[:, 2], after[:, 1], after[:, 2])
