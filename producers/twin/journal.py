"""What ships tell of their voyages, their fuel and their engines: voyage events, daily fuel reports and
alerts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import polars as pl

from contracts.events import Alert, FuelReport, VoyageEvent
from producers.twin.config import STEP_S, TwinConfig
from producers.twin.failures import COMPONENTS, STEPS_PER_DAY, wear
from producers.twin.fuel import Burn
from producers.twin.lanes import Floats
from producers.twin.voyages import ANCHOR, BERTH, STEP_H, Track, Voyage
from producers.twin.wire import line

STEP_MS = STEP_S * 1_000
Line = tuple[int, str]
"""Instant of publishing and event."""

_ALARM_WEAR, _ALARM_SHARE, _FALSE_ALARM_DAYS = 0.7, 0.7, 60.0
_HEAVY_SEA_M = 6.0
_ALARMS = {
    "bearing": "Main bearing vibration is above its alarm limit.",
    "injector": "Exhaust temperature deviates between cylinders.",
    "turbocharger": "Exhaust temperature after the turbocharger is above its alarm limit.",
    "cooling_pump": "Jacket water temperature is above its alarm limit.",
}


def instant_ms(config: TwinConfig, step: int) -> int:
    """The instant at which a step begins."""
    return config.start_ms + step * STEP_MS


def voyage_id(track: Track, voyage: Voyage) -> str:
    """Id of a voyage as its operator names it."""
    return f"TWIN-{track.ship.imo_number}-{voyage.number:04d}"


def voyage_lines(track: Track, config: TwinConfig) -> Iterator[Line]:
    """Events of a ship's voyages up to the end of the twin: schedule, cancelled or departure, arrival, port
    call.
    """
    for voyage in track.voyages:
        base = {
            "imo_number": track.ship.imo_number, "voyage_id": voyage_id(track, voyage),
            "from_locode": voyage.from_locode, "to_locode": voyage.to_locode,
            "scheduled_departure_at_ms": instant_ms(config, voyage.scheduled_departure),
            "scheduled_arrival_at_ms": instant_ms(config, voyage.scheduled_arrival),
        }  # fmt: skip
        arrival = {"distance_nm": round(voyage.distance_nm or 0.0, 1), "delay_cause": voyage.delay_cause}
        for event_type, step, more in (
            ("schedule", voyage.planned, {}),
            ("cancelled", voyage.cancelled, {}),
            ("departure", voyage.departed, {}),
            ("arrival", voyage.arrived, arrival),
            ("port_call", voyage.arrived, {}),
        ):
            if step is not None and step <= config.steps:
                at_ms = instant_ms(config, step)
                yield at_ms, line(VoyageEvent, event_type, track.ship.mmsi, at_ms, **base, **more)


def fuel_by_day(track: Track, burnt: Burn, config: TwinConfig) -> pl.DataFrame:
    """Fuel by kind, miles and hours by phase; one row per UTC day."""

    def by_day(values: Floats) -> Floats:
        return np.asarray(values.reshape(config.days, STEPS_PER_DAY).sum(axis=1))

    phase = track.phase[:-1]
    anchored_h, berth_h = by_day((phase == ANCHOR) * STEP_H), by_day((phase == BERTH) * STEP_H)
    return pl.DataFrame(
        {
            "mmsi": np.full(config.days, track.ship.mmsi),
            "day": np.arange(config.days),
            "distance_nm": by_day(track.step_nm),
            "underway_h": 24 - anchored_h - berth_h,
            "anchored_h": anchored_h,
            "berth_h": berth_h,
            **{f"fuel_{kind}_t": by_day(tonnes) for kind, tonnes in burnt.fuel_t.items()},
        }
    )


def fuel_lines(track: Track, days: pl.DataFrame, config: TwinConfig) -> Iterator[Line]:
    """A fuel report at the end of each UTC day, in kilograms of precision."""
    departures = [(v.departed, voyage_id(track, v)) for v in track.voyages if v.departed is not None]
    for row in days.drop("mmsi").iter_rows(named=True):
        end = (int(row.pop("day")) + 1) * STEPS_PER_DAY
        current = [name for departed, name in departures if departed < end]
        values = {name: abs(round(value, 1 if name == "distance_nm" else 3)) for name, value in row.items()}
        at_ms = instant_ms(config, end)
        yield at_ms, line(
            FuelReport, "fuel_report", track.ship.mmsi, at_ms, imo_number=track.ship.imo_number,
            voyage_id=current[-1] if current else None, **values,
        )  # fmt: skip


def alert_lines(track: Track, config: TwinConfig) -> Iterator[Line]:
    """Engine alarms before most failures, some false ones, and warnings of heavy seas; at most one a day and
    rule.
    """
    rng = np.random.default_rng([config.seed, 6, track.ship.index])
    days = np.arange(1, config.days) * STEPS_PER_DAY
    for component in COMPONENTS:
        worn = wear(track.failures, component, days)
        is_true = (worn > _ALARM_WEAR) & (rng.random(len(days)) < _ALARM_SHARE)
        is_false = rng.random(len(days)) < 1 / _FALSE_ALARM_DAYS / len(COMPONENTS)
        for step in days[is_true | is_false]:
            yield _alert(track, config, int(step), f"engine_{component}", "critical", _ALARMS[component], {})
    waves = track.wave_m[days]
    for step, wave in zip(days[waves > _HEAVY_SEA_M], waves[waves > _HEAVY_SEA_M], strict=True):
        evidence = {"wave_height_m": round(float(wave), 1)}
        yield _alert(track, config, int(step), "heavy_sea", "warning", "Heavy sea at the ship's position.", evidence)


def _alert(
    track: Track,
    config: TwinConfig,
    step: int,
    rule: str,
    severity: str,
    message: str,
    evidence: dict[str, float],
) -> Line:
    at_ms = instant_ms(config, step)
    text = json.dumps(evidence) if evidence else None
    values = {"rule": rule, "severity": severity, "message": message, "evidence": text}
    return at_ms, line(Alert, "alert", track.ship.mmsi, at_ms, **values)
