"""Who sailed: tracks that were found against the ships that really sent, and jumps and gaps that no ship has."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.transforms.gaps import gaps
from lakehouse.transforms.intervals import hours_between
from lakehouse.transforms.tracks import leg_nm


def sender_of(rows: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """``event_id`` and ``ship``, the IMO number of who really sent each report; a ship's own number tells the rest.

    Args:
        rows: Position reports with ``event_id`` and ``mmsi``.
        folder: Of the twin.
    """
    of_two = pl.read_csv(folder / "truth/shared_mmsi.csv").select("event_id", pl.col("imo_number").alias("told"))
    own = pl.read_csv(folder / "register.csv").select("mmsi", pl.col("imo_number").alias("own"))
    named = (
        rows.select("event_id", "mmsi").unique("event_id").join(of_two, "event_id", "left").join(own, "mmsi", "left")
    )
    return named.select("event_id", pl.coalesce("told", "own").alias("ship"))


def adjusted_rand(one: Sequence[Hashable], other: Sequence[Hashable]) -> float:
    """Hubert and Arabie's index of two partitions: 1 for the same one, 0 for what chance would give."""
    table = np.zeros((len(set(one)), len(set(other))))
    places = (np.unique(np.asarray(names), return_inverse=True)[1] for names in (one, other))
    np.add.at(table, tuple(places), 1)
    both, rows, columns = (_pairs(counts) for counts in (table, table.sum(1), table.sum(0)))
    by_chance = rows * columns / _pairs(table.sum())
    most = (rows + columns) / 2
    return 1.0 if most == by_chance else (both - by_chance) / (most - by_chance)


def _pairs(counts: npt.NDArray[np.float64]) -> float:
    return float((counts * (counts - 1) / 2).sum())


def purity(positions: DataFrame, tracks: DataFrame) -> tuple[dict[str, int], dict[str, Any]]:
    """The ship of each track, and how far tracks and ships are the same.

    Args:
        positions: Each with its ``mmsi`` and ``ship``.
        tracks: Those of them that are no noise, with their track as ``segment_id``.

    Returns:
        ``ship`` by track, the one that sent most of it; ``mixed_tracks``, ``stray_positions`` that are in a track of
        another ship, ``noise_positions`` that are in none, and ``adjusted_rand`` over the positions of shared MMSIs (1
        where there are none).
    """
    counted = tracks.groupBy("mmsi", "segment_id", "ship").count().collect()
    most: dict[str, tuple[int, int]] = {}
    for row in counted:
        most[row.segment_id] = max(most.get(row.segment_id, (0, 0)), (row["count"], row.ship))
    ships = {track: ship for track, (_, ship) in most.items()}
    shared = positions.groupBy("mmsi").agg(F.count_distinct("ship").alias("ships")).where("ships > 1").select("mmsi")
    pairs = tracks.join(F.broadcast(shared), "mmsi").select("segment_id", "ship").collect()
    facts = {
        "mixed_tracks": len(counted) - len(most),
        "stray_positions": sum(row["count"] for row in counted if ships[row.segment_id] != row.ship),
        "noise_positions": positions.count() - tracks.count(),
        "adjusted_rand": round(adjusted_rand(*zip(*pairs, strict=True)), 6) if pairs else 1.0,
    }
    return ships, facts


def false_events(positions: DataFrame, tracks: DataFrame, ship_of: dict[str, int], limit_kn: float) -> dict[str, int]:
    """Jumps and gaps in the tracks that the ships' own positions do not have, and gaps that are missed.

    Args:
        positions: Each with its ``ship``.
        tracks: As in `purity`.
        ship_of: As `purity` gives it.
        limit_kn: Fastest speed that a vessel can have; a leg that needs more is a jump.
    """
    own = positions.withColumn("segment_id", F.col("ship").cast("string"))
    names = ship_of | {str(ship): ship for ship in ship_of.values()}

    def told(found: DataFrame) -> set[tuple[Any, ...]]:
        rows = found.select("segment_id", "started_at", "ended_at").collect()
        return {(names.get(row.segment_id), row.started_at, row.ended_at) for row in rows}

    true_gaps, found_gaps = told(gaps(own)), told(gaps(tracks))
    true_jumps, found_jumps = told(jumps(own, limit_kn)), told(jumps(tracks, limit_kn))
    return {
        "jumps": len(true_jumps), "false_jumps": len(found_jumps - true_jumps), "gaps": len(true_gaps),
        "false_gaps": len(found_gaps - true_gaps), "missed_gaps": len(true_gaps - found_gaps),
    }  # fmt: skip


def jumps(positions: DataFrame, limit_kn: float) -> DataFrame:
    """Legs of a track that no vessel can sail: ``segment_id``, ``started_at``, ``ended_at``."""
    in_order = Window.partitionBy("segment_id").orderBy("observed_at")
    after = F.lead(F.struct("observed_at", "lat_deg", "lon_deg")).over(in_order)
    nm = leg_nm(F.col("lat_deg"), F.col("lon_deg"), F.col("after.lat_deg"), F.col("after.lon_deg"))
    hours = hours_between(F.col("observed_at"), F.col("after.observed_at"))
    legs = positions.withColumn("after", after).where(nm > limit_kn * hours)
    return legs.select(
        "segment_id", F.col("observed_at").alias("started_at"), F.col("after.observed_at").alias("ended_at")
    )
