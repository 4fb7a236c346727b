"""Encounters: two vessels side by side for hours, slow and away from ports.

It may be a transfer at sea, a tow, two anchored neighbours or a net hauled in pairs: a row says that they were
close, not what they did.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.transforms.cells import Grid
from lakehouse.transforms.intervals import hours_between, with_runs
from lakehouse.transforms.port_areas import KM_PER_NM
from lakehouse.transforms.tracks import leg_nm

CLOSE_KM = 0.5
LEAST_H = 2.0
SLOW_KN = 2.0
FROM_PORT_KM = 10.0
"""Distance, time, speed and distance from an anchorage are those of Global Fishing Watch's encounter events."""
EVERY_MIN = 10
"""Vessels report at different instants, so their places are compared at common ones, drawn from the legs."""
LONGEST_LEG_H = 1.0
"""Nothing is drawn from a longer leg: nobody knows where the vessel was meanwhile (our choice)."""
LONGEST_BREAK_H = 0.5
"""Two meetings further apart are two encounters (our choice)."""
SIDES = ("segment_id", "mmsi")
ENCOUNTER = (
    "encounter_id", "segment_id_1", "mmsi_1", "segment_id_2", "mmsi_2", "started_at", "ended_at", "duration_hours",
    "median_speed_kn", "median_distance_km", "lat_deg", "lon_deg",
)  # fmt: skip


def encounters(positions: DataFrame) -> DataFrame:
    """One row per encounter of two segments of different MMSI; the lesser ``segment_id`` comes first.

    Args:
        positions: ``segment_id``, ``mmsi``, ``observed_at``, ``lat_deg``, ``lon_deg``, ``sog_kn`` and ``port_km``,
            the distance of the nearest port, which must have been looked for within 10 km or more (null: none).

    Returns:
        ``median_speed_kn`` is that of both vessels together, ``lat_deg`` and ``lon_deg`` where the first was at the
        beginning. Times are whole multiples of 10 minutes.
    """
    runs = with_runs(_meetings(places_in_step(positions)), ["segment_id_1", "segment_id_2"], LONGEST_BREAK_H)
    found = runs.groupBy("segment_id_1", "segment_id_2", "run").agg(
        F.min("mmsi_1").alias("mmsi_1"),
        F.min("mmsi_2").alias("mmsi_2"),
        F.min("observed_at").alias("started_at"),
        F.max("observed_at").alias("ended_at"),
        F.median((F.col("sog_kn_1") + F.col("sog_kn_2")) / 2).alias("median_speed_kn"),
        F.median("distance_km").alias("median_distance_km"),
        F.min_by("lat_deg_1", "observed_at").alias("lat_deg"),
        F.min_by("lon_deg_1", "observed_at").alias("lon_deg"),
    )
    begins = F.unix_seconds("started_at")
    return (
        found.withColumn("duration_hours", hours_between(F.col("started_at"), F.col("ended_at")))
        .where((F.col("duration_hours") >= LEAST_H) & (F.col("median_speed_kn") < SLOW_KN))
        .withColumn("encounter_id", F.concat_ws("-", "segment_id_1", "segment_id_2", begins))
        .select(*ENCOUNTER)
    )


def places_in_step(positions: DataFrame) -> DataFrame:
    """Where each segment was at every multiple of 10 minutes, along the straight leg between two positions.

    A row lies away from ports: both ends of its leg do. One row per segment and instant.
    """
    in_order = Window.partitionBy("segment_id").orderBy("observed_at")
    is_away = F.col("port_km").isNull() | (F.col("port_km") >= FROM_PORT_KM)
    end = F.struct("observed_at", "lat_deg", "lon_deg", "sog_kn", is_away.alias("is_away"))
    legs = positions.select(*SIDES, end.alias("end"), F.lag(end).over(in_order).alias("start"))
    leg_h = hours_between(F.col("start.observed_at"), F.col("end.observed_at"))
    usable = legs.where((leg_h <= LONGEST_LEG_H) & F.col("start.is_away") & F.col("end.is_away"))
    at = usable.withColumn("observed_at", F.explode(_instants())).withColumn("share", _share_of_leg())
    east_deg = F.pmod(F.col("end.lon_deg") - F.col("start.lon_deg") + 180, F.lit(360.0)) - 180
    lon_deg = F.col("start.lon_deg") + F.col("share") * east_deg
    return at.select(
        *SIDES,
        "observed_at",
        (F.col("start.lat_deg") + F.col("share") * (F.col("end.lat_deg") - F.col("start.lat_deg"))).alias("lat_deg"),
        (F.pmod(lon_deg + 180, F.lit(360.0)) - 180).alias("lon_deg"),
        F.coalesce("end.sog_kn", "start.sog_kn").alias("sog_kn"),
    )


def _instants() -> Column:
    """Multiples of the step after the start of a leg, up to its end."""
    step_s = EVERY_MIN * 60
    first = F.floor(F.unix_micros("start.observed_at") / (step_s * 1_000_000)).cast("long") + 1
    last = F.floor(F.unix_micros("end.observed_at") / (step_s * 1_000_000)).cast("long")
    numbers = F.when(first <= last, F.sequence(first, last))
    return F.transform(numbers, lambda number: F.timestamp_seconds(number * step_s))


def _share_of_leg() -> Column:
    from_start_h = hours_between(F.col("start.observed_at"), F.col("observed_at"))
    return from_start_h / hours_between(F.col("start.observed_at"), F.col("end.observed_at"))


def _meetings(places: DataFrame) -> DataFrame:
    """Pairs of segments that are close at an instant. They meet in a cell of the grid, not each with all."""
    grid = Grid(CLOSE_KM)
    here = places.withColumn("cell", grid.cell(F.col("lat_deg"), F.col("lon_deg")))
    near = places.withColumn("cell", F.explode(grid.cells(F.col("lat_deg"), F.col("lon_deg"))))
    one = here.select("observed_at", "cell", *_numbered(1))
    other = near.select("observed_at", "cell", *_numbered(2))
    is_pair = (F.col("segment_id_1") < F.col("segment_id_2")) & (F.col("mmsi_1") != F.col("mmsi_2"))
    distance_nm = leg_nm(F.col("lat_deg_1"), F.col("lon_deg_1"), F.col("lat_deg_2"), F.col("lon_deg_2"))
    pairs = one.join(other, ["observed_at", "cell"]).where(is_pair)
    return pairs.withColumn("distance_km", distance_nm * KM_PER_NM).where(F.col("distance_km") < CLOSE_KM)


def _numbered(side: int) -> list[Column]:
    return [F.col(name).alias(f"{name}_{side}") for name in (*SIDES, "lat_deg", "lon_deg", "sog_kn")]
