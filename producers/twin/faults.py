"""Dirt, mixed into clean AIS reports and counted. A report has at most one fault, so that the counts add
up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from producers.twin.config import FaultRates, TwinConfig
from producers.twin.register import Ship

Instants = NDArray[np.int64]
HOUR_MS = 3_600_000

KINDS = (
    "sog_sentinel", "cog_sentinel", "heading_sentinel", "position_sentinel", "overspeed", "bad_mmsi", "late",
    "duplicate", "broken",
)  # fmt: skip
"""Faults of single position reports, in the order of ``Dirty.fault`` (1 up; 0 is a clean report)."""

_BAD_MMSI_BASE = 100_000_000
"""A number that begins with 1, but not with 111, is of no class in ITU-R M.585."""
_BROKEN_LAT_DEG = 97.3
_LATE_FROM_H, _LATE_TO_H = 36, 120


@dataclass(frozen=True, slots=True)
class Silence:
    """A ship is not heard from ``since_ms`` up to ``until_ms``."""

    ship: int
    since_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Dirty:
    """Reports with their faults; ``ship`` is the place in the fleet of who really sent each."""

    rows: pl.DataFrame
    ship: NDArray[np.int64]
    fault: NDArray[np.int64]
    publish_at_ms: Instants

    def where(self, *kinds: str) -> NDArray[np.bool_]:
        """Which reports have one of these faults."""
        return np.isin(self.fault, [KINDS.index(kind) + 1 for kind in kinds])


def silences(ship: Ship, config: TwinConfig) -> list[Silence]:
    """When a ship is not heard: 1 to 18 hours each."""
    rng = np.random.default_rng([config.seed, 5, ship.index])
    found = []
    for _ in range(rng.poisson(config.faults.gaps_per_ship_day * config.days)):
        since_ms = int(rng.integers(config.start_ms, config.end_ms))
        found.append(Silence(ship.index, since_ms, since_ms + int(rng.uniform(1, 18) * HOUR_MS)))
    return found


def is_silent(times: Instants, gaps: list[Silence]) -> NDArray[np.bool_]:
    """Which instants fall into one of the silences."""
    silent = np.zeros(len(times), bool)
    for gap in gaps:
        silent |= (times >= gap.since_ms) & (times < gap.until_ms)
    return silent


def spoil(
    rows: pl.DataFrame,
    ship: NDArray[np.int64],
    sharing: list[int],
    config: TwinConfig,
    rng: np.random.Generator,
) -> Dirty:
    """Draw a fault for some reports and put it in.

    Late ones are never of ships that share an MMSI, nor of the last two days: nothing would come before them.
    """
    times = rows["observed_at_ms"].to_numpy()
    fault = _drawn(len(rows), config.faults, rng)
    can_be_late = (times < config.end_ms - 48 * HOUR_MS) & ~np.isin(ship, sharing)
    fault[(fault == KINDS.index("late") + 1) & ~can_be_late] = 0
    late_ms = (rng.uniform(_LATE_FROM_H, _LATE_TO_H, len(rows)) * HOUR_MS).astype(np.int64)
    publish_at_ms = times + rng.integers(0, 15_000, len(rows))
    publish_at_ms += np.where(fault == KINDS.index("late") + 1, late_ms, 0)
    dirty = Dirty(rows, ship, fault, publish_at_ms)
    return Dirty(_overwritten(dirty, rng), ship, fault, publish_at_ms)


def _drawn(count: int, rates: FaultRates, rng: np.random.Generator) -> NDArray[np.int64]:
    edges = np.cumsum([getattr(rates, kind) for kind in KINDS])
    kind = np.searchsorted(edges, rng.random(count), side="right")
    return np.where(kind < len(KINDS), kind + 1, 0).astype(np.int64)


def _overwritten(dirty: Dirty, rng: np.random.Generator) -> pl.DataFrame:
    """The reports with the values that their faults bring."""

    def put(column: str, kind: str, values: float | NDArray[np.int64]) -> pl.Series:
        return pl.Series(column, np.where(dirty.where(kind), values, new[column]))

    new = {column: dirty.rows[column].to_numpy() for column in dirty.rows.columns}
    fast = np.round(rng.uniform(45, 90, len(dirty.rows)), 1)
    sog = put("sog_kn", "sog_sentinel", 102.3)
    return dirty.rows.with_columns(
        pl.Series("sog_kn", np.where(dirty.where("overspeed"), fast, sog.to_numpy())),
        put("cog_deg", "cog_sentinel", 360.0),
        put("heading_deg", "heading_sentinel", 511.0),
        put("lat_deg", "position_sentinel", 91.0),
        put("lon_deg", "position_sentinel", 181.0),
        put("mmsi", "bad_mmsi", _BAD_MMSI_BASE + dirty.ship),
    )


def resend_at_ms(publish_at_ms: Instants, rng: np.random.Generator) -> Instants:
    """When reports are sent a second time: 1 to 30 minutes later."""
    return publish_at_ms + rng.integers(60_000, 1_800_000, len(publish_at_ms))


def broken_lines(lines: list[str]) -> list[str]:
    """Lines that break the contract: by turns a latitude that no report can have, and a line cut off."""
    return [_with_impossible_lat(text) if i % 2 == 0 else text[: len(text) * 2 // 3] for i, text in enumerate(lines)]


def _with_impossible_lat(text: str) -> str:
    head, _, tail = text.partition('"lat_deg":')
    return f'{head}"lat_deg":{_BROKEN_LAT_DEG},{tail.partition(",")[2]}'


def with_bad_imo(rows: pl.DataFrame, rate: float, rng: np.random.Generator) -> tuple[pl.DataFrame, NDArray[np.bool_]]:
    """Static reports, some with the next check digit instead of the right one."""
    is_bad = rng.random(len(rows)) < rate
    imo = rows["imo_number"].to_numpy()
    wrong = imo // 10 * 10 + (imo % 10 + 1) % 10
    return rows.with_columns(pl.Series("imo_number", np.where(is_bad, wrong, imo))), is_bad
