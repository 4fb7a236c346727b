"""The tables that positions alone tell: tracks, port calls, sailings, gaps, encounters, loitering, modelled fuel.

They are brought up to date with the positions that were added since the version of ``silver.positions`` which was read
last, and with what was told since of who they are. ``gold.vessel_tracks`` is written last and names these versions in
its commit: a run that breaks off is done again from there, and every table is then as if it had not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts import tables as t
from contracts.tables import Table
from lakehouse.reference import port_frame
from lakehouse.runs import Run
from lakehouse.track_fuel import track_fuel
from lakehouse.track_news import News, known, news, registered_anew, touched
from lakehouse.transforms import tracks_anew as anew
from lakehouse.transforms.encounters import FROM_PORT_KM, encounters
from lakehouse.transforms.encounters_anew import in_window, window
from lakehouse.transforms.gaps import gaps, open_gaps, positions_before
from lakehouse.transforms.loitering import loitering, with_far_ports
from lakehouse.transforms.parsing import mmsi_class
from lakehouse.transforms.port_areas import with_nearest_port
from lakehouse.transforms.port_calls_anew import restated
from lakehouse.transforms.sailings import sailings
from lakehouse.transforms.track_identity import identity_revisions, with_identity
from lakehouse.transforms.vessel_tracks import ends_together, segment_ends, vessel_tracks

WRITTEN = (
    t.GOLD_PORT_CALLS, t.GOLD_SAILINGS, t.GOLD_GAPS, t.GOLD_LOITERING, t.GOLD_ENCOUNTERS, t.GOLD_TRACK_FUEL,
    t.GOLD_IDENTITY_REVISIONS, t.GOLD_VESSEL_TRACKS,
)  # fmt: skip
"""In the order in which they are written."""
NEEDED = ("segment_id", "mmsi", "observed_at", "lat_deg", "lon_deg", "sog_kn", "nav_status", "source")
HEARD = ("segment_id", "observed_at")
TANKERS = (80, 89)
"""Ship types of AIS that are tankers (ITU-R M.1371): they manoeuvre farther from the port."""


@dataclass(slots=True)
class Update:
    """One run over new positions.

    Attributes:
        run: What reads and writes.
        complete_until: Up to when the positions of each source have been read.
        jump_limit_kn: Fastest speed that a vessel can have.
        is_whole: Everything is found anew, and what is stored counts for nothing.
    """

    run: Run
    complete_until: Mapping[str, datetime]
    jump_limit_kn: float
    is_whole: bool = False

    def stored(self, table: Table) -> DataFrame:
        """What the table held before the run."""
        rows = self.run.read(table)
        return rows.where(F.lit(False)) if self.is_whole else rows

    def write(self, table: Table, rows: DataFrame, stale: DataFrame) -> None:
        """Put the rows in the place of the stale ones, or of all; where there are none of either, commit nothing."""
        rows = rows.select(*table.columns)
        if self.is_whole:
            self.run.replace(table, rows)
            return
        rows, stale = rows.localCheckpoint(), stale.localCheckpoint()  # a merge looks at both more than once
        if not (rows.isEmpty() and stale.isEmpty()):
            self.run.restate(table, rows, stale)


def update(run: Run, complete_until: Mapping[str, datetime], jump_limit_kn: float, *, whole: bool) -> bool:
    """Bring all tables up to date; whether there was anything to do.

    Args:
        run: What reads and writes.
        complete_until: Up to when the positions of each source have been read, for gaps that go on.
        jump_limit_kn: Fastest speed that a vessel can have.
        whole: Find everything anew.
    """
    for table in WRITTEN:
        run.store.create(table)
    found = news(run, NEEDED, whole=whole)
    if found is None:
        return False
    positions = _ships(run.read(t.SILVER_POSITIONS).select(*NEEDED))
    fresh = positions if found.positions is None else _ships(found.positions)
    _write_all(Update(run, complete_until, jump_limit_kn, found.positions is None), found, fresh, positions)
    return True


def _ships(positions: DataFrame) -> DataFrame:
    """Those of ships by their MMSI: a base station or a buoy calls at no port, and meets nobody."""
    return positions.where(mmsi_class(F.col("mmsi")) == "ship")


def _write_all(of: Update, found: News, fresh: DataFrame, positions: DataFrame) -> None:
    ports = port_frame(of.run.store.spark)
    before = of.stored(t.GOLD_VESSEL_TRACKS)
    again = touched(found, fresh, before).localCheckpoint()
    ends = ends_together(before.join(again, "mmsi", "left_semi"), segment_ends(fresh))
    identities = known(of.run, t.SILVER_IDENTITIES).join(again, "mmsi", "left_semi").localCheckpoint()
    # Each of these is computed once and is a short plan from then on: Spark looks at a plan whole in every step.
    labels = with_identity(vessel_tracks(ends, ports).localCheckpoint(), identities).localCheckpoint()
    others = anew.other_than_before(labels, before).union(registered_anew(found, before)).distinct().localCheckpoint()
    heard = fresh.select(*HEARD).unionByName(_told(found, labels))
    begins = anew.starts(heard, labels, of.stored(t.GOLD_PORT_CALLS), others).localCheckpoint()
    tail = _tail(of, positions, labels, begins, ports).localCheckpoint()
    tracks = _with_heard_before(labels, before, tail).localCheckpoint()
    everybody = before.join(again, "mmsi", "left_anti").unionByName(tracks, allowMissingColumns=True)
    calls = _port_calls(of, tail, begins, others, tracks)
    _sailings(of, tail, calls, begins, others, tracks)
    _gaps(of, tail, begins, others, everybody)
    _loitering(of, tail, begins, others, tracks, ports)
    _encounters(of, positions, fresh, others, everybody, ports)
    _fuel(of, tail, begins, others, tracks, identities)
    if not of.is_whole:
        of.write(t.GOLD_IDENTITY_REVISIONS, *_revised(tracks, before, identities))
    of.write(t.GOLD_VESSEL_TRACKS, tracks, _keys(t.GOLD_VESSEL_TRACKS, tracks).limit(0))
    of.run.rows_read = fresh.count()


def _told(found: News, labels: DataFrame) -> DataFrame:
    """New static reports as if they were positions of the ship that they name: they may tell its draught."""
    return found.told.join(labels, ["mmsi", "identity_id"]).select(*HEARD)


def _port_calls(of: Update, tail: DataFrame, begins: DataFrame, others: DataFrame, tracks: DataFrame) -> DataFrame:
    """Write them, and return those from which the sailings follow: those stated anew, and the settled one before."""
    stored = of.stored(t.GOLD_PORT_CALLS)
    since = begins.select(F.col("track_id").alias("segment_id"), F.col("begins_at").alias("recompute_from"))
    found = restated(tail, since).withColumnRenamed("segment_id", "track_id")
    stale = anew.from_start(stored, begins, "arrived_at", inclusive=False)
    of.write(t.GOLD_PORT_CALLS, with_source(found, tracks), _stale(t.GOLD_PORT_CALLS, stale, stored, others))
    written = of.run.store.read(t.GOLD_PORT_CALLS)
    latest = anew.from_start(written, begins, "arrived_at", inclusive=False)
    return latest.unionByName(anew.settled_calls(written, begins))


def _sailings(
    of: Update, tail: DataFrame, calls: DataFrame, begins: DataFrame, others: DataFrame, tracks: DataFrame
) -> None:
    stored = of.stored(t.GOLD_SAILINGS)
    stale = anew.from_start(stored, begins, "departed_at", inclusive=True)
    rows = with_source(track_sailings(calls, tail), tracks)
    of.write(t.GOLD_SAILINGS, rows, _stale(t.GOLD_SAILINGS, stale, stored, others))


def track_sailings(calls: DataFrame, tail: DataFrame) -> DataFrame:
    """Rows of ``gold.sailings`` without their ``source``.

    Args:
        calls: Rows of ``gold.port_calls``.
        tail: Positions of the tracks, of `placed`.
    """
    found = sailings(calls.withColumnRenamed("track_id", "segment_id"), tail).withColumns(
        {
            "route_id": F.concat(_port("from"), F.lit("-"), _port("to")),
            "departed_on": F.to_date("departed_at"),
        }
    )
    return found.withColumnRenamed("segment_id", "track_id")


def _port(side: str) -> Column:
    """A port's UN/LOCODE, else its number in the World Port Index; null where there is none yet."""
    return F.coalesce(F.col(f"{side}_locode"), F.concat(F.lit("WPI"), F.col(f"{side}_wpi_number")))


