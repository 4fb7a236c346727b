"""Which ship each position is of: two that share an MMSI, a false place and a wrong clock are kept apart.

All vessels go in lockstep: the k-th positions of all of them are judged in one step of numpy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lakehouse.transforms.open_segments import COLUMNS, SLOTS, STARTED, Longs, Segments, is_established
from lakehouse.transforms.same_ship import Bools, Floats
from lakehouse.transforms.segment_choice import SERIAL, begun, chosen, dispensable, joined, judged


@dataclass(frozen=True, slots=True)
class Labelled:
    """What became of a batch.

    Attributes:
        row: For each position the row of its segment in ``segments``.
        segments: Segments that were open before, and those that began in the batch.
    """

    row: Longs
    segments: Segments

    @property
    def started_us(self) -> Longs:
        """For each position, with its MMSI, the identity of its segment."""
        return self.segments.started_us[self.row]

    @property
    def is_noise(self) -> Bools:
        """True for positions of segments that have ended, as far as is known, without becoming a ship."""
        return self.segments.is_noise[self.row]


def labelled(mmsi: Longs, points: Floats, before: Segments) -> Labelled:
    """Give every position to a segment.

    A position joins the open segment that foretells it best, as ``segment_choice.chosen`` says, or begins one. A late
    one joins where it fits and moves nothing. Where positions are in order of time, cutting them into batches
    anywhere changes no label.

    Args:
        mmsi: One per position, in any order; positions of one instant are taken in the order given.
        points: The positions, in ``same_ship.POINT``'s columns; instants and places are not NaN.
        before: What ``Segments.still_open`` gave after the batch before.

    Returns:
        The segment of each position, and all segments that were open before or began.
    """
    vessels, counts = np.unique(mmsi, return_counts=True)
    order = np.lexsort((points[:, 0], mmsi))
    busiest = np.argsort(-counts, kind="stable")  # so that those with a k-th position are the first ones
    first = (np.cumsum(counts) - counts)[busiest]
    ascending = np.sort(counts)
    fleet = _Fleet(vessels, busiest, before)
    row = np.zeros(len(mmsi), np.int64)
    for k in range(counts.max(initial=0)):
        sailing = len(counts) - int(np.searchsorted(ascending, k, side="right"))
        places = order[first[:sailing] + k]
        row[places] = fleet.step(points[places])
    return Labelled(row, fleet.segments())


class _Fleet:
    """The open segments of a batch's vessels, while the steps go over them.

    A vessel's slots are in the order in which its segments began, as in the table that they come from: so equals are
    told apart the same way wherever a batch ends.
    """

    def __init__(self, vessels: Longs, order: Longs, before: Segments) -> None:
        self._before, self._began = before, len(before.mmsi)
        self._mmsi = vessels[order]
        self._grid = np.full((len(vessels), SLOTS, SERIAL + 1), np.nan)
        self._grid[..., SERIAL] = -1
        self._closed: list[tuple[Floats, Bools]] = []
        self._names = [before.mmsi]
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        known = np.flatnonzero(np.isin(before.mmsi, vessels))
        slot = known - np.searchsorted(before.mmsi, before.mmsi[known])
        vessel = rank[np.searchsorted(vessels, before.mmsi[known])]
        self._grid[vessel, slot] = np.column_stack([before.values[known], known])

    def step(self, points: Floats) -> Longs:
        """Place one position of each of the first vessels; gives the rows of their segments."""
        grid = self._grid[: len(points)]
        cost, is_ship, is_beside = judged(grid, points)
        slot, same = chosen(grid, cost, is_ship)
        proved = np.flatnonzero(same >= 0)
        self._close(proved, same[proved])
        joins, begins = np.flatnonzero(slot >= 0), np.flatnonzero(slot < 0)
        serial = np.empty(len(points), np.int64)
        serial[joins] = grid[joins, slot[joins], SERIAL]
        grid[joins, slot[joins]] = joined(grid[joins, slot[joins]], points[joins])
        serial[begins] = self._begin(begins, points[begins], is_beside[begins])
        return serial

    def _begin(self, vessel: Longs, points: Floats, is_beside: Bools) -> Longs:
        """A new segment for each of these; gives their rows."""
        grid = self._grid[vessel]
        slot = dispensable(grid, points)
        full = grid[np.arange(len(vessel)), slot, SERIAL] >= 0
        self._close(vessel[full], slot[full])
        serial = self._began + np.arange(len(vessel))
        self._began += len(vessel)
        self._names.append(self._mmsi[vessel])
        self._grid[vessel, slot] = begun(points, is_beside, serial, grid)
        several = vessel[(grid[..., SERIAL] >= 0).any(axis=1)]
        by_start = self._grid[several, :, STARTED].argsort(axis=1)  # free slots, NaN, go last
        self._grid[several] = np.take_along_axis(self._grid[several], by_start[..., None], axis=1)
        return serial

    def _close(self, vessel: Longs, slot: Longs) -> None:
        closing = self._grid[vessel, slot]
        has_ship = is_established(self._grid[vessel]).any(axis=1)
        self._closed.append((closing, has_ship & ~is_established(closing)))
        self._grid[vessel, slot] = np.nan
        self._grid[vessel, slot, SERIAL] = -1

    def segments(self) -> Segments:
        """All segments, by row."""
        values = np.concatenate([self._before.values, np.empty((self._began - len(self._before.mmsi), len(COLUMNS)))])
        is_open, is_noise = np.ones(self._began, bool), np.zeros(self._began, bool)
        for closed, closed_is_noise in self._closed:
            row = closed[:, SERIAL].astype(np.int64)
            values[row], is_open[row], is_noise[row] = closed[:, :SERIAL], False, closed_is_noise
        held = self._grid[self._grid[..., SERIAL] >= 0]
        values[held[:, SERIAL].astype(np.int64)] = held[:, :SERIAL]
        return Segments(np.concatenate(self._names), values, is_open, is_noise)
