"""A ship's months: plans, departures, passages, waits and arrivals, step by step.

All figures of behaviour here are modelled: speeds near 0.8 of service speed, sea states from a log-normal
process, causes of delay and their lengths. Positions, reports and fuel are read off the result, so they
agree with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from producers.twin.config import STEP_S, TwinConfig
from producers.twin.failures import Failure, next_failure
from producers.twin.lanes import Floats, lane
from producers.twin.register import Ship

BERTH, ANCHOR, MANOEUVRE, SEA = range(4)
STEPS_PER_H = 3_600 // STEP_S
STEP_H = STEP_S / 3_600

HARBOUR_SPEED_KN = 6.0
HARBOUR_STEPS = STEPS_PER_H
HARBOUR_NM = HARBOUR_SPEED_KN * HARBOUR_STEPS * STEP_H

CAUSES = ("weather", "port congestion", "late cargo", "pilot delay")
_CAUSE_SHARES = (0.35, 0.35, 0.2, 0.1)
TECHNICAL = "technical failure"
_REPORTED_SHARE = 0.9
_ONE_WAY_CARGO = ("bulk_carrier", "tanker", "gas_carrier", "lng_carrier")


@dataclass(frozen=True, slots=True)
class Voyage:
    """A voyage; instants are steps from the start, ``None`` for what has not happened."""

    number: int
    from_locode: str
    to_locode: str
    planned: int
    scheduled_departure: int
    scheduled_arrival: int
    departed: int | None = None
    arrived: int | None = None
    cancelled: int | None = None
    distance_nm: float | None = None
    delay_cause: str | None = None

    @property
    def status(self) -> str:
        """As ``silver.voyages`` names it."""
        if self.cancelled is not None:
            return "cancelled"
        if self.arrived is not None:
            return "arrived"
        return "scheduled" if self.departed is None else "in_progress"


@dataclass(frozen=True, slots=True)
class Track:
    """What a ship did, at every step: miles along its lane, phase, draught and the sea around it."""

    ship: Ship
    along_nm: Floats
    phase: NDArray[np.int8]
    draught_m: Floats
    wave_m: Floats
    leg: NDArray[np.int16]
    voyages: list[Voyage]
    failures: list[Failure]

    @property
    def step_nm(self) -> Floats:
        """Miles sailed in each step."""
        return np.abs(np.diff(self.along_nm))


def sail(ship: Ship, config: TwinConfig) -> Track:
    """The months of one ship. Depends on the seed and the ship's place in the fleet only."""
    return _Sailor(ship, config).sail()


def waves_m(rng: np.random.Generator, steps: int) -> Floats:
    """Significant wave height at each step: a log-normal process with a memory of about a day and a half."""
    hours = steps // STEPS_PER_H + 2
    noise = rng.normal(0, 1, hours)
    state = np.empty(hours)
    level = noise[0]
    for hour in range(hours):
        level = 0.972 * level + math.sqrt(1 - 0.972**2) * noise[hour]
        state[hour] = level
    return np.interp(np.arange(steps + 1) / STEPS_PER_H, np.arange(hours), np.exp(0.45 + 0.5 * state))


def passage(length_nm: float, speed_kn: Floats, anchor_steps: int) -> tuple[Floats, NDArray[np.int8], int]:
    """One passage: miles made after each step, phase of each step, and the steps until the open sea ends.

    Out of harbour at 6 kn for an hour, at sea at ``speed_kn``, at anchor, and in at 6 kn for an hour. When
    ``speed_kn`` (one value per step that the twin still has) runs out first, the passage is cut off there.
    """
    speed = speed_kn.copy()
    speed[:HARBOUR_STEPS] = HARBOUR_SPEED_KN
    made = np.minimum(np.cumsum(speed * STEP_H), length_nm - HARBOUR_NM)
    sea_steps = min(int(np.searchsorted(made, length_nm - HARBOUR_NM)) + 1, len(speed))
    inward = length_nm - HARBOUR_NM + np.arange(1, HARBOUR_STEPS + 1) * HARBOUR_NM / HARBOUR_STEPS
    along = np.concatenate([made[:sea_steps], np.full(anchor_steps, length_nm - HARBOUR_NM), inward])
    phase = np.concatenate(
        [np.full(sea_steps, SEA), np.full(anchor_steps, ANCHOR), np.full(HARBOUR_STEPS, MANOEUVRE)]
    ).astype(np.int8)
    phase[:HARBOUR_STEPS] = MANOEUVRE
    return along, phase, sea_steps


