"""A grid of cells of equal degrees, by which places near each other meet in a join.

A place has one cell. A circle has every cell that it may touch, at any latitude and across the antimeridian: so a
join by equal cells finds all that lies in it, and the exact distance then judges.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

KM_PER_DEGREE = 110.0
"""Less than any degree of latitude on WGS84 has (110.57 km at the equator), so that a circle is never cut."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells for circles of one radius, each about as wide as such a circle at the equator."""

    radius_km: float

    @property
    def _columns(self) -> int:
        return max(1, int(180 * KM_PER_DEGREE / self.radius_km))

    @property
    def _cell_deg(self) -> float:
        return 360 / self._columns

    def cell(self, lat_deg: Column, lon_deg: Column) -> Column:
        """The cell of a place, one number; null for a null."""
        return self._number(self._index(lat_deg, 90), self._index(lon_deg, 180))

    def cells(self, lat_deg: Column, lon_deg: Column) -> Column:
        """Every cell that the circle round a place may touch, as an array."""
        north_deg = self.radius_km / KM_PER_DEGREE
        rows = F.sequence(self._index(lat_deg - north_deg, 90), self._index(lat_deg + north_deg, 90))
        east_deg = self._east_deg(F.abs(lat_deg) + north_deg)
        columns = F.sequence(self._index(lon_deg - east_deg, 180), self._index(lon_deg + east_deg, 180))
        grid = F.transform(rows, lambda row: F.transform(columns, lambda column: self._number(row, column)))
        return F.array_distinct(F.flatten(grid))

    def _east_deg(self, farthest_lat_deg: Column) -> Column:
        """Degrees of longitude that the radius spans at its end nearest to a pole; all where it holds the pole."""
        wide = F.lit(self.radius_km / KM_PER_DEGREE) / F.cos(F.radians(farthest_lat_deg))
        return F.when(farthest_lat_deg < 89.9, F.least(wide, F.lit(180.0))).otherwise(180.0)

    def _index(self, degrees: Column, offset: int) -> Column:
        return F.floor((degrees + offset) / self._cell_deg).cast("int")

    def _number(self, row: Column, column: Column) -> Column:
        """Row and column as one number; columns go round the earth."""
        return row.cast("long") * self._columns + F.pmod(column, F.lit(self._columns))
