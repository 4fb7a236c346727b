"""Ports of the World Port Index (NGA Pub. 150, public domain)."""

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
    """A port of the index. Its position is good to about a mile: it names the harbour, not a berth.

    ``wpi_number`` is its key, a text since one lies between two numbers (49454.5). ``locode`` (UN/LOCODE) and
    ``harbor_size`` are empty where the index has none.
    """

    wpi_number: str
    locode: str
    name: str
    country: str
    lat_deg: float
    lon_deg: float
    harbor_size: str


@cache
def world_port_index() -> tuple[Port, ...]:
    """Every port of the index, by number."""
    raw = files("contracts").joinpath("reference/world_port_index.csv.gz").read_bytes()
    rows = csv.DictReader(io.StringIO(gzip.decompress(raw).decode()))
    return tuple(
        Port(
            row["wpi_number"], row["locode"], row["name"], row["country"], float(row["lat_deg"]),
            float(row["lon_deg"]), row["harbor_size"],
        )
        for row in rows
    )  # fmt: skip


@cache
def ports() -> dict[str, Port]:
    """Every port that has a UN/LOCODE, by it; where several share one, the largest harbour, then the lowest number."""
    found: dict[str, Port] = {}
    for each in world_port_index():
        known = found.get(each.locode)
        if each.locode and (known is None or _SIZES.index(each.harbor_size) > _SIZES.index(known.harbor_size)):
            found[each.locode] = each
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