class _Sailor:
    """Walks one ship through its months; holds the arrays while they fill."""

    def __init__(self, ship: Ship, config: TwinConfig) -> None:
        self.ship, self.config, self.steps = ship, config, config.steps
        self.rng = np.random.default_rng([config.seed, 2, ship.index])
        self.lane = lane(ship.lane)
        self.wave_m = waves_m(self.rng, self.steps)
        self.along_nm = np.zeros(self.steps + 1)
        self.phase = np.full(self.steps + 1, BERTH, np.int8)
        self.draught_m = np.zeros(self.steps + 1)
        self.leg = np.zeros(self.steps + 1, np.int16)
        self.is_outbound = bool(self.rng.random() < 0.5)
        self.usual_speed_kn = 0.8 * ship.service_speed_kn * self.rng.uniform(0.96, 1.04)
        self.load_share = self._loaded()
        self.voyages: list[Voyage] = []
        self.failures = [next_failure(self.rng, config, 0, is_first=True)]

    def sail(self) -> Track:
        stay = self._hours(*self.ship.kind.berth_h)
        now, departure = 0, int(stay * self.rng.uniform(0.05, 1)) + 1
        while now < self.steps:
            voyage = self._plan(now, departure)
            if self.rng.random() < self.config.cancelled_share:
                departure = self._cancel(voyage)
                continue
            now = self._sail(voyage, berthed=now)
            departure = now + self._hours(*self.ship.kind.berth_h)
        return Track(
            self.ship,
            self.along_nm,
            self.phase,
            self.draught_m,
            self.wave_m,
            self.leg,
            self.voyages,
            self.failures,
        )

    def _hours(self, low: float, high: float) -> int:
        return int(self.rng.uniform(low, high) * STEPS_PER_H)

    def _loaded(self) -> float:
        """Draught as a share of the design draught; ships of one-way cargo come back in ballast."""
        if self.ship.kind.cii_ship_type not in _ONE_WAY_CARGO:
            return float(self.rng.uniform(0.78, 0.98))
        return float(self.rng.uniform(0.94, 1.0) if self.is_outbound else self.rng.uniform(0.55, 0.66))

    def _plan(self, now: int, departure: int) -> Voyage:
        """Schedule the next voyage at half-hour precision, with some slack for weather."""
        ends = (self.lane.from_locode, self.lane.to_locode)
        sea_h = (self.lane.length_nm - 2 * HARBOUR_NM) / (0.965 * self.usual_speed_kn) + 2
        departure = math.ceil(departure / 6) * 6
        arrival = math.ceil((departure + sea_h * 1.04 * STEPS_PER_H) / 6) * 6
        start, end = ends if self.is_outbound else ends[::-1]
        return Voyage(len(self.voyages) + 1, start, end, now, departure, arrival)

    def _cancel(self, voyage: Voyage) -> int:
        called_off = max(voyage.planned, voyage.scheduled_departure - self._hours(1, 12))
        is_known = called_off < self.steps
        self.voyages.append(replace(voyage, cancelled=called_off if is_known else None))
        return voyage.scheduled_departure + self._hours(12, 48)

    def _sail(self, voyage: Voyage, berthed: int) -> int:
        """Fill the arrays up to the arrival; the step at which the ship is fast again."""
        cause = str(self.rng.choice(CAUSES, p=_CAUSE_SHARES))
        cause = cause if self.rng.random() < self.config.delayed_share else ""
        departed = voyage.scheduled_departure + self._late_start(cause)
        before, self.load_share = self.load_share, self._loaded()
        self._lie(berthed, min(departed, self.steps), before)
        if departed >= self.steps:
            self.voyages.append(voyage)
            return self.steps
        along, phase, is_broken = self._passage(departed, cause)
        arrived = departed + len(along)
        self._fill(departed, along, phase, voyage.number)
        if is_broken:
            cause = TECHNICAL
        is_told = arrived > voyage.scheduled_arrival and self.rng.random() < _REPORTED_SHARE
        is_over = arrived <= self.steps
        self.voyages.append(
            replace(
                voyage, departed=departed, arrived=arrived if is_over else None,
                distance_nm=self.lane.length_nm if is_over else None,
                delay_cause=cause or None if is_told and is_over else None,
            )
        )  # fmt: skip
        self.is_outbound = not self.is_outbound
        return arrived

    def _late_start(self, cause: str) -> int:
        usual = self.rng.exponential(0.3) if self.rng.random() < 0.5 else 0.0
        return int((usual + (2 + self.rng.gamma(2, 5) if cause == "late cargo" else 0)) * STEPS_PER_H)

    def _passage(self, departed: int, cause: str) -> tuple[Floats, NDArray[np.int8], bool]:
        """The passage with its weather, its wait before the port, and the failure if one is due."""
        loss = np.minimum(0.012 * self.wave_m[departed + 1 :] ** 1.3, 0.25)
        speed = self.usual_speed_kn * self.rng.normal(1, 0.01) * (1 - loss)
        if cause == "weather":
            speed *= self.rng.uniform(0.84, 0.95)
        wait_h = {"port congestion": 2 + self.rng.gamma(2, 9), "pilot delay": self.rng.uniform(2, 6)}.get(cause, 0.0)
        if not wait_h and self.rng.random() < 0.2:
            wait_h = self.rng.uniform(0.5, 3)
        anchor_steps = int(wait_h * STEPS_PER_H)
        along, phase, sea_steps = passage(self.lane.length_nm, speed, anchor_steps)
        is_broken = self._break(departed, sea_steps, speed)
        if is_broken:
            along, phase, _ = passage(self.lane.length_nm, speed, anchor_steps)
        return along, phase, is_broken

    def _break(self, departed: int, sea_steps: int, speed: Floats) -> bool:
        """Let the failure that is due happen at sea: under half speed until it is repaired."""
        due = self.failures[-1]
        first, last = departed + 2 * HARBOUR_STEPS, departed + sea_steps - HARBOUR_STEPS
        if due.failed > last or first > last:
            return False
        failed = max(due.failed, first)
        if failed >= self.steps:
            return False
        repaired = failed + due.repaired - due.failed
        speed[failed - departed : repaired - departed] *= 0.45
        self.failures[-1] = replace(due, failed=failed, repaired=repaired)
        self.failures.append(next_failure(self.rng, self.config, repaired, is_first=False))
        return True

    def _lie(self, since: int, until: int, before: float) -> None:
        """At berth: the draught goes from the old load to the new one."""
        here = 0.0 if self.is_outbound else self.lane.length_nm
        stay = slice(since, until + 1)
        self.along_nm[stay] = here
        self.phase[stay] = BERTH
        share = np.linspace(before, self.load_share, until - since + 1)
        self.draught_m[stay] = share * self.ship.design_draught_m
        self.leg[stay] = self.voyages[-1].number if self.voyages else 0

    def _fill(self, departed: int, along: Floats, phase: NDArray[np.int8], number: int) -> None:
        room = self.steps - departed
        made = along[:room]
        sea = slice(departed + 1, departed + 1 + len(made))
        self.along_nm[sea] = made if self.is_outbound else self.lane.length_nm - made
        self.phase[departed : departed + len(made)] = phase[: len(made)]
        self.draught_m[sea] = self.load_share * self.ship.design_draught_m
        self.leg[departed : departed + len(made) + 1] = number
