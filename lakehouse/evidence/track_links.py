"""How port calls, sailings and modelled fuel follow from positions: the transforms of `lakehouse.track_tables`.

Which segments are one ship, and which identity it has, follows from all that was told under an MMSI and is taken from
``gold.vessel_tracks`` as the same run wrote it, as the segment of a position is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from contracts import tables as t
from lakehouse.evidence.link import Basis, Given, Link, Rows
from lakehouse.reference import port_frame
from lakehouse.track_fuel import track_fuel
from lakehouse.track_tables import NEEDED, TANKERS, placed, track_sailings, track_sources
from lakehouse.transforms.modelled_days import LONGEST_INTERVAL_H
from lakehouse.transforms.port_calls import port_calls

FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
DAY = timedelta(days=1)
SPAN = "track_id string, from_at timestamp, until_at timestamp"
Told = Mapping[str, Rows]
Spans = list[tuple[str, datetime, datetime]]
Ends = dict[tuple[str, datetime], datetime]


def _of_tracks(segments: DataFrame, rows: Rows) -> DataFrame:
    """All segments of the tracks."""
    return segments.where(F.col("track_id").isin(sorted({row["track_id"] for row in rows})))


def _who(identities: DataFrame, rows: Rows, told: Told) -> DataFrame:
    """The first report of each identity that the tracks have, and of each that is a tanker: others tell the same."""
    mine = identities.where(F.col("mmsi").isin(sorted({row["mmsi"] for row in rows})))
    of_tracks = sorted({row["identity_id"] for row in told[t.GOLD_VESSEL_TRACKS.name] if row["identity_id"]})
    is_needed = F.col("identity_id").isin(of_tracks) | F.col("ship_type_code").between(*TANKERS)
    in_order = Window.partitionBy("mmsi", "identity_id").orderBy("hour_at")
    numbered = mine.where(is_needed).withColumn("number", F.row_number().over(in_order))
    return numbered.where("number = 1").select(identities.columns)


def _of_ships(segments: DataFrame, rows: Rows) -> DataFrame:
    """All segments of the MMSIs: a report is of one of them only while no other was heard."""
    return segments.where(F.col("mmsi").isin(sorted({row["mmsi"] for row in rows})))


def _who_and_how_deep(identities: DataFrame, rows: Rows, told: Told) -> DataFrame:
    """What `_who` needs, and all that was said of the draught until the last of the days ended."""
    until = datetime.combine(max(row["reported_on"] for row in rows), time(), UTC) + DAY
    of_ships = F.col("mmsi").isin(sorted({row["mmsi"] for row in rows}))
    is_told = of_ships & F.col("draught_m").isNotNull() & (F.col("observed_at") < F.lit(until))
    return _who(identities, rows, told).unionByName(identities.where(is_told)).distinct()


def _ships(register: DataFrame, rows: Rows) -> DataFrame:
    return register.where(F.col("imo_number").isin(sorted({row["imo_number"] for row in rows if row["imo_number"]})))


def _ends(calls: DataFrame, rows: Rows) -> DataFrame:
    """The port calls that the sailings departed from, and those that they arrived at."""
    ends = [(row["track_id"], row["departed_at"], row["arrived_at"]) for row in rows]
    wanted = calls.sparkSession.createDataFrame(ends, "track_id string, left_at timestamp, came_at timestamp")
    is_end = (F.col("departed_at") == F.col("left_at")) | (F.col("arrived_at") == F.col("came_at"))
    near = calls.where(F.col("track_id").isin(sorted({row["track_id"] for row in rows})))
    return near.join(F.broadcast(wanted), "track_id").where(is_end).select(calls.columns).distinct()


def _call_positions(positions: DataFrame, rows: Rows, told: Told) -> DataFrame:
    """From the last position before the first of the calls to that by which the vessel had left the last."""
    spans: dict[str, tuple[datetime, datetime]] = {}
    for row in rows:
        begins, ends = spans.get(row["track_id"], (row["arrived_at"], row["arrived_at"]))
        spans[row["track_id"]] = (min(begins, row["arrived_at"]), max(ends, row["left_by_at"] or FOREVER))
    return _within(positions, [(track, *span) for track, span in spans.items()], told)


def _way_positions(positions: DataFrame, rows: Rows, told: Told) -> DataFrame:
    """Of each sailing from the last stop in the one port to the first in the other."""
    calls = told[t.GOLD_PORT_CALLS.name]
    left: Ends = {(call["track_id"], call["departed_at"]): call["moved_at"] or call["departed_at"] for call in calls}
    came: Ends = {(call["track_id"], call["arrived_at"]): call["stopped_at"] or call["arrived_at"] for call in calls}
    spans: Spans = []
    for row in rows:
        track, arrived_at = row["track_id"], row["arrived_at"] or FOREVER
        begins: datetime = left.get((track, row["departed_at"])) or row["departed_at"]
        ends: datetime = came.get((track, arrived_at)) or arrived_at
        spans.append((track, begins, ends))
    return _within(positions, spans, told)


def _day_positions(positions: DataFrame, rows: Rows, told: Told) -> DataFrame:
    """Of each day, of the hours before that an interval may begin in, and the first position after it."""
    before = timedelta(hours=LONGEST_INTERVAL_H)
    midnights = [(row["track_id"], datetime.combine(row["reported_on"], time(), UTC)) for row in rows]
    spans = [(track, at - before, at + DAY) for track, at in midnights]
    return _within(positions, spans, told, and_next=True)


def _within(positions: DataFrame, spans: Spans, told: Told, *, and_next: bool = False) -> DataFrame:
    """Positions of the tracks in the spans, and the one of the track before each, or with ``and_next`` after it.

    Args:
        positions: ``silver.positions``.
        spans: Track, first and last instant.
        told: With the segments of the tracks.
        and_next: The one after a span that ends before it, and none before.
    """
    segments = told[t.GOLD_VESSEL_TRACKS.name]
    session = positions.sparkSession
    of_track = [(row["segment_id"], row["track_id"]) for row in segments]
    tracks = session.createDataFrame(of_track, "segment_id string, track_id string")
    wanted = session.createDataFrame(spans, SPAN)
    mine = positions.where(F.col("mmsi").isin(sorted({row["mmsi"] for row in segments})))
    in_order = Window.partitionBy("track_id").orderBy("observed_at")
    beside = (F.lag if and_next else F.lead)("observed_at").over(in_order)
    timeline = mine.join(F.broadcast(tracks), "segment_id").withColumn("beside_at", beside)
    at = F.col("observed_at")
    if and_next:
        is_within = (at >= F.col("from_at")) & (F.coalesce("beside_at", at) < F.col("until_at"))
    else:
        is_within = (F.coalesce("beside_at", F.lit(FOREVER)) >= F.col("from_at")) & (at <= F.col("until_at"))
    same = timeline["track_id"] == wanted["track_id"]
    return timeline.join(F.broadcast(wanted), same & is_within, "left_semi").select(positions.columns)


def _tail(given: Given) -> DataFrame:
    """The positions as `lakehouse.track_tables` hands them to its transforms."""
    tracks = given[t.GOLD_VESSEL_TRACKS.name].select("segment_id", "track_id")
    positions = given[t.SILVER_POSITIONS.name].select(*NEEDED).join(F.broadcast(tracks), "segment_id")
    nobody = positions.select("mmsi", F.lit(None).cast("int").alias("ship_type_code")).limit(0)
    return placed(positions, port_frame(positions.sparkSession), given.get(t.SILVER_IDENTITIES.name, nobody))


def _calls(given: Given, rows: Rows, _basis: Basis) -> DataFrame:
    found = port_calls(_tail(given)).withColumnRenamed("segment_id", "track_id")
    return _with_source(found, given, rows, t.GOLD_PORT_CALLS).select(*t.GOLD_PORT_CALLS.columns)


def _sailings(given: Given, rows: Rows, _basis: Basis) -> DataFrame:
    found = track_sailings(given[t.GOLD_PORT_CALLS.name], _tail(given))
    return _with_source(found, given, rows, t.GOLD_SAILINGS).select(*t.GOLD_SAILINGS.columns)


def _with_source(found: DataFrame, given: Given, rows: Rows, table: t.Table) -> DataFrame:
    """The feeds of a track, of which a row that was written before another feed heard the ship names those of then."""
    (key,) = (field.name for field in table.key)
    said = found.sparkSession.createDataFrame(
        [(row[key], row["source"].split(", ")) for row in rows], f"{key} string, said array<string>"
    )
    heard = F.split("source", ", ")
    is_of_then = F.size(F.array_except("said", heard)) == 0
    of_then = F.when(is_of_then, F.array_join("said", ", ")).otherwise(F.col("source"))
    known = found.join(track_sources(given[t.GOLD_VESSEL_TRACKS.name]), "track_id")
    return known.join(F.broadcast(said), key).withColumn("source", of_then)


def _fuel(given: Given, _rows: Rows, basis: Basis) -> DataFrame:
    tracks, identities = given[t.GOLD_VESSEL_TRACKS.name], given[t.SILVER_IDENTITIES.name]
    register = given[t.SILVER_SHIP_REGISTER.name]
    return track_fuel(_tail(given), tracks, identities, register, basis.settings.jump_limit_kn)


TRACK_LINKS: Mapping[t.Table, Link] = {
    t.GOLD_PORT_CALLS: Link(
        {t.GOLD_VESSEL_TRACKS: _of_tracks},
        _calls,
        through={t.SILVER_POSITIONS: _call_positions},
        same_run=frozenset({t.GOLD_VESSEL_TRACKS}),
    ),
    t.GOLD_SAILINGS: Link(
        {t.GOLD_PORT_CALLS: _ends, t.GOLD_VESSEL_TRACKS: _of_tracks},
        _sailings,
        through={t.SILVER_POSITIONS: _way_positions, t.SILVER_IDENTITIES: _who},
        same_run=frozenset({t.GOLD_VESSEL_TRACKS, t.GOLD_PORT_CALLS}),
    ),
    t.GOLD_TRACK_FUEL: Link(
        {t.GOLD_VESSEL_TRACKS: _of_ships, t.SILVER_SHIP_REGISTER: _ships},
        _fuel,
        through={t.SILVER_POSITIONS: _day_positions, t.SILVER_IDENTITIES: _who_and_how_deep},
        same_run=frozenset({t.GOLD_VESSEL_TRACKS}),
    ),
}
"""Links of `lakehouse.evidence.links`. A segment's track is an end of the way."""