def _gaps(of: Update, tail: DataFrame, begins: DataFrame, others: DataFrame, everybody: DataFrame) -> None:
    """Closed ones of the tracks that are stated anew, and those that go on of all tracks."""
    stored = of.stored(t.GOLD_GAPS)
    closed = gaps(tail).withColumnRenamed("segment_id", "track_id")
    heard = _last_of_track(everybody).withColumn("complete_until", _complete_until(of.complete_until))
    still_open = open_gaps(heard.withColumn("segment_id", F.col("track_id")))
    rows = anew.from_start(closed, begins, "started_at", inclusive=True).unionByName(
        still_open.withColumnRenamed("segment_id", "track_id")
    )
    stale = anew.from_start(stored, begins, "started_at", inclusive=True).unionByName(stored.where("is_open"))
    of.write(t.GOLD_GAPS, with_source(rows, everybody), _stale(t.GOLD_GAPS, stale, stored, others))


def _loitering(
    of: Update, tail: DataFrame, begins: DataFrame, others: DataFrame, tracks: DataFrame, ports: DataFrame
) -> None:
    stored = of.stored(t.GOLD_LOITERING)
    found = loitering(with_far_ports(tail, ports)).withColumnRenamed("segment_id", "track_id")
    rows = anew.from_start(found, begins, "started_at", inclusive=True)
    stale = anew.from_start(stored, begins, "started_at", inclusive=True)
    of.write(t.GOLD_LOITERING, with_source(rows, tracks), _stale(t.GOLD_LOITERING, stale, stored, others))


