"""Which segments of an MMSI are one and the same vessel, so that a call or a voyage is not cut where a segment ends.

A segment ends when its ship is unheard for a day. The ship is often the same afterwards: it lay in port with its
transponder off, or crossed an ocean out of reach. Two segments that overlap in time are two ships and are never joined.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from lakehouse.transforms.intervals import hours_between
from lakehouse.transforms.lists import listed, listed_of_sets
from lakehouse.transforms.open_segments import ESTABLISHED_H, ESTABLISHED_REPORTS
from lakehouse.transforms.port_areas import KM_PER_NM, LEAVE_KM, with_nearest_port
from lakehouse.transforms.same_ship import SHIP_KN
from lakehouse.transforms.tracks import leg_nm

SAME_PORT_KM = 2 * LEAVE_KM
"""A ship that was last heard in a port and is next heard within this is in the same port: its circle is as wide."""
LONGEST_SILENCE_H = 30 * 24.0
"""At sea. Nobody is taken for the same ship after a longer silence (our choice; a long ocean passage takes less)."""
END = (
    "segment_id", "mmsi", "began_at", "began_lat_deg", "began_lon_deg", "heard_at", "heard_lat_deg", "heard_lon_deg",
    "position_count", "source",
)  # fmt: skip
"""What is kept of a segment: where it began, where it was heard last, how often, and by which feeds."""


def segment_ends(positions: DataFrame) -> DataFrame:
    """One row per segment: its first and last position, their number and their sources.

    Args:
        positions: ``segment_id``, ``mmsi``, ``observed_at``, ``lat_deg``, ``lon_deg``, ``source``; any part of them.
    """
    found = positions.groupBy("segment_id").agg(
        F.min("mmsi").alias("mmsi"),
        F.min("observed_at").alias("began_at"),
        F.min_by("lat_deg", "observed_at").alias("began_lat_deg"),
        F.min_by("lon_deg", "observed_at").alias("began_lon_deg"),
        F.max("observed_at").alias("heard_at"),
        F.max_by("lat_deg", "observed_at").alias("heard_lat_deg"),
        F.max_by("lon_deg", "observed_at").alias("heard_lon_deg"),
        F.count(F.lit(1)).alias("position_count"),
        listed("source").alias("source"),
    )
    return found.select(*END)


def ends_together(*parts: DataFrame) -> DataFrame:
    """The ends of segments from those of parts of them; no position may be in two parts."""
    together = parts[0].select(*END)
    for part in parts[1:]:
        together = together.unionByName(part.select(*END))
    found = together.groupBy("segment_id").agg(
        F.min("mmsi").alias("mmsi"),
        F.min("began_at").alias("began_at"),
        F.min_by("began_lat_deg", "began_at").alias("began_lat_deg"),
        F.min_by("began_lon_deg", "began_at").alias("began_lon_deg"),
        F.max("heard_at").alias("heard_at"),
        F.max_by("heard_lat_deg", "heard_at").alias("heard_lat_deg"),
        F.max_by("heard_lon_deg", "heard_at").alias("heard_lon_deg"),
        F.sum("position_count").alias("position_count"),
        listed_of_sets(F.split("source", ", ")).alias("source"),
    )
    return found.select(*END)


def vessel_tracks(ends: DataFrame, ports: DataFrame) -> DataFrame:
    """The segments with ``track_id``, the first segment of the same ship, and ``is_noise``.

    A segment goes on with an earlier one that it does not overlap: where that ended in a port, if it begins in or
    near the same port; at sea, only if no other segment of the MMSI was heard beside either or in between, within
    30 days, and if a ship can have sailed there at 25 kn. Of several the one heard last is taken.

    Args:
        ends: All segments of their MMSIs, as ``segment_ends`` gives them.
        ports: As ``with_nearest_port`` wants them.

    Returns:
        One row per segment. ``is_noise``: fewer than ten positions or half an hour, while another segment of the
        MMSI had more; a track of its own.
    """
    judged = _with_neighbours(_with_noise(ends), ports)
    in_order = judged.where(~F.col("is_noise")).groupBy("mmsi").agg(F.sort_array(F.collect_list(_item())).alias("all"))
    tracks = in_order.select(F.explode(F.aggregate("all", _nobody(), _joined)).alias("track"))
    labels = tracks.select(F.explode("track.segments").alias("segment_id"), F.col("track.track_id").alias("track_id"))
    return (
        judged.join(labels, "segment_id", "left")
        .withColumn("track_id", F.coalesce("track_id", "segment_id"))
        .select(*END, "track_id", "is_noise")
    )


def _with_noise(ends: DataFrame) -> DataFrame:
    is_ship = (F.col("position_count") >= ESTABLISHED_REPORTS) & (
        hours_between(F.col("began_at"), F.col("heard_at")) >= ESTABLISHED_H
    )
    return ends.withColumn("is_ship", is_ship).withColumn(
        "is_noise", ~F.col("is_ship") & F.bool_or("is_ship").over(Window.partitionBy("mmsi"))
    )


def _with_neighbours(ends: DataFrame, ports: DataFrame) -> DataFrame:
    """Whether a segment ended in a port, whether another was heard beside it, and when one was heard last before."""
    in_order = Window.partitionBy("mmsi", "is_noise").orderBy("began_at", "segment_id")
    last = ends.select("*", F.col("heard_lat_deg").alias("lat_deg"), F.col("heard_lon_deg").alias("lon_deg"))
    placed = with_nearest_port(last, ports, LEAVE_KM).withColumns(
        {
            "ended_in_port": F.col("port_km").isNotNull(),
            "before_at": F.max("heard_at").over(in_order.rowsBetween(Window.unboundedPreceding, -1)),
            "next_at": F.lead("began_at").over(in_order),
        }
    )
    overlaps = (F.col("before_at") >= F.col("began_at")) | (F.col("next_at") <= F.col("heard_at"))
    return placed.withColumn("is_alone", ~F.coalesce(overlaps, F.lit(False)))


def _item() -> Column:
    """A segment as it goes through the fold; segments sort by their beginning."""
    return F.struct(
        "began_at", "segment_id", "began_lat_deg", "began_lon_deg", "heard_at", "heard_lat_deg", "heard_lon_deg",
        "ended_in_port", "is_alone", "before_at",
    )  # fmt: skip


def _nobody() -> Column:
    """No track yet, in the type that the tracks will have."""
    track = (
        "track_id: string, heard_at: timestamp, lat_deg: double, lon_deg: double, ended_in_port: boolean, "
        "is_alone: boolean, segments: array<string>"
    )
    return F.array().cast(f"array<struct<{track}>>")


def _joined(tracks: Column, segment: Column) -> Column:
    """The tracks so far with one more segment: at the end of the track that it goes on with, else as a new one."""
    fit = F.filter(tracks, lambda track: _goes_on(track, segment))
    best = F.array_max(F.transform(fit, lambda track: F.struct(track["heard_at"], track["track_id"])))["track_id"]
    longer = F.transform(
        tracks,
        lambda track: F.when(
            track["track_id"] == best,
            _track(best, segment, F.concat(track["segments"], F.array(segment["segment_id"]))),
        ).otherwise(track),
    )
    new = _track(segment["segment_id"], segment, F.array(segment["segment_id"]))
    return F.when(best.isNull(), F.concat(tracks, F.array(new))).otherwise(longer)


def _track(track_id: Column, last: Column, segments: Column) -> Column:
    return F.struct(
        track_id.alias("track_id"),
        last["heard_at"].alias("heard_at"),
        last["heard_lat_deg"].alias("lat_deg"),
        last["heard_lon_deg"].alias("lon_deg"),
        last["ended_in_port"].alias("ended_in_port"),
        last["is_alone"].alias("is_alone"),
        segments.alias("segments"),
    )


def _goes_on(track: Column, segment: Column) -> Column:
    silence_h = hours_between(track["heard_at"], segment["began_at"])
    nm = leg_nm(track["lat_deg"], track["lon_deg"], segment["began_lat_deg"], segment["began_lon_deg"])
    in_port = track["ended_in_port"] & (nm * KM_PER_NM <= SAME_PORT_KM)
    nobody_else = track["is_alone"] & segment["is_alone"] & (track["heard_at"] == segment["before_at"])
    in_reach = (silence_h <= LONGEST_SILENCE_H) & (nm <= SHIP_KN * silence_h)
    return F.coalesce((silence_h > 0) & (in_port | (nobody_else & in_reach)), F.lit(False))
