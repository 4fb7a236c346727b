"""The twin's ships: a register sampled from classes.

The ranges of a class are modelled: chosen so that deadweight, tonnage, dimensions, engine and speed fit each
other as they do in ships of that kind, not copied from any list of ships. ``cii_ship_type`` is as
MEPC.353(78) divides ships.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from contracts.ais import IMO_WEIGHTS
from producers.twin.config import SOURCE, TwinConfig
from producers.twin.lanes import distance_nm, lane

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ShipClass:
    """A kind of ship. Ranges run from its smallest to its largest; one size draws all of them together."""

    name: str
    cii_ship_type: str
    ship_type_code: int
    share: float
    dwt_t: Range
    gross_tonnage: Range
    length_m: Range
    beam_m: Range
    draught_m: Range
    main_engine_kw: Range
    service_speed_kn: Range
    engine_type: str
    fuel_kinds: tuple[str, ...]
    lanes: tuple[str, ...]
    berth_h: Range


_RESIDUAL = ("hfo", "hfo", "lfo")  # two in three burn residual fuel (modelled)

CLASSES = (
    ShipClass(
        "handysize bulker", "bulk_carrier", 70, 3,
        (28_000, 38_000), (17_000, 24_000), (169, 180), (27, 30), (9.8, 10.7),
        (5_800, 7_200), (13.5, 14.2), "SSD", _RESIDUAL, ("indian", "coral"), (48, 96),
    ),
    ShipClass(
        "ultramax bulker", "bulk_carrier", 70, 3,
        (52_000, 64_000), (30_000, 36_000), (190, 200), (32.2, 32.3), (12.2, 13.4),
        (8_400, 9_700), (14, 14.5), "SSD", _RESIDUAL, ("coral", "indian"), (48, 96),
    ),
    ShipClass(
        "capesize bulker", "bulk_carrier", 70, 2,
        (170_000, 182_000), (88_000, 95_000), (289, 292), (45, 45), (17.9, 18.4),
        (16_800, 18_700), (14.3, 15), "SSD", _RESIDUAL, ("brazil", "coral"), (48, 96),
    ),
    ShipClass(
        "coastal tanker", "tanker", 80, 2,
        (5_000, 7_500), (3_600, 4_850), (102, 118), (16, 18), (6.4, 7.2),
        (2_600, 3_500), (12.8, 13.5), "MSD", ("mdo",), ("north_sea", "east_med"), (18, 36),
    ),
    ShipClass(
        "product tanker", "tanker", 80, 3,
        (45_000, 50_000), (28_000, 30_000), (180, 184), (32.2, 32.2), (12.2, 13.3),
        (8_600, 9_500), (14.2, 14.8), "SSD", _RESIDUAL, ("us_gulf", "gulf", "south_china"), (30, 48),
    ),
    ShipClass(
        "aframax tanker", "tanker", 80, 2,
        (105_000, 115_000), (57_000, 63_000), (243, 250), (42, 44), (14.8, 15.2),
        (13_000, 14_300), (14.5, 15), "SSD", _RESIDUAL, ("us_gulf", "gulf"), (30, 48),
    ),
    ShipClass(
        "feeder container ship", "container_ship", 71, 3,
        (11_000, 14_000), (9_000, 11_000), (139, 150), (22.5, 23.5), (8.2, 8.8),
        (8_000, 9_600), (17.5, 18.5), "MSD", ("mdo", "lfo"), ("north_sea", "south_china"), (12, 24),
    ),
    ShipClass(
        "panamax container ship", "container_ship", 71, 3,
        (50_000, 67_000), (40_000, 54_000), (260, 294), (32.2, 32.2), (12.5, 13.5),
        (36_000, 49_000), (23, 24.5), "SSD", _RESIDUAL, ("north_atlantic", "east_china"), (18, 36),
    ),
    ShipClass(
        "large container ship", "container_ship", 71, 2,
        (110_000, 150_000), (98_000, 150_000), (335, 366), (45.6, 48.4), (15, 15.5),
        (54_000, 68_000), (23, 24), "SSD", _RESIDUAL, ("north_pacific", "south_china"), (24, 42),
    ),
    ShipClass(
        "coaster", "general_cargo_ship", 70, 3,
        (3_200, 5_200), (2_300, 3_800), (88, 100), (12.8, 14), (5.2, 6.2),
        (1_500, 2_200), (11.5, 12.5), "MSD", ("mdo",), ("west_med", "north_sea", "east_med"), (18, 36),
    ),
    ShipClass(
        "general cargo ship", "general_cargo_ship", 70, 2,
        (9_000, 17_000), (7_000, 12_000), (128, 150), (19, 23), (8, 9.5),
        (4_500, 6_500), (14, 15), "MSD", ("mdo", "lfo"), ("east_med", "west_med"), (24, 60),
    ),
    ShipClass(
        "LNG carrier", "lng_carrier", 84, 1,
        (82_000, 95_000), (100_000, 118_000), (285, 295), (43.4, 46.4), (11.5, 12),
        (24_000, 29_000), (19, 19.8), "MSD", ("lng",), ("us_gulf",), (24, 36),
    ),
    ShipClass(
        "LPG carrier", "gas_carrier", 84, 1,
        (26_000, 55_000), (25_000, 47_000), (180, 226), (29, 36.6), (10.4, 12),
        (9_000, 13_500), (16, 16.8), "SSD", _RESIDUAL, ("us_gulf", "gulf"), (24, 36),
    ),
    ShipClass(
        "vehicle carrier", "vehicle_carrier", 70, 1,
        (18_000, 22_000), (58_000, 75_000), (199, 200), (32.3, 36.5), (9.5, 10.5),
        (13_000, 15_500), (19, 20), "SSD", _RESIDUAL, ("north_pacific", "north_atlantic"), (12, 24),
    ),
    ShipClass(
        "cruise ship", "cruise_passenger_ship", 60, 1,
        (7_000, 11_000), (70_000, 115_000), (270, 300), (32, 37), (7.8, 8.5),
        (40_000, 55_000), (21.5, 22.5), "MSD", ("mdo",), ("west_med", "east_med"), (8, 12),
    ),
)  # fmt: skip
"""Classes with their modelled ranges; ``share`` is the weight in the fleet."""

_MIDS = (219, 235, 244, 248, 257, 311, 353, 477, 538, 563, 636)
"""Denmark, United Kingdom, Netherlands, Malta, Norway, Bahamas, Panama, Hong Kong, Marshall Islands,
Singapore, Liberia (ITU table of maritime identification digits)."""

_FIRST_NAMES = ("Amber", "Boreal", "Cobalt", "Dawn", "Ember", "Fjord", "Golden", "Ivory", "Jade", "Lunar")
_LAST_NAMES = ("Tern", "Petrel", "Osprey", "Gannet", "Plover", "Dunlin", "Curlew", "Fulmar", "Heron")


@dataclass(frozen=True, slots=True)
class Ship:
    """A ship of the twin. ``hull_days`` is how long since the hull was cleaned, at the start."""

    index: int
    imo_number: int
    mmsi: int
    name: str
    call_sign: str
    kind: ShipClass
    dwt_t: float
    gross_tonnage: float
    length_m: float
    beam_m: float
    design_draught_m: float
    main_engine_kw: float
    service_speed_kn: float
    fuel_kind: str
    built_year: int
    lane: str
    hull_days: float

    def register_row(self) -> dict[str, object]:
        """The ship's row of ``silver.ship_register``."""
        return {
            "imo_number": self.imo_number, "mmsi": self.mmsi, "vessel_name": self.name,
            "cii_ship_type": self.kind.cii_ship_type, "dwt_t": self.dwt_t,
            "gross_tonnage": self.gross_tonnage,
            "length_m": self.length_m, "beam_m": self.beam_m, "design_draught_m": self.design_draught_m,
            "engine_type": self.kind.engine_type, "main_engine_kw": self.main_engine_kw,
            "service_speed_kn": self.service_speed_kn, "fuel_kind": self.fuel_kind,
            "built_year": self.built_year,
            "source": SOURCE,
        }  # fmt: skip


