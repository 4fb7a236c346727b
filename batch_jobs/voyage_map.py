"""A map of voyages as they were sailed, drawn from positions."""

from __future__ import annotations

from statistics import median
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs import map_chart
from batch_jobs.inputs import Period
from batch_jobs.reports import TWIN
from batch_jobs.runs import Run, rows_of
from contracts import fields as f
from contracts.ports import world_port_index
from contracts.tables import GOLD_SAILINGS, GOLD_VESSEL_TRACKS, SILVER_POSITIONS

MOST_VOYAGES = 60
"""A map of more is a tangle, and the page would grow with it."""
EVERY_H = 3
"""One position of each voyage in so many hours is drawn."""


def draw(run: Run, period: Period) -> dict[str, Any] | None:
    """The map with what it shows, of the longest voyages that departed in the period; null without any."""
    chosen = _chosen(run, period)
    sailed = rows_of(chosen)
    if not sailed:
        return None
    ways: dict[str, map_chart.Way] = {
        row["sailing_id"]: (
            [place["lat_deg"] for place in row["places"]],
            [place["lon_deg"] for place in row["places"]],
            TWIN in row["source"].split(", "),
        )
        for row in rows_of(_places(run, chosen))
    }
    called = [row[name] for row in sailed for name in ("from_wpi_number", "to_wpi_number") if row[name]]
    index = {port.wpi_number: port for port in world_port_index()}
    numbers = sorted(set(called), key=lambda number: (-called.count(number), number))
    ports = [(index[n].lat_deg, index[n].lon_deg, index[n].name) for n in numbers]
    whole = run.told(GOLD_SAILINGS).filter(period.where(f.DEPARTED_ON)).count()
    about = f"Map of the {len(ways)} longest voyages between {len(ports)} ports"
    svg = map_chart.world(list(ways.values()), ports, ("recorded", "twin (generated)"), about)
    shares = [row["observed_share"] for row in sailed if row["observed_share"] is not None]
    return {
        "svg": svg,
        "drawn": len(ways),
        "voyages": whole,
        "every_h": EVERY_H,
        "longest": sailed[0],
        "observed_share": median(shares) if shares else None,
        "sources": [row["source"] for row in sailed],
    }


def _chosen(run: Run, period: Period) -> DataFrame:
    sailed = run.told(GOLD_SAILINGS).filter(period.where(f.DEPARTED_ON)).filter("distance_nm > 0")
    columns = (
        "sailing_id", "track_id", "departed_at", "arrived_at", "from_wpi_number", "to_wpi_number", "distance_nm",
        "observed_share", "source",
    )  # fmt: skip
    return sailed.orderBy(F.desc("distance_nm"), "sailing_id").limit(MOST_VOYAGES).select(*columns)


def _places(run: Run, chosen: DataFrame) -> DataFrame:
    """Of each voyage its places in order of time, thinned."""
    span = chosen.agg(F.min("departed_at").alias("first"), F.max("arrived_at").alias("last")).first()
    assert span is not None  # an aggregate without groups has one row
    segments = run.told(GOLD_VESSEL_TRACKS).select("segment_id", "track_id").join(F.broadcast(chosen), "track_id")
    positions = run.told(SILVER_POSITIONS).where(F.col("observed_at") >= F.lit(span["first"]))
    is_on_way = F.col("observed_at").between(
        F.col("departed_at"), F.coalesce("arrived_at", F.lit("9999-12-31").cast("timestamp"))
    )
    step = F.floor(F.unix_seconds("observed_at") / (EVERY_H * 3_600))
    mine = segments.select("segment_id", "sailing_id", "departed_at", "arrived_at", "source")
    thinned = (
        positions.select("segment_id", "observed_at", "lat_deg", "lon_deg")
        .join(F.broadcast(mine), "segment_id")
        .where(is_on_way)
        .groupBy("sailing_id", step.alias("step"))
        .agg(
            F.min("observed_at").alias("observed_at"),
            F.min_by("lat_deg", "observed_at").alias("lat_deg"),
            F.min_by("lon_deg", "observed_at").alias("lon_deg"),
            F.min("source").alias("source"),
        )
    )
    places = F.sort_array(F.collect_list(F.struct("observed_at", "lat_deg", "lon_deg")))
    return thinned.groupBy("sailing_id").agg(F.min("source").alias("source"), places.alias("places"))
