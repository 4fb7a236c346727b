"""Sea lanes between ports, and where a ship is after so many miles along one.

Lanes come from ``searoute`` (a network of ship lanes; good for distance and looks, not for navigation).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import searoute
from numpy.typing import NDArray

from contracts.ports import port

Floats = NDArray[np.float64]

EARTH_RADIUS_NM = 3440.065
"""Mean radius 6371.0088 km in nautical miles."""

LANES: dict[str, tuple[str, str]] = {
    "north_atlantic": ("USNYC", "NLRTM"),
    "east_china": ("CNSGH", "JPTYO"),
    "south_china": ("SGKEP", "HKHKG"),
    "gulf": ("AEJEA", "INBOM"),
    "us_gulf": ("USHOU", "NLRTM"),
    "brazil": ("BRTUB", "NLRTM"),
    "coral": ("AUNTL", "CNQIN"),
    "north_sea": ("NLRTM", "SEGOT"),
    "west_med": ("ESBCN", "ITGOA"),
    "east_med": ("GRPIR", "EGALY"),
    "north_pacific": ("JPYOK", "USLAX"),
    "indian": ("ZADUR", "INBOM"),
}
"""The pairs of ports that the fleet serves; few, so that a route is sailed often enough to compare its
voyages.
"""


@dataclass(frozen=True, slots=True)
class Lane:
    """A sea lane as points at most ``_SPACING_NM`` apart; ``lon_deg`` runs on past 180 so that it has no
    jump.
    """

    from_locode: str
    to_locode: str
    along_nm: Floats
    lat_deg: Floats
    lon_deg: Floats

    @property
    def length_nm(self) -> float:
        """Length from port to port."""
        return float(self.along_nm[-1])

    def at(self, along_nm: Floats) -> tuple[Floats, Floats]:
        """Latitude and longitude (unwrapped) after so many miles."""
        return np.interp(along_nm, self.along_nm, self.lat_deg), np.interp(along_nm, self.along_nm, self.lon_deg)


_SPACING_NM = 5.0


@cache
def lane(name: str) -> Lane:
    """The lane of this name in ``LANES``, from its first port to its second."""
    start, end = (port(locode) for locode in LANES[name])
    found = searoute.searoute(
        [start.lon_deg, start.lat_deg], [end.lon_deg, end.lat_deg], units="naut", append_orig_dest=True
    )
    points = np.array(found["geometry"]["coordinates"], dtype=float)
    lon_deg = np.rad2deg(np.unwrap(np.deg2rad(points[:, 0])))
    lat_deg = points[:, 1]
    is_new = np.append(True, distance_nm(lat_deg[:-1], lon_deg[:-1], lat_deg[1:], lon_deg[1:]) > 0)
    lat_deg, lon_deg = _densified(lat_deg[is_new], lon_deg[is_new])
    legs = distance_nm(lat_deg[:-1], lon_deg[:-1], lat_deg[1:], lon_deg[1:])
    return Lane(start.locode, end.locode, np.append(0.0, np.cumsum(legs)), lat_deg, lon_deg)


def _densified(lat_deg: Floats, lon_deg: Floats) -> tuple[Floats, Floats]:
    """More points on the same line, since miles per degree of longitude change with latitude."""
    legs = distance_nm(lat_deg[:-1], lon_deg[:-1], lat_deg[1:], lon_deg[1:])
    index = np.arange(len(lat_deg))
    counts = np.maximum(1, np.ceil(legs / _SPACING_NM)).astype(int)
    fine = np.concatenate([i + np.arange(n) / n for i, n in enumerate(counts)] + [index[-1:]])
    return np.interp(fine, index, lat_deg), np.interp(fine, index, lon_deg)


def distance_nm(lat1_deg: Floats, lon1_deg: Floats, lat2_deg: Floats, lon2_deg: Floats) -> Floats:
    """Great-circle distance on the sphere (haversine)."""
    lat1, lon1, lat2, lon2 = (np.deg2rad(angle) for angle in (lat1_deg, lon1_deg, lat2_deg, lon2_deg))
    half = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_NM * np.arcsin(np.sqrt(half)))


def course_deg(lat1_deg: Floats, lon1_deg: Floats, lat2_deg: Floats, lon2_deg: Floats) -> Floats:
    """Course of a short leg from true north, 0 up to 360."""
    north = lat2_deg - lat1_deg
    east = (lon2_deg - lon1_deg) * np.cos(np.deg2rad((lat1_deg + lat2_deg) / 2))
    return np.asarray(np.rad2deg(np.arctan2(east, north)) % 360)