def imo_number(first_six: int) -> int:
    """The IMO number that begins with these six digits.

    >>> imo_number(907472)
    9074729
    """
    digits = (int(digit) for digit in str(first_six))
    return first_six * 10 + sum(d * w for d, w in zip(digits, IMO_WEIGHTS, strict=True)) % 10


def fleet(config: TwinConfig) -> list[Ship]:
    """The register, and after it the ships beyond the fleet that send with another ship's MMSI."""
    rng = np.random.default_rng([config.seed, 1])
    count = config.ships + config.faults.shared_mmsi
    shares = np.array([kind.share for kind in CLASSES])
    kinds = rng.choice(len(CLASSES), count, p=shares / shares.sum())
    kinds[: min(count, len(CLASSES))] = np.arange(min(count, len(CLASSES)))  # a small fleet still has every class
    hulls = rng.choice(np.arange(910_000, 990_000), count, replace=False)
    serials = rng.choice(np.arange(100, 9_999), count, replace=False)
    ships = [
        _ship(rng, i, CLASSES[kind], int(hull), int(serial), config.start.year)
        for i, (kind, hull, serial) in enumerate(zip(kinds, hulls, serials, strict=True))
    ]
    return ships[: config.ships] + _doubles(ships, config.ships)


def _doubles(ships: list[Ship], fleet_size: int) -> list[Ship]:
    """The ships beyond the fleet, each with the MMSI of the ship whose lane is farthest from its own."""
    doubles = []
    free = {ship.mmsi: ship.lane for ship in ships[:fleet_size]}
    for ship in ships[fleet_size:]:
        if free:
            mmsi = max(free, key=lambda mmsi: _apart_nm(free[mmsi], ship.lane))
            doubles.append(replace(ship, mmsi=mmsi))
            del free[mmsi]
    return doubles


