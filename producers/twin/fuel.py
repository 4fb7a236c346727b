"""Fuel burnt, bottom-up as the Fourth IMO GHG Study 2020 (MEPC 75/7/15) reckons it.

Main engine load: study equation 8. Specific fuel consumption: study table 19, for ships built in 2001 or
later (the twin has no older ones), with the study's parabola over load. Auxiliary engines and boilers: study
table 17.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contracts.fields import FUEL_KINDS
from producers.twin.failures import wear
from producers.twin.lanes import Floats
from producers.twin.register import Ship
from producers.twin.voyages import BERTH, STEP_H, Track

LEAST_LOAD = 0.07
"""Below this share of its rating the main engine counts as stopped (study, section 2.2.5)."""

_SFC_MAIN = {
    ("SSD", "hfo"): 175.0, ("SSD", "lfo"): 175.0, ("SSD", "mdo"): 165.0,
    ("MSD", "hfo"): 185.0, ("MSD", "lfo"): 185.0, ("MSD", "mdo"): 175.0, ("MSD", "lng"): 156.0,
}  # fmt: skip
_SFC_AUXILIARY = {"mdo": 185.0, "lng": 156.0}
_SFC_BOILER = {"hfo": 340.0, "lfo": 340.0, "mdo": 320.0, "lng": 285.0}

_Power = tuple[tuple[float, float, float, float], tuple[float, float, float, float]]
_HOTEL_KW: dict[str, tuple[tuple[float, _Power], ...]] = {
    "bulk_carrier": (
        (0, ((70, 70, 60, 0), (110, 180, 500, 190))),
        (35_000, ((130, 130, 120, 0), (150, 250, 680, 260))),
        (60_000, ((260, 260, 240, 0), (240, 400, 1_100, 410))),
    ),
    "tanker": (
        (0, ((500, 100, 100, 0), (250, 250, 375, 250))),
        (5_000, ((750, 150, 150, 0), (375, 375, 560, 375))),
        (20_000, ((2_700, 270, 270, 270), (720, 520, 600, 510))),
        (60_000, ((3_250, 360, 360, 280), (620, 490, 770, 560))),
        (80_000, ((4_000, 400, 400, 280), (800, 640, 910, 690))),
    ),
    "container_ship": (
        (0, ((250, 250, 240, 0), (370, 450, 790, 410))),
        (1_000, ((340, 340, 310, 0), (820, 910, 1_750, 900))),
        (3_000, ((480, 480, 430, 0), (1_100, 1_350, 2_500, 1_400))),
        (5_000, ((590, 580, 550, 0), (1_100, 1_400, 2_800, 1_450))),
        (8_000, ((620, 620, 540, 0), (1_150, 1_600, 2_900, 1_800))),
        (12_000, ((630, 630, 630, 0), (1_300, 1_800, 3_250, 2_050))),
    ),
    "general_cargo_ship": (
        (0, ((0, 0, 0, 0), (90, 50, 180, 60))),
        (5_000, ((110, 110, 100, 0), (240, 130, 490, 180))),
        (10_000, ((150, 150, 130, 0), (720, 370, 1_450, 520))),
    ),
    "gas_carrier": (
        (0, ((1_000, 200, 200, 100), (240, 240, 360, 240))),
        (50_000, ((1_000, 200, 200, 100), (1_700, 1_700, 2_600, 1_700))),
    ),
    "lng_carrier": ((100_000, ((1_500, 300, 300, 150), (2_500, 2_000, 2_300, 2_650))),),
    "vehicle_carrier": ((10_000, ((310, 300, 250, 0), (850, 550, 1_400, 510))),),
    "cruise_passenger_ship": ((60_000, ((1_100, 950, 980, 0), (11_500, 11_500, 14_900, 11_500))),),
}
"""Study table 17, kW: from size; boilers and auxiliary engines, each at berth, anchor, manoeuvring, sea.