def _fuel(
    of: Update, tail: DataFrame, begins: DataFrame, others: DataFrame, tracks: DataFrame, identities: DataFrame
) -> None:
    """Days from that of the last settled departure on: the tail begins early enough for the whole of it."""
    stored = of.stored(t.GOLD_TRACK_FUEL)
    found = track_fuel(tail, tracks, identities, known(of.run, t.SILVER_SHIP_REGISTER), of.jump_limit_kn)
    days = begins.withColumn("begins_at", F.date_trunc("day", "begins_at"))
    rows = anew.from_start(found, days, "reported_on", inclusive=True)
    stale = anew.from_start(stored, days, "reported_on", inclusive=True)
    of.write(t.GOLD_TRACK_FUEL, rows, _stale(t.GOLD_TRACK_FUEL, stale, stored, others))


def _revised(tracks: DataFrame, before: DataFrame, identities: DataFrame) -> tuple[DataFrame, DataFrame]:
    table = t.GOLD_IDENTITY_REVISIONS
    rows = identity_revisions(tracks, before, identities).localCheckpoint()
    return rows, _keys(table, rows)


def _encounters(
    of: Update, positions: DataFrame, fresh: DataFrame, others: DataFrame, everybody: DataFrame, ports: DataFrame
) -> None:
    """All pairs in the days of the new positions: the other vessel may have none."""
    stored = of.stored(t.GOLD_ENCOUNTERS)
    span = window(fresh, stored, everybody.join(others, "mmsi", "left_semi")).first()
    assert span is not None  # an aggregate without groups has one row
    ships = everybody.where(~F.col("is_noise")).select("segment_id", "track_id")
    near = in_window(positions, span["read_from_at"], span["read_to_at"]).join(ships, "segment_id")
    of_tracks = near.drop("segment_id").withColumnRenamed("track_id", "segment_id")
    found = encounters(with_nearest_port(of_tracks, ports, FROM_PORT_KM))
    rows = found.withColumnsRenamed({"segment_id_1": "track_id_1", "segment_id_2": "track_id_2"})
    sources = track_sources(everybody)
    for side in ("1", "2"):
        named = sources.select(F.col("track_id").alias(f"track_id_{side}"), F.col("source").alias(f"source_{side}"))
        rows = rows.join(named, f"track_id_{side}")
    both = F.array_union(F.split("source_1", ", "), F.split("source_2", ", "))
    rows = rows.withColumn("source", F.array_join(F.array_sort(both), ", "))
    starts, ends = (F.lit(span[name]) for name in ("from_at", "to_at"))
    is_inside = F.col("started_at").between(starts, ends)
    of.write(t.GOLD_ENCOUNTERS, rows.where(is_inside), stored.where(is_inside))