def _apart_nm(one: str, other: str) -> float:
    """Miles between the middles of two lanes."""
    (lat1, lon1), (lat2, lon2) = (lane(name).at(np.array([lane(name).length_nm / 2])) for name in (one, other))
    return float(distance_nm(lat1, lon1, lat2, lon2)[0])


def _ship(rng: np.random.Generator, index: int, kind: ShipClass, hull: int, serial: int, year: int) -> Ship:
    size = rng.uniform()

    def sized(limits: Range, digits: int) -> float:
        return round(limits[0] + size * (limits[1] - limits[0]), digits)

    mid = int(rng.choice(_MIDS))
    second, first = divmod(index, len(_FIRST_NAMES))
    name = f"{_FIRST_NAMES[first]} {_LAST_NAMES[second % len(_LAST_NAMES)]}"
    return Ship(
        index=index, imo_number=imo_number(hull),
        mmsi=mid * 1_000_000 + serial * 100 + int(rng.integers(100)),
        name=f"TWIN {name} {index}".upper(), call_sign=f"TW{serial:04d}", kind=kind,
        dwt_t=sized(kind.dwt_t, 0), gross_tonnage=sized(kind.gross_tonnage, 0),
        length_m=sized(kind.length_m, 0),
        beam_m=sized(kind.beam_m, 0), design_draught_m=sized(kind.draught_m, 1),
        main_engine_kw=sized(kind.main_engine_kw, 0), service_speed_kn=sized(kind.service_speed_kn, 1),
        fuel_kind=str(rng.choice(kind.fuel_kinds)), built_year=year - int(rng.integers(1, 22)),
        lane=str(rng.choice(kind.lanes)), hull_days=round(float(rng.uniform(0, 900)), 1),
    )  # fmt: skip
