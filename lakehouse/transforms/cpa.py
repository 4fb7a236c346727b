"""Closest point of approach of pairs of ships, in a plane that touches the earth between them. numpy, whole arrays.

x is east and y north, in nautical miles; speeds are in knots and times in hours. Good for pairs some tens of miles
apart, away from the poles.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
NM_PER_DEG = 60.0
STILL_KN = 1e-6
"""Below this relative speed two ships never get closer."""


def offset_nm(lat_1_deg: Floats, lon_1_deg: Floats, lat_2_deg: Floats, lon_2_deg: Floats) -> tuple[Floats, Floats]:
    """Where the second ship is as seen from the first; longitudes may lie on both sides of the antimeridian."""
    east_deg = (lon_2_deg - lon_1_deg + 180.0) % 360.0 - 180.0
    shrink = np.cos(np.radians((lat_1_deg + lat_2_deg) / 2))
    return east_deg * NM_PER_DEG * shrink, (lat_2_deg - lat_1_deg) * NM_PER_DEG


def velocity_kn(sog_kn: Floats, cog_deg: Floats) -> tuple[Floats, Floats]:
    """Velocity over ground: by course, not by heading, so that current and leeway are in it."""
    course = np.radians(cog_deg)
    return sog_kn * np.sin(course), sog_kn * np.cos(course)


def closest_approach(x_nm: Floats, y_nm: Floats, vx_kn: Floats, vy_kn: Floats) -> tuple[Floats, Floats]:
    """Time to the closest point of approach, and the distance there, from now on.

    Args:
        x_nm: Offset of the second ship from the first, both at one instant.
        y_nm: The same, north.
        vx_kn: Velocity of the second less that of the first.
        vy_kn: The same, north.

    Returns:
        ``tcpa_h``, negative where it is past and NaN where the two move alike; ``dcpa_nm``, the distance at that time,
        or that of now where it is past or there is none.
    """
    square = vx_kn**2 + vy_kn**2
    is_moving = square > STILL_KN**2
    tcpa_h = np.where(is_moving, -(x_nm * vx_kn + y_nm * vy_kn) / np.where(is_moving, square, 1.0), np.nan)
    ahead_h = np.where(is_moving, np.maximum(tcpa_h, 0.0), 0.0)
    return tcpa_h, np.hypot(x_nm + vx_kn * ahead_h, y_nm + vy_kn * ahead_h)
