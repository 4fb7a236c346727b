"""Engine and weather readings of a ship. Levels, slopes and noise are modelled: each ship's sensors differ a
little, a bad batch of fuel looks for some days like wear, and wear shows late. So a model can learn, but not
be perfect.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from producers.twin.config import STEP_S, TwinConfig
from producers.twin.failures import COMPONENTS, STEPS_PER_DAY, wear
from producers.twin.fuel import Burn
from producers.twin.lanes import Floats, lane
from producers.twin.voyages import STEP_H, Track

_RATED_RPM = {"SSD": 90.0, "MSD": 600.0}
_WEATHER_EVERY_STEPS = 6 * 3_600 // STEP_S


def engine_readings(track: Track, burnt: Burn, config: TwinConfig) -> pl.DataFrame:
    """Readings every ``telemetry_s``, stamped at the end of the step that they speak of. One row per
    reading.
    """
    rng = np.random.default_rng([config.seed, 3, track.ship.index])
    every = config.telemetry_s // STEP_S
    at = np.arange(every - 1, config.steps, every)
    load, is_running = burnt.load[at], burnt.load[at] > 0
    worn = {component: wear(track.failures, component, at) for component in COMPONENTS}
    spoilt = _bad_fuel(rng, config)[at]
    own = rng.normal(1, 0.04, 6)

    def noisy(values: Floats, spread: float, digits: int = 2) -> Floats:
        return np.maximum(np.round(values + rng.normal(0, spread, len(at)), digits), 0)

    exhaust = 235 + 60 * load + 140 * load**2 + 45 * worn["injector"] + 60 * worn["turbocharger"] + 30 * spoilt
    coolant = 76 + 7 * load + 12 * worn["cooling_pump"] + 3 * worn["turbocharger"]
    lube_oil = 2.3 + 0.5 * load - 0.9 * worn["bearing"] - 0.1 * worn["cooling_pump"]
    shaking = 1.4 + 2.2 * load + 0.12 * track.wave_m[at] + 3.5 * worn["bearing"] + 1.0 * worn["injector"]
    power = load * track.ship.main_engine_kw
    rated = _RATED_RPM[track.ship.kind.engine_type]
    rows = pl.DataFrame(
        {
            "observed_at_ms": config.start_ms + (at + 1) * STEP_S * 1_000,
            "engine_speed_rpm": np.where(is_running, noisy(rated * np.cbrt(load), 0.004 * rated, 1), 0.0),
            "engine_load_pct": np.where(is_running, np.minimum(noisy(100 * load, 0.8, 1), 110), 0.0),
            "shaft_power_kw": np.where(is_running, noisy(power, 0.006 * track.ship.main_engine_kw, 0), 0.0),
            "fuel_rate_kg_per_h": np.where(is_running, noisy(burnt.main_kg_per_h[at], 8.0, 1), 0.0),
            "exhaust_temperature_c": np.where(is_running, noisy(own[0] * exhaust, 9, 1), noisy(0 * load + 45, 4, 1)),
            "coolant_temperature_c": np.where(is_running, noisy(own[1] * coolant, 1.6, 1), noisy(0 * load + 60, 2, 1)),
            "lube_oil_pressure_bar": np.where(is_running, noisy(own[2] * lube_oil, 0.12), 0.0),
            "vibration_mm_per_s": np.where(is_running, noisy(own[3] * shaking, 0.55), noisy(0 * load + 0.2, 0.05)),
            "running_time_h": _running_h(rng, burnt)[at],
            "draught_m": np.round(track.draught_m[at + 1], 1),
            "sog_kn": np.round(track.step_nm[at] / STEP_H, 1),
        }
    )
    return _with_places(rows, track, at).with_columns(mmsi=pl.lit(track.ship.mmsi, pl.Int64))


def _running_h(rng: np.random.Generator, burnt: Burn) -> Floats:
    return np.round(rng.uniform(500, 12_000) + np.cumsum(burnt.load > 0) * STEP_H, 1)


def _bad_fuel(rng: np.random.Generator, config: TwinConfig) -> Floats:
    """Share by which a bad batch of fuel shows, about one per ship and 60 days, for one to three days."""
    shown = np.zeros(config.steps)
    for _ in range(rng.poisson(config.days / 60)):
        since = int(rng.uniform(0, config.steps))
        shown[since : since + int(rng.uniform(1, 3) * STEPS_PER_DAY)] = rng.uniform(0.3, 1.2)
    return shown


def weather_readings(track: Track, config: TwinConfig) -> pl.DataFrame:
    """What the ship's own instruments say of sea and air, every six hours. One row per reading."""
    rng = np.random.default_rng([config.seed, 4, track.ship.index])
    at = np.arange(_WEATHER_EVERY_STEPS - 1, config.steps, _WEATHER_EVERY_STEPS)
    wave = track.wave_m[at]
    wind = np.maximum(2 + 3.4 * np.sqrt(wave) + rng.normal(0, 1.5, len(at)), 0)
    rows = _with_places(pl.DataFrame({"observed_at_ms": config.start_ms + (at + 1) * STEP_S * 1_000}), track, at)
    sea = 27 - 0.35 * np.maximum(rows["lat_deg"].abs().to_numpy() - 15, 0) + rng.normal(0, 0.5, len(at))
    return rows.with_columns(
        mmsi=pl.lit(track.ship.mmsi, pl.Int64),
        wind_speed_mps=pl.Series(np.round(wind, 1)),
        wind_from_deg=pl.Series(np.round(rng.uniform(0, 359, len(at)), 0)),
        wave_height_m=pl.Series(np.round(wave, 1)),
        wave_period_s=pl.Series(np.round(4.5 + 2.6 * np.sqrt(wave) + rng.normal(0, 0.3, len(at)), 1)),
        sea_temperature_c=pl.Series(np.round(sea, 1)),
        air_temperature_c=pl.Series(np.round(sea + rng.normal(-1, 2, len(at)), 1)),
        pressure_hpa=pl.Series(np.round(1_016 - 4 * (wave - 1.6) + rng.normal(0, 3, len(at)), 1)),
    )


def _with_places(rows: pl.DataFrame, track: Track, at: NDArray[np.int64]) -> pl.DataFrame:
    lat_deg, lon_deg = lane(track.ship.lane).at(track.along_nm[at + 1])
    return rows.with_columns(
        lat_deg=pl.Series(np.round(lat_deg, 5)), lon_deg=pl.Series(np.round((lon_deg + 180) % 360 - 180, 5))
    )
