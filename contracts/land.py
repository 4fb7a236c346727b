"""Outlines of the world's land, for maps that people look at: Natural Earth (public domain), simplified."""

from __future__ import annotations

import csv
import gzip
import io
from functools import cache
from importlib.resources import files
from itertools import groupby

Ring = tuple[tuple[float, float], ...]
"""Longitude and latitude of the points of a closed outline, in degrees (WGS84)."""


@cache
def land() -> tuple[Ring, ...]:
    """Every outline: continents, islands of more than about 250 km2, and the great lakes in them.

    Good to about 10 km: it tells where on earth a map is, not whether a place is land.
    """
    raw = files("contracts").joinpath("reference/land.csv.gz").read_bytes()
    rows = csv.DictReader(io.StringIO(gzip.decompress(raw).decode()))
    return tuple(
        tuple((float(row["lon_deg"]), float(row["lat_deg"])) for row in ring)
        for _, ring in groupby(rows, key=lambda row: row["ring"])
    )