Sizes are DWT, but TEU for container ships (deadweight / 12.5, modelled), cubic metres for gas (deadweight /
0.68, LNG / 0.5, modelled) and GT for vehicle carriers and cruise ships.
"""


def engine_load(speed_kn: Floats, draught_m: Floats, ship: Ship, hull: Floats, weather: Floats) -> Floats:
    """Load of the main engine as a share of its rating: study equation 8, capped at 1.

    Args:
        speed_kn: Speed; the ship's service speed belongs to its design draught.
        draught_m: Present draught.
        ship: Whose engine.
        hull: Fouling efficiency; the study takes 0.917 for all.
        weather: Weather efficiency; the study takes 0.867, or 0.909 for small ships.
    """
    speed_correction = 0.7 if ship.kind.cii_ship_type == "cruise_passenger_ship" else 1.0
    draught = (draught_m / ship.design_draught_m) ** (2 / 3)
    speed = (speed_kn / ship.service_speed_kn) ** 3
    return np.minimum(speed_correction * draught * speed / (hull * weather), 1.0)


def sfc_g_per_kwh(base: float, load: Floats) -> Floats:
    """Specific fuel consumption at a load: the study's parabola, least near 0.78 of the rating."""
    return base * (0.455 * load**2 - 0.710 * load + 1.280)


@dataclass(frozen=True, slots=True)
class Burn:
    """Engine load, power and fuel of every step of a track. ``fuel_t`` has the kinds that the ship burns."""

    load: Floats
    main_kg_per_h: Floats
    fuel_t: dict[str, Floats]


def burn(track: Track) -> Burn:
    """What a ship burns in each step."""
    ship, steps = track.ship, np.arange(len(track.step_nm))
    load = engine_load(
        track.step_nm / STEP_H,
        track.draught_m[1:],
        ship,
        _hull_efficiency(ship, steps),
        _weather_efficiency(track),
    )
    load = np.where((track.phase[:-1] == BERTH) | (load < LEAST_LOAD), 0.0, load)
    thirst = 1 + 0.05 * wear(track.failures, "injector", steps) + 0.04 * wear(track.failures, "turbocharger", steps)
    base = _SFC_MAIN[ship.kind.engine_type, ship.fuel_kind]
    main_kg_per_h = ship.main_engine_kw * load * sfc_g_per_kwh(base, load) * thirst / 1_000
    boiler_kw, auxiliary_kw = (np.array(power)[track.phase[:-1]] for power in _hotel_kw(ship))
    auxiliary_kind = "lng" if ship.fuel_kind == "lng" else "mdo"
    fuel = {kind: np.zeros(len(steps)) for kind in FUEL_KINDS if kind in (ship.fuel_kind, auxiliary_kind)}
    fuel[ship.fuel_kind] += (main_kg_per_h + boiler_kw * _SFC_BOILER[ship.fuel_kind] / 1_000) * STEP_H / 1_000
    fuel[auxiliary_kind] += auxiliary_kw * _SFC_AUXILIARY[auxiliary_kind] / 1_000 * STEP_H / 1_000
    return Burn(load, main_kg_per_h, fuel)


def _hull_efficiency(ship: Ship, steps: np.ndarray) -> Floats:
    """Falls from 0.96 by 0.09 per thousand days since cleaning (modelled, about the study's 0.917)."""
    return np.asarray(0.96 - 0.00009 * (ship.hull_days + steps * STEP_H / 24))


def _weather_efficiency(track: Track) -> Floats:
    """The study's value for the ship's size at 2 m of sea, 0.02 less per metre more (slope modelled)."""
    usual = 0.909 if track.ship.dwt_t < 10_000 and track.ship.kind.cii_ship_type in _SMALL else 0.867
    return np.clip(usual + 0.02 * (2 - track.wave_m[1:]), 0.7, 0.95)


_SMALL = ("bulk_carrier", "general_cargo_ship", "tanker")


def _hotel_kw(ship: Ship) -> _Power:
    kind = ship.kind.cii_ship_type
    size = {
        "container_ship": ship.dwt_t / 12.5, "gas_carrier": ship.dwt_t / 0.68,
        "lng_carrier": ship.dwt_t / 0.5,
        "vehicle_carrier": ship.gross_tonnage, "cruise_passenger_ship": ship.gross_tonnage,
    }.get(kind, ship.dwt_t)  # fmt: skip
    return [power for least, power in _HOTEL_KW[kind] if size >= least][-1]
