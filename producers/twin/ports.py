"""Ports of the World Port Index (NGA Pub. 150, public domain), by UN/LOCODE."""

from __future__ import annotations

import csv
import gzip
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from contracts.errors import InputError

_SIZES = ("", "Very Small", "Small", "Medium", "Large")


@dataclass(frozen=True, slots=True)
class Port:
    """A port with a UN/LOCODE. Its position is good to about a mile: it names the harbour, not a berth."""

    locode: str
    name: str
    country: str
    lat_deg: float
    lon_deg: float
    harbor_size: str


@cache
def ports() -> dict[str, Port]:
    """Every port that has a UN/LOCODE; where several share one, the largest harbour, then the lowest
    number.
    """
    raw = files("producers").joinpath("data/ports_wpi.csv.gz").read_bytes()
    rows = csv.DictReader(io.StringIO(gzip.decompress(raw).decode()))
    found: dict[str, Port] = {}
    for row in rows:
        if not row["locode"]:
            continue
        port = Port(
            row["locode"], row["name"], row["country"], float(row["lat_deg"]), float(row["lon_deg"]),
            row["harbor_size"],
        )  # fmt: skip
        known = found.get(port.locode)
        if known is None or _SIZES.index(port.harbor_size) > _SIZES.index(known.harbor_size):
            found[port.locode] = port
    return found


def port(locode: str) -> Port:
    """The port of this UN/LOCODE.

    Raises:
        InputError: The World Port Index has no such port.
    """
    try:
        return ports()[locode]
    except KeyError:
        raise InputError(f"{locode} is no UN/LOCODE of the World Port Index.") from None
