"""Which of a vessel's open segments a position joins, and what the segment is afterwards. Numpy only.

A grid holds the vessels of a step, one a row, with the open segments of each in slots: ``open_segments.COLUMNS`` and
``SERIAL``. A step has one point for each vessel.
"""

from __future__ import annotations

import numpy as np

from lakehouse.transforms import open_segments as of
from lakehouse.transforms.open_segments import SLOTS, Longs, is_established, is_in_doubt
from lakehouse.transforms.same_ship import MAX_SILENCE_H, US_PER_HOUR, Bools, Floats, discrepancy

SERIAL = len(of.COLUMNS)
"""Column of a grid: the number of the segment in the batch, or -1 in a free slot."""

LEAP_US = US_PER_HOUR
"""A position that comes so long after the others is not believed until another confirms it: most are true and follow
a silence, some bear a wrong stamp.
"""

BESIDE_NM = 60.0
"""Within this of an established segment a new one is rather that ship with a fault than another ship. Beyond it,
Global Fishing Watch's anchorages pipeline does not join segments of an MMSI either.
"""


def judged(grid: Floats, points: Floats) -> tuple[Floats, Bools, Bools]:
    """What it would cost each point to join each segment.

    Returns:
        Cost by vessel and slot, infinite where it cannot be; whether that segment is established; and by vessel,
        whether an established segment is near.
    """
    vessel, slot = np.nonzero(grid[..., SERIAL] >= 0)
    held, at = grid[vessel, slot], points[vessel]
    off_nm, can_be, silence_h = _nearest(held, at)
    can_be &= ~is_in_doubt(held, at[:, 0])
    is_ship = is_established(held)
    cost, ships = np.full(grid.shape[:2], np.inf), np.zeros(grid.shape[:2], bool)
    cost[vessel, slot] = np.where(can_be, off_nm + silence_h, np.inf)  # of two alike, the one heard last
    ships[vessel, slot] = is_ship
    is_beside = np.zeros(len(points), bool)
    is_beside[vessel[is_ship & (off_nm <= BESIDE_NM) & (silence_h <= MAX_SILENCE_H)]] = True
    return cost, ships, is_beside


def _nearest(held: Floats, at: Floats) -> tuple[Floats, Bools, Floats]:
    """Discrepancy from the head, or from the position ahead of it where that is the better.

    The head counts up to the position ahead, and beyond it only while it is itself still heard.
    """
    off_nm, can_be = discrepancy(held[:, of.HEAD], at)
    silence_h = np.abs(at[:, 0] - held[:, of.HEAD_US]) / US_PER_HOUR
    later = np.flatnonzero(at[:, 0] >= held[:, of.AHEAD_US])
    if len(later):
        can_be[later] &= at[later, 0] - held[later, of.HEAD_US] <= LEAP_US
        ahead_nm, ahead_can = discrepancy(held[later, of.AHEAD], at[later])
        is_better = ahead_can & (~can_be[later] | (ahead_nm < off_nm[later]))
        better = later[is_better]
        off_nm[better], can_be[better] = ahead_nm[is_better], True
        silence_h[better] = (at[better, 0] - held[better, of.AHEAD_US]) / US_PER_HOUR
    return off_nm, can_be, silence_h


def chosen(grid: Floats, cost: Floats, is_ship: Bools) -> tuple[Longs, Longs]:
    """Slots to join, and slots of segments that prove to be the same ship's; -1 where there is none.

    An established segment comes first. Another that fits better comes before it only where the two have been heard
    by turns: then they are two ships. Otherwise the ship itself was there, and the other segment is its false start.
    """
    each = np.arange(len(grid))
    ship_cost, other_cost = np.where(is_ship, cost, np.inf), np.where(is_ship, np.inf, cost)
    ship, other = ship_cost.argmin(axis=1), other_cost.argmin(axis=1)
    ship_best, other_best = ship_cost[each, ship], other_cost[each, other]
    by_turns = grid[each, ship, of.HEAD_US] >= grid[each, other, of.STARTED]
    by_turns &= grid[each, other, of.REPORTS] > 1  # a single false position is no ship
    is_other = (other_best < ship_best) & (by_turns | np.isinf(ship_best))
    slot = np.where(is_other, other, np.where(np.isinf(ship_best), -1, ship))
    same = np.where((other_best < ship_best) & ~is_other, other, -1)
    return slot, same


def joined(held: Floats, points: Floats) -> Floats:
    """Segments with one more position each. The head never goes back, and leaps only when confirmed."""
    held = held.copy()
    at = points[:, 0]
    since_head, since_ahead = at - held[:, of.HEAD_US], at - held[:, of.AHEAD_US]
    follows = _is_soon(since_head) | _is_soon(since_ahead)
    leaps = (since_head > LEAP_US) & ~follows & ~(since_ahead < 0)
    held[follows, of.HEAD] = points[follows]
    held[leaps, of.AHEAD] = points[leaps]
    held[follows & (since_ahead >= 0), of.AHEAD] = np.nan
    held[:, of.REPORTS] += 1
    return held


def _is_soon(since_us: Floats) -> Bools:
    return (since_us >= 0) & (since_us <= LEAP_US)


def begun(points: Floats, is_beside: Bools, serial: Longs, grid: Floats) -> Floats:
    """New segments of one position each. One begins a microsecond later where the MMSI has one of that instant."""
    new = np.full((len(points), SERIAL + 1), np.nan)
    new[:, of.HEAD], new[:, of.REPORTS], new[:, of.BESIDE], new[:, SERIAL] = points, 1, is_beside, serial
    started = points[:, 0].copy()
    for _ in range(SLOTS):
        started += (grid[..., of.STARTED] == started[:, None]).any(axis=1)
    new[:, of.STARTED] = started
    return new


def dispensable(grid: Floats, points: Floats) -> Longs:
    """The slot of each vessel for a new segment: a free one, else of what is in doubt, else of what is not
    established, else of what was heard longest ago.
    """
    last = np.nan_to_num(of.last_us(grid), nan=-np.inf)
    weight = last + 1e18 * is_established(grid) - 1e17 * is_in_doubt(grid, points[:, :1])  # instants are below 1e16
    slot: Longs = weight.argmin(axis=1)
    return slot
