"""Which of many points may lie within a reach of others: cells of latitude bands, their neighbours included."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lakehouse.transforms.cpa import NM_PER_DEG, Floats

Ints = npt.NDArray[np.int64]
STRIDE = 1 << 20
"""More than the cells of any band."""


class Grid:
    """Points of the whole earth by cell. A cell is at least as high and as wide as the reach.

    Args:
        lat_deg: Of each point; no NaN.
        lon_deg: Of each point, any turn of 360 degrees.
        reach_nm: How far apart a pair may be and still be found.
    """

    def __init__(self, lat_deg: Floats, lon_deg: Floats, reach_nm: float) -> None:
        self._height_deg = reach_nm / NM_PER_DEG
        bands = np.arange(int(np.ceil(180 / self._height_deg)) + 1)
        edges = np.abs(np.stack((bands, bands + 1)) * self._height_deg - 90)
        narrowest = np.cos(np.radians(np.minimum(edges.max(axis=0), 90.0)))
        self._columns: Ints = np.maximum(np.floor(360 / self._height_deg * narrowest), 1).astype(np.int64)
        cells = self._cells(*self._place(lat_deg, lon_deg))
        self._order: Ints = np.argsort(cells, kind="stable")
        self._cells_in_order: Ints = cells[self._order]

    def near(self, lat_deg: Floats, lon_deg: Floats) -> tuple[Ints, Ints]:
        """Pairs (index of the point asked for, index of a point of the grid) that may be within reach; each once."""
        bands, lon = self._place(lat_deg, lon_deg)
        asked, found = [], []
        for step in (-1, 0, 1):
            band = bands + step
            here = np.flatnonzero((band >= 0) & (band < len(self._columns)))
            for turn in (-1, 0, 1):
                is_new = np.flatnonzero(self._columns[band[here]] > abs(turn) + (turn == -1))
                at = here[is_new]
                rows, points = self._in_cells(self._cells(band[at], lon[at], turn))
                asked.append(at[rows])
                found.append(points)
        return np.concatenate(asked), np.concatenate(found)

    def _place(self, lat_deg: Floats, lon_deg: Floats) -> tuple[Ints, Floats]:
        return np.floor((lat_deg + 90) / self._height_deg).astype(np.int64), (lon_deg + 180) % 360

    def _cells(self, band: Ints, lon: Floats, turn: int = 0) -> Ints:
        columns = self._columns[band]
        column = np.minimum((lon / 360 * columns).astype(np.int64), columns - 1)
        return np.asarray(band * STRIDE + (column + turn) % columns)

    def _in_cells(self, cells: Ints) -> tuple[Ints, Ints]:
        first = np.searchsorted(self._cells_in_order, cells, "left")
        count = np.searchsorted(self._cells_in_order, cells, "right") - first
        rows = np.repeat(np.arange(len(cells)), count)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
        return rows, self._order[np.repeat(first, count) + within]
