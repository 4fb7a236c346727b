"""Which port a vessel is near, by the World Port Index."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.transforms.cells import Grid
from lakehouse.transforms.tracks import leg_nm

KM_PER_NM = 1.852
ENTER_KM = 3.0
"""A vessel within it has entered the port (Global Fishing Watch, anchorages_pipeline: anchorage_entry_distance)."""
LEAVE_KM = 4.0
"""A vessel farther off has left it (the same, anchorage_exit_distance): farther, so that none flaps at the rim."""
PORT = ("wpi_number", "locode", "port_name")


def with_nearest_port(positions: DataFrame, ports: DataFrame, within_km: float = LEAVE_KM) -> DataFrame:
    """Positions with the nearest port and ``port_km``, the distance to it; nulls where none is within ``within_km``.

    The few ports near a cell travel to every task as one row of it; no position is moved or doubled. Of two ports
    that are equally near, the one of the lower number counts.

    Args:
        positions: ``lat_deg``, ``lon_deg`` and whatever else; one row each stays one row.
        ports: ``wpi_number``, ``locode``, ``port_name``, ``lat_deg``, ``lon_deg``; one row per port.
        within_km: Farthest distance looked at, on WGS84.
    """
    grid = Grid(within_km)
    place = F.struct(*PORT, F.col("lat_deg").alias("lat"), F.col("lon_deg").alias("lon"))
    by_cell = (
        ports.select(place.alias("port"), F.explode(grid.cells(F.col("lat_deg"), F.col("lon_deg"))).alias("cell"))
        .groupBy("cell")
        .agg(F.collect_list("port").alias("candidates"))
    )
    return (
        positions.withColumn("cell", grid.cell(F.col("lat_deg"), F.col("lon_deg")))
        .join(F.broadcast(by_cell), "cell", "left")
        .withColumn("nearest", _nearest(within_km))
        .select(*positions.columns, *(f"nearest.{name}" for name in (*PORT, "port_km")))
    )


def _nearest(within_km: float) -> Column:
    def judged(port: Column) -> Column:
        km = leg_nm(F.col("lat_deg"), F.col("lon_deg"), port["lat"], port["lon"]) * KM_PER_NM
        return F.struct(km.alias("port_km"), *(port[name].alias(name) for name in PORT))

    nearest = F.array_min(F.transform("candidates", judged))
    return F.when(nearest["port_km"] <= within_km, nearest)
