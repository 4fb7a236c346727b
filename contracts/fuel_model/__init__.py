"""The tables of the Fourth IMO GHG Study 2020 (MEPC 75/7/15) by which fuel is modelled; the data lies beside this file.

Each row names where it was read. Not in that source, and so not here: base consumption of LNG-diesel and
slow-speed LNG-Otto engines, and of pilot fuel.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

FILES = ("base_sfc", "hotel_power", "propulsion", "ship_types")
PHASES = ("berth", "anchored", "manoeuvring", "sea")
"""Operating phases, in the order of the study's table 17."""

HULL_EFFICIENCY = 0.917
"""Fouling of the hull, for all ships (study, equation 8)."""
DRAUGHT_EXPONENT = 2 / 3
"""The study prints 0.66; below 0.5 % apart at half draught."""
LEAST_LOAD = 0.07
"""Below this share of its rating the main engine counts as stopped (study, section 2.2.5)."""
LOAD_CURVE = (0.455, -0.710, 1.280)
"""Consumption over base consumption: a parabola over load, least near 0.78 of the rating."""
NO_HOTEL_BELOW_KW, HOTEL_SHARE_BELOW_KW, HOTEL_SHARE = 150.0, 500.0, 0.05
"""Main engines below the first have no auxiliary load, below the second 5 % of their rating (study, table 17)."""


@dataclass(frozen=True, slots=True)
class BaseSfc:
    """Base specific fuel consumption of an engine and fuel, of engines built in a year or later."""

    engine: str
    fuel_kind: str
    built_from: int
    sfc_g_per_kwh: float
    is_load_dependent: bool
    source: str


@dataclass(frozen=True, slots=True)
class HotelPower:
    """Boiler and auxiliary engine power by phase, as `PHASES`, of ships from a size on."""

    ship_type: str
    size_unit: str
    size_from: float
    boiler_kw: tuple[float, ...]
    auxiliary_kw: tuple[float, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Propulsion:
    """Weather efficiency and speed-power factor of ships from a size on."""

    ship_type: str
    size_from: float
    weather_efficiency: float
    speed_power_factor: float
    source: str


@dataclass(frozen=True, slots=True)
class ShipType:
    """The study's ship type of a type of the register, and its size as a multiple of a column of the register."""

    cii_ship_type: str
    ship_type: str
    size_from_column: str
    size_factor: float
    source: str


@dataclass(frozen=True, slots=True)
class FuelModel:
    """All rows of the data files. ``version`` is a fingerprint of their bytes."""

    version: str
    base_sfc: tuple[BaseSfc, ...]
    hotel_powers: tuple[HotelPower, ...]
    propulsions: tuple[Propulsion, ...]
    ship_types: tuple[ShipType, ...]


@cache
def load_fuel_model() -> FuelModel:
    """Read the data files that ship with the platform."""
    raw = {name: (files(__package__) / f"{name}.csv").read_bytes() for name in FILES}
    rows = {name: list(csv.DictReader(raw[name].decode().splitlines())) for name in FILES}
    return FuelModel(
        version=hashlib.sha256(b"".join(raw.values())).hexdigest()[:12],
        base_sfc=tuple(
            BaseSfc(
                r["engine"], r["fuel_kind"], int(r["built_from"]), float(r["sfc_g_per_kwh"]),
                r["is_load_dependent"] == "true", r["source"],
            )
            for r in rows["base_sfc"]
        ),
        hotel_powers=tuple(
            HotelPower(
                r["ship_type"], r["size_unit"], float(r["size_from"]),
                tuple(float(r[f"boiler_{phase}_kw"]) for phase in PHASES),
                tuple(float(r[f"auxiliary_{phase}_kw"]) for phase in PHASES), r["source"],
            )
            for r in rows["hotel_power"]
        ),
        propulsions=tuple(
            Propulsion(
                r["ship_type"], float(r["size_from"]), float(r["weather_efficiency"]),
                float(r["speed_power_factor"]), r["source"],
            )
            for r in rows["propulsion"]
        ),
        ship_types=tuple(
            ShipType(
                r["cii_ship_type"], r["ship_type"], r["size_from_column"], float(r["size_factor"]), r["source"]
            )
            for r in rows["ship_types"]
        ),
    )  # fmt: skip