def _tail(of: Update, positions: DataFrame, labels: DataFrame, begins: DataFrame, ports: DataFrame) -> DataFrame:
    """Positions of the tracks that are stated anew, from when on they are needed; ``segment_id`` is the track."""
    earliest = begins.agg(F.to_date(F.min("read_from_at"))).first()
    assert earliest is not None  # an aggregate without groups has one row
    mine = labels.where(~F.col("is_noise")).join(begins, "track_id").select("segment_id", "track_id", "read_from_at")
    of_days = positions if earliest[0] is None else positions.where(F.col("observed_at") >= F.lit(earliest[0]))
    rows = of_days.join(mine, "segment_id").where(F.col("observed_at") >= F.col("read_from_at"))
    return placed(rows.drop("read_from_at"), ports, known(of.run, t.SILVER_VESSELS))


def placed(positions: DataFrame, ports: DataFrame, vessels: DataFrame) -> DataFrame:
    """Positions of tracks with their nearest port and whether the ship is a tanker; ``segment_id`` is the track.

    Args:
        positions: `NEEDED`, and ``track_id``.
        ports: As `with_nearest_port` wants them.
        vessels: ``mmsi`` and ``ship_type_code``, as ``silver.vessels`` or the reports behind it have them.
    """
    of_tracks = positions.drop("segment_id").withColumnRenamed("track_id", "segment_id")
    near = with_nearest_port(of_tracks, ports, FROM_PORT_KM)
    is_tanker = F.col("ship_type_code").between(*TANKERS)
    tankers = vessels.where(is_tanker).select("mmsi", F.lit(True).alias("is_tanker")).distinct()
    told = near.join(F.broadcast(tankers), "mmsi", "left")
    return told.withColumn("is_tanker", F.coalesce("is_tanker", F.lit(False)))


def _with_heard_before(labels: DataFrame, before: DataFrame, tail: DataFrame) -> DataFrame:
    """The segments with ``positions_before`` where they are the last of their track."""
    counted = positions_before(tail).withColumnsRenamed({"segment_id": "track_id", "positions_before": "now"})
    was = before.select("segment_id", F.col("positions_before").alias("was"))
    is_last = F.col("heard_at") == F.max("heard_at").over(Window.partitionBy("track_id"))
    return (
        labels.join(counted, "track_id", "left")
        .join(was, "segment_id", "left")
        .withColumn("positions_before", F.when(is_last & ~F.col("is_noise"), F.coalesce("now", "was")))
        .drop("now", "was")
    )


def _last_of_track(everybody: DataFrame) -> DataFrame:
    latest = F.max("heard_at").over(Window.partitionBy("track_id"))
    return everybody.where(~F.col("is_noise")).withColumn("latest_at", latest).where("heard_at = latest_at")


def _complete_until(reached: Mapping[str, datetime]) -> Column:
    """Of a vessel's sources the one that was read farthest; null for sources that nothing is known of."""
    if not reached:
        return F.lit(None).cast("timestamp")
    known = F.create_map(*(F.lit(part) for pair in reached.items() for part in pair))
    return F.array_max(F.transform(F.split("source", ", "), lambda source: F.try_element_at(known, source)))


def track_sources(tracks: DataFrame) -> DataFrame:
    """``source`` of each track: the feeds of all its segments."""
    listed = F.array_distinct(F.flatten(F.collect_list(F.split("source", ", "))))
    return tracks.groupBy("track_id").agg(F.array_join(F.array_sort(listed), ", ").alias("source"))


def with_source(rows: DataFrame, tracks: DataFrame) -> DataFrame:
    """Rows with the feeds that their track was heard by."""
    return rows.join(track_sources(tracks), "track_id")


def _stale(table: Table, restated_rows: DataFrame, stored: DataFrame, others: DataFrame) -> DataFrame:
    """Keys of rows that are stated anew, and of all rows of the MMSIs whose tracks are other than before."""
    return _keys(table, restated_rows).unionByName(_keys(table, stored.join(others, "mmsi", "left_semi")))


def _keys(table: Table, rows: DataFrame) -> DataFrame:
    return rows.select(*(column.name for column in table.key))
