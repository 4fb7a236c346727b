"""AIS reports of a ship: when its transponder speaks, and what it says. Faults come afterwards, in
``faults``.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from producers.twin.config import STEP_S, TwinConfig
from producers.twin.lanes import Floats, course_deg, lane
from producers.twin.voyages import ANCHOR, BERTH, STEP_H, Track

STEP_MS = STEP_S * 1_000
_STATIC_S, _STATIC_THINNED_S = 360, 21_600
_NAV_STATUS = np.array([5, 1, 0, 0])  # moored, at anchor, under way: by phase
_AT_REST_S, _UPRIGHT_S = 180, ((14.0, 10), (23.0, 6), (np.inf, 2))


def class_a_interval_s(phase: NDArray[np.int8], speed_kn: Floats) -> Floats:
    """Seconds between position reports of a class A station: 3 min at rest, else 10, 6 or 2 s by speed.

    ITU-R M.1371, table of reporting intervals; the shorter ones while turning are left out.
    """
    interval = np.select([speed_kn <= limit for limit, _ in _UPRIGHT_S], [seconds for _, seconds in _UPRIGHT_S])
    return np.where((phase == BERTH) | (phase == ANCHOR), _AT_REST_S, interval).astype(float)


def report_times_ms(track: Track, config: TwinConfig, since_ms: int, until_ms: int) -> NDArray[np.int64]:
    """Instants of the position reports from ``since_ms`` up to ``until_ms``.

    A ship's first report is put off by its MMSI, so that not all speak at once, and two that share one do.
    """
    if config.every_s is not None:
        return _regular_ms(track, config, config.every_s, since_ms, until_ms)
    interval = class_a_interval_s(track.phase[:-1], track.step_nm / STEP_H)
    reports = np.append(0.0, np.cumsum(STEP_S / interval)) + track.ship.mmsi % 97 / 97
    edges = config.start_ms + np.arange(config.steps + 1) * STEP_MS
    first, last = np.interp([since_ms, until_ms], edges, reports)
    times = np.interp(np.arange(np.ceil(first), np.ceil(last)), reports, edges)
    return np.unique(times.astype(np.int64))


def _regular_ms(track: Track, config: TwinConfig, every_s: int, since_ms: int, until_ms: int) -> NDArray[np.int64]:
    first_ms = config.start_ms + track.ship.mmsi % every_s * 1_000
    skipped = max(0, -(-(since_ms - first_ms) // (every_s * 1_000)))
    return np.arange(first_ms + skipped * every_s * 1_000, until_ms, every_s * 1_000, dtype=np.int64)


def positions(track: Track, config: TwinConfig, since_ms: int, until_ms: int, rng: np.random.Generator) -> pl.DataFrame:
    """Position reports (AIS message 1), one row per report, in order of time."""
    times = report_times_ms(track, config, since_ms, until_ms)
    step, along = _place(track, config, times)
    phase = track.phase[step]
    is_resting = (phase == BERTH) | (phase == ANCHOR)
    lat_deg, lon_deg = lane(track.ship.lane).at(along)
    course = _course_deg(track, step, along)
    sway = np.where(is_resting, 5e-5, 0.0)  # about 5 m of satellite navigation noise on a ship that lies still
    count = len(times)
    sog = np.where(is_resting, 0.0, track.step_nm[step] / STEP_H) + rng.normal(0, 1, count) * np.where(
        is_resting, 0.04, 0.15
    )
    return pl.DataFrame(
        {
            "mmsi": np.full(count, track.ship.mmsi),
            "observed_at_ms": times,
            "message_type": np.full(count, 1),
            "lat_deg": np.round(lat_deg + rng.normal(0, 1, count) * sway, 5),
            "lon_deg": np.round((lon_deg + rng.normal(0, 1, count) * sway + 180) % 360 - 180, 5),
            "sog_kn": np.round(np.abs(sog), 1),
            "cog_deg": np.round(course + rng.normal(0, 1.5, count), 1) % 360,
            "heading_deg": np.round(course + rng.normal(0, 2, count)) % 360,
            "nav_status": _NAV_STATUS[phase],
        }
    ).with_columns(pl.col("cog_deg").round(1))


def statics(track: Track, config: TwinConfig, since_ms: int, until_ms: int) -> pl.DataFrame:
    """Static and voyage reports (AIS message 5): every 6 minutes, or every 6 hours where positions are
    thinned.
    """
    every_s = _STATIC_S if config.every_s is None else _STATIC_THINNED_S
    times = _regular_ms(track, config, every_s, since_ms, until_ms)
    step, _ = _place(track, config, times)
    ship, ends = track.ship, {voyage.number: voyage.to_locode for voyage in track.voyages}
    count = len(times)
    return pl.DataFrame(
        {
            "mmsi": np.full(count, ship.mmsi),
            "observed_at_ms": times,
            "message_type": np.full(count, 5),
            "imo_number": np.full(count, ship.imo_number),
            "vessel_name": [ship.name] * count,
            "call_sign": [ship.call_sign] * count,
            "ship_type_code": np.full(count, ship.kind.ship_type_code),
            "length_m": np.full(count, ship.length_m),
            "beam_m": np.full(count, ship.beam_m),
            "draught_m": np.round(track.draught_m[step], 1),
            "destination": [ends.get(int(number), "") for number in track.leg[step]],
        },
        schema_overrides={"destination": pl.String, "vessel_name": pl.String, "call_sign": pl.String},
    )


def _place(track: Track, config: TwinConfig, times: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """The step that each instant falls in, and the miles along the lane."""
    step, rest = np.divmod(times - config.start_ms, STEP_MS)
    start, end = track.along_nm[step], track.along_nm[step + 1]
    return step, start + (end - start) * rest / STEP_MS


def _course_deg(track: Track, step: NDArray[np.int64], along: Floats) -> Floats:
    """Course along the lane, backwards on the way back; a ship at rest keeps the course that it came by."""
    way = np.sign(np.diff(track.along_nm))
    last_moving = np.maximum.accumulate(np.where(way != 0, np.arange(len(way)), 0))
    sailed = lane(track.ship.lane)
    lat, lon = sailed.at(np.clip(along - 0.5, 0, sailed.length_nm))
    lat_ahead, lon_ahead = sailed.at(np.clip(along + 0.5, 0, sailed.length_nm))
    return (course_deg(lat, lon, lat_ahead, lon_ahead) + np.where(way[last_moving[step]] < 0, 180, 0)) % 360
