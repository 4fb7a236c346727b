"""Pairs of vessels that come too close: found in the picture, judged in their context, told once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from consumers.collision.grid import Grid, Ints
from consumers.collision.limits import Limits
from consumers.collision.picture import Bools, InHarbour, Picture, Positions
from contracts.events import Alert, event_id
from lakehouse.transforms.cpa import Floats, closest_approach, offset_nm, velocity_kn

RULE = "collision_risk"
SOURCE = "collision_watch"
AT_ANCHOR, MOORED, AGROUND = 1, 5, 6
TOLD = ("observed_at_s", "lat_deg", "lon_deg", "sog_kn", "cog_deg")
PAIR_BASE = 1_000_000_000
SECONDS_PER_HOUR = 3_600


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of vessels at one instant: indices into the picture, the lower MMSI first."""

    one: Ints
    other: Ints
    key: Ints
    distance_nm: Floats
    speed_kn: Floats
    tcpa_h: Floats
    dcpa_nm: Floats

    def take(self, which: Bools) -> Pairs:
        """Those of a mask."""
        return Pairs(*(getattr(self, name)[which] for name in self.__slots__))


class CollisionWatch:
    """Fed with batches of reports, gives the alerts that they cause.

    Left alone are vessels moored, at anchor, aground or in a harbour, pairs of slow ones, and pairs in company.

    Args:
        limits: What is too close.
        in_harbour: Which places are in a harbour.
    """

    def __init__(self, limits: Limits, in_harbour: InHarbour) -> None:
        self._limits, self._in_harbour = limits, in_harbour
        self.picture = Picture(limits.silent_after_minutes * 60)
        self._together_since: dict[int, float] = {}
        self._told: dict[int, tuple[str, float]] = {}

    def remember(self, told: Iterable[Alert]) -> None:
        """Take up what was told before this watch began, so that it is not told anew."""
        for alert in told:
            one, other = (vessel["mmsi"] for vessel in json.loads(alert.evidence or "")["vessels"])
            told_s = alert.observed_at_ms / 1_000
            if told_s >= self._told.get(one * PAIR_BASE + other, ("", -np.inf))[1]:
                self._told[one * PAIR_BASE + other] = (alert.severity, told_s)

    def fill(self, batch: Positions) -> None:
        """Take in a batch that was judged before: it moves vessels and shows who is in company, and tells nothing."""
        self._are_together(self._moved(batch))

    def see(self, batch: Positions) -> list[Alert]:
        """Take in a batch, and judge the vessels that it moved against all others."""
        pairs = self._moved(batch)
        pairs = pairs.take(~self._are_together(pairs))
        limits = self._limits
        is_ahead = (pairs.tcpa_h >= 0) & (pairs.tcpa_h <= limits.within_minutes / 60)
        risky = pairs.take(is_ahead & (pairs.dcpa_nm <= limits.warn_nm))
        return [alert for at in range(len(risky.key)) if (alert := self._alert(risky, at)) is not None]

    def _moved(self, batch: Positions) -> Pairs:
        """The pairs as they are after a batch."""
        changed = self.picture.update(batch)
        self._forget()
        return self._pairs(changed)

    def _pairs(self, changed: Ints) -> Pairs:
        """Each pair within reach of which the batch moved at least one, both brought to the picture's time."""
        vessels, limits = self.picture.vessels, self._limits
        is_candidate = under_way(vessels)
        candidates = np.flatnonzero(is_candidate)
        at = self.picture.index_of(changed)
        asking = self._at_sea(at[is_candidate[at]])
        grid = Grid(vessels.lat_deg[candidates], vessels.lon_deg[candidates], limits.reach_nm)
        asked, found = grid.near(vessels.lat_deg[asking], vessels.lon_deg[asking])
        a, b = asking[asked], candidates[found]
        is_fast = np.maximum(vessels.sog_kn[a], vessels.sog_kn[b]) >= limits.slow_kn
        a, b = a[is_fast & (a != b)], b[is_fast & (a != b)]
        one, other = np.divmod(np.unique(np.minimum(a, b) * PAIR_BASE + np.maximum(a, b)), PAIR_BASE)
        pairs = approach(vessels, one, other, self.picture.now_s)
        pairs = pairs.take(pairs.distance_nm <= limits.reach_nm)
        at_sea = self._at_sea(np.unique(np.concatenate((pairs.one, pairs.other))))
        return pairs.take(np.isin(pairs.one, at_sea) & np.isin(pairs.other, at_sea))

    def _at_sea(self, which: Ints) -> Ints:
        """Those outside harbours: asked of few, as it costs more than all that goes before."""
        vessels = self.picture.vessels
        return which[~self._in_harbour(vessels.lat_deg[which], vessels.lon_deg[which])]

    def _are_together(self, pairs: Pairs) -> Bools:
        """Pairs in company; remembers since when, and forgets a pair that has parted."""
        limits, now_s = self._limits, self.picture.now_s
        is_close = pairs.distance_nm <= limits.together_nm
        is_alike = is_close & (pairs.speed_kn <= limits.together_kn)
        for key in pairs.key[is_alike].tolist():
            self._together_since.setdefault(key, now_s)
        for key in pairs.key[pairs.distance_nm > 2 * limits.together_nm].tolist():
            self._together_since.pop(key, None)
        long_ago_s = now_s - limits.together_minutes * 60
        since = (self._together_since.get(key, np.inf) for key in pairs.key.tolist())
        return is_alike | (np.fromiter(since, np.float64, len(pairs.key)) <= long_ago_s)

    def _alert(self, pairs: Pairs, at: int) -> Alert | None:
        is_danger = bool(pairs.dcpa_nm[at] <= self._limits.danger_nm)
        severity: Literal["critical", "warning"] = "critical" if is_danger else "warning"
        key, now_s = int(pairs.key[at]), self.picture.now_s
        last, told_s = self._told.get(key, ("", -np.inf))
        is_repeat = abs(now_s - told_s) < self._limits.repeat_minutes * 60
        if is_repeat and (last == severity or last == "critical"):
            return None
        self._told[key] = (severity, now_s)
        slot_s = self._limits.repeat_minutes * 60
        return alert_of(self.picture.vessels, pairs, at, now_s, severity, int(now_s // slot_s * slot_s * 1_000))

    def _forget(self) -> None:
        """What no alert can refer to any more; so memory is bounded by what is near now."""
        oldest_s = self.picture.now_s - 60 * max(self._limits.repeat_minutes, self._limits.silent_after_minutes)
        self._told = {key: told for key, told in self._told.items() if told[1] >= oldest_s}
        if len(self._together_since) > len(self.picture.vessels):
            known = set(self.picture.vessels.mmsi.tolist())
            self._together_since = {
                key: since
                for key, since in self._together_since.items()
                if key // PAIR_BASE in known and key % PAIR_BASE in known
            }


def under_way(vessels: Positions) -> Bools:
    """Vessels with a speed and a course that do not say that they are moored, at anchor or aground."""
    is_known = np.isfinite(vessels.sog_kn) & np.isfinite(vessels.cog_deg)
    return np.asarray(is_known & ~np.isin(vessels.nav_status, (AT_ANCHOR, MOORED, AGROUND)))


def approach(vessels: Positions, one: Ints, other: Ints, now_s: float) -> Pairs:
    """How pairs of vessels stand to each other at an instant, each carried on by its own course and speed."""
    x_nm, y_nm = offset_nm(vessels.lat_deg[one], vessels.lon_deg[one], vessels.lat_deg[other], vessels.lon_deg[other])
    vx_1, vy_1 = velocity_kn(vessels.sog_kn[one], vessels.cog_deg[one])
    vx_2, vy_2 = velocity_kn(vessels.sog_kn[other], vessels.cog_deg[other])
    age_1_h, age_2_h = ((now_s - vessels.observed_at_s[of]) / SECONDS_PER_HOUR for of in (one, other))
    x_nm, y_nm = x_nm + vx_2 * age_2_h - vx_1 * age_1_h, y_nm + vy_2 * age_2_h - vy_1 * age_1_h
    tcpa_h, dcpa_nm = closest_approach(x_nm, y_nm, vx_2 - vx_1, vy_2 - vy_1)
    key = vessels.mmsi[one] * PAIR_BASE + vessels.mmsi[other]
    return Pairs(one, other, key, np.hypot(x_nm, y_nm), np.hypot(vx_2 - vx_1, vy_2 - vy_1), tcpa_h, dcpa_nm)


def alert_of(
    vessels: Positions, pairs: Pairs, at: int, now_s: float, severity: Literal["critical", "warning"], slot_ms: int
) -> Alert:
    """The alert of one pair. ``mmsi`` is the lower of the two; ``evidence`` has both, and what the figures rest on.

    Its id is made of the pair, the severity and ``slot_ms``, not of the instant: which reports are read together is
    another after a restart, and with it the instant at which one approach is found. As a pair is told again only after
    the length of a slot, two alerts of it are never in one.
    """
    both = (int(pairs.one[at]), int(pairs.other[at]))
    one, other = (int(vessels.mmsi[i]) for i in both)
    minutes, dcpa_nm = float(pairs.tcpa_h[at]) * 60, float(pairs.dcpa_nm[at])
    states = [{"mmsi": int(vessels.mmsi[i])} | {name: float(getattr(vessels, name)[i]) for name in TOLD} for i in both]
    evidence = {
        "vessels": states,
        "distance_nm": round(float(pairs.distance_nm[at]), 3),
        "dcpa_nm": round(dcpa_nm, 3),
        "tcpa_minutes": round(minutes, 2),
    }
    payload = f"{RULE} {one} {other} {severity}".encode()
    return Alert(
        event_id=event_id("alert", one, slot_ms, payload),
        source=SOURCE,
        mmsi=one,
        observed_at_ms=int(now_s * 1_000),
        rule=RULE,
        severity=severity,
        message=f"{one} and {other} will pass {dcpa_nm:.2f} nm apart in {minutes:.0f} minutes.",
        evidence=json.dumps(evidence),
        lat_deg=float(vessels.lat_deg[both[0]]),
        lon_deg=float(vessels.lon_deg[both[0]]),
    )
