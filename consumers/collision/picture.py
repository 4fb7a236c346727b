"""The last known state of all vessels, as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from consumers.collision.grid import Grid, Ints
from contracts import fields as f
from contracts.ais import MMSI_CLASSES
from contracts.events import AisPosition
from lakehouse.transforms.cpa import Floats, offset_nm

Bools = npt.NDArray[np.bool_]
InHarbour = Callable[[Floats, Floats], Bools]
FIRST_SHIP, LAST_SHIP = next((first, last) for name, first, last in MMSI_CLASSES if name == "ship")
UNDEFINED_STATUS = 15
AHEAD_S = 300.0
"""A report further ahead of its batch than this has a wrong clock; taken, it would hide the vessel's next ones."""


@dataclass(frozen=True, slots=True)
class Positions:
    """Reports as arrays of one length. Speed and course are NaN where not available; time is epoch seconds."""

    mmsi: Ints
    observed_at_s: Floats
    lat_deg: Floats
    lon_deg: Floats
    sog_kn: Floats
    cog_deg: Floats
    nav_status: Ints

    @classmethod
    def of(cls, events: Iterable[AisPosition]) -> Self:
        """Reports as they come off the wire, with the sentinels of AIS made NaN."""
        rows = [
            (e.mmsi, e.observed_at_ms / 1_000, e.lat_deg, e.lon_deg, e.sog_kn, e.cog_deg, e.nav_status) for e in events
        ]
        mmsi, at, lat, lon, sog, cog, status = zip(*rows, strict=True) if rows else ((),) * 7
        return cls(
            np.array(mmsi, np.int64),
            np.array(at, np.float64),
            np.array(lat, np.float64),
            np.array(lon, np.float64),
            _lawful(sog, f.SOG_KN),
            _lawful(cog, f.COG_DEG),
            np.array([UNDEFINED_STATUS if code is None else code for code in status], np.int64),
        )

    def __len__(self) -> int:
        """How many."""
        return len(self.mmsi)

    def take(self, which: Ints | Bools) -> Self:
        """Those of an index or a mask."""
        return replace(self, **{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def with_more(self, others: Positions) -> Self:
        """These and others."""
        both = {
            name.name: np.concatenate((getattr(self, name.name), getattr(others, name.name))) for name in fields(self)
        }
        return replace(self, **both)


def _lawful(values: Iterable[float | None], field: f.Field) -> Floats:
    found = np.array([np.nan if value is None else value for value in values], np.float64)
    return np.where((found >= (field.low or 0)) & (found <= (field.high or np.inf)), found, np.nan)


class Picture:
    """One state per vessel, its newest, sorted by MMSI; vessels that fell silent are forgotten.

    Args:
        silent_after_s: A state older than this is not believed any more.

    Attributes:
        vessels: The states.
        now_s: Event time: the median of the newest batch, never going back.
    """

    def __init__(self, silent_after_s: float) -> None:
        self._silent_after_s = silent_after_s
        self.vessels = Positions.of(())
        self.now_s = -np.inf

    def update(self, batch: Positions) -> Ints:
        """Take in a batch; returns the MMSIs whose state it changed.

        Left out: stations that are no ships, places that are none, stamps ahead of the batch or no newer than known.
        """
        is_ship = (batch.mmsi >= FIRST_SHIP) & (batch.mmsi <= LAST_SHIP)
        batch = batch.take(is_ship & (np.abs(batch.lat_deg) <= 90) & (np.abs(batch.lon_deg) <= 180))
        if not len(batch):
            return batch.mmsi
        self.now_s = max(self.now_s, float(np.median(batch.observed_at_s)))
        newest = _newest(batch.take(batch.observed_at_s <= self.now_s + AHEAD_S))
        changed = newest.take(newest.observed_at_s > self._known_at_s(newest.mmsi))
        kept = self.vessels.take(~np.isin(self.vessels.mmsi, changed.mmsi, kind="sort"))
        both = kept.with_more(changed)
        both = both.take(both.observed_at_s >= self.now_s - self._silent_after_s)
        self.vessels = both.take(np.argsort(both.mmsi))
        return np.asarray(changed.mmsi)

    def index_of(self, mmsi: Ints) -> Ints:
        """Where the vessels are among `vessels`; those that are not there are left out."""
        at = np.minimum(np.searchsorted(self.vessels.mmsi, mmsi), max(len(self.vessels) - 1, 0))
        return at[self.vessels.mmsi[at] == mmsi] if len(self.vessels) else at[:0]

    def _known_at_s(self, mmsi: Ints) -> Floats:
        if not len(self.vessels):
            return np.full(len(mmsi), -np.inf)
        at = np.minimum(np.searchsorted(self.vessels.mmsi, mmsi), len(self.vessels) - 1)
        return np.where(self.vessels.mmsi[at] == mmsi, self.vessels.observed_at_s[at], -np.inf)


def _newest(batch: Positions) -> Positions:
    in_order = batch.take(np.lexsort((batch.observed_at_s, batch.mmsi)))
    return in_order.take(np.append(in_order.mmsi[1:] != in_order.mmsi[:-1], True)) if len(in_order) else in_order


def near_ports(lat_deg: Floats, lon_deg: Floats, reach_nm: float) -> InHarbour:
    """A function that says which places lie within reach of one of these ports; none does for a reach of 0."""
    if reach_nm == 0:
        return lambda lat, _lon: np.zeros(len(lat), np.bool_)
    grid = Grid(lat_deg, lon_deg, reach_nm)

    def in_harbour(lat: Floats, lon: Floats) -> Bools:
        asked, port = grid.near(lat, lon)
        x_nm, y_nm = offset_nm(lat[asked], lon[asked], lat_deg[port], lon_deg[port])
        found = np.zeros(len(lat), np.bool_)
        found[asked[np.hypot(x_nm, y_nm) <= reach_nm]] = True
        return found

    return in_harbour
