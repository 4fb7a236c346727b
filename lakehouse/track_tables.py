"""The tables that positions alone tell: tracks, port calls, sailings, gaps, encounters, loitering.

They are brought up to date with the positions that were added since the version of ``silver.positions`` which was read
last. ``gold.vessel_tracks`` is written last and names that version in its commit: a run that breaks off is done again
from there, and every table is then as if it had not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import deltalake
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts import tables as t
from contracts.tables import Table
from lakehouse.additions import added
from lakehouse.reference import port_frame
from lakehouse.runs import Run
from lakehouse.transforms import tracks_anew as anew
from lakehouse.transforms.encounters import FROM_PORT_KM, encounters
from lakehouse.transforms.encounters_anew import in_window, window
from lakehouse.transforms.gaps import gaps, open_gaps, positions_before
from lakehouse.transforms.loitering import loitering, with_far_ports
from lakehouse.transforms.parsing import mmsi_class
from lakehouse.transforms.port_areas import with_nearest_port
from lakehouse.transforms.port_calls_anew import restated
from lakehouse.transforms.sailings import sailings
from lakehouse.transforms.vessel_tracks import ends_together, segment_ends, vessel_tracks

WRITTEN = (
    t.GOLD_PORT_CALLS, t.GOLD_SAILINGS, t.GOLD_GAPS, t.GOLD_LOITERING, t.GOLD_ENCOUNTERS, t.GOLD_VESSEL_TRACKS,
)  # fmt: skip
"""In the order in which they are written."""
NEEDED = ("segment_id", "mmsi", "observed_at", "lat_deg", "lon_deg", "sog_kn", "nav_status", "source")
RULES = 1
"""Number of the rules by which rows are found. With another one all of them are found anew."""
TANKERS = (80, 89)
"""Ship types of AIS that are tankers (ITU-R M.1371): they manoeuvre farther from the port."""


@dataclass(slots=True)
class Update:
    """One run over new positions.

    Attributes:
        run: What reads and writes.
        complete_until: Up to when the positions of each source have been read.
        is_whole: Everything is found anew, and what is stored counts for nothing.
    """

    run: Run
    complete_until: Mapping[str, datetime]
    is_whole: bool = False

    def stored(self, table: Table) -> DataFrame:
        """What the table held before the run."""
        rows = self.run.read(table)
        return rows.where(F.lit(False)) if self.is_whole else rows

    def write(self, table: Table, rows: DataFrame, stale: DataFrame) -> None:
        """Put the rows in the place of the stale ones, or of all."""
        rows = rows.select(*table.columns)
        if self.is_whole:
            self.run.replace(table, rows)
        else:
            self.run.restate(table, rows, stale)


def update(run: Run, complete_until: Mapping[str, datetime], *, whole: bool) -> bool:
    """Bring all tables up to date; whether there was anything to do.

    Args:
        run: What reads and writes.
        complete_until: Up to when the positions of each source have been read, for gaps that go on.
        whole: Find everything anew.
    """
    store = run.store
    for table in WRITTEN:
        store.create(table)
    positions = _ships(run.read(t.SILVER_POSITIONS).select(*NEEDED))
    version = run.inputs[t.SILVER_POSITIONS.name]
    run.basis["positions"] = _identity(run)
    before = None if whole else _reached(run)
    if before == version:
        return False
    fresh = None if before is None else added(store, t.SILVER_POSITIONS, before, version, NEEDED)
    news = positions if fresh is None else _ships(fresh)
    _write_all(Update(run, complete_until, is_whole=fresh is None), news, positions)
    return True


def _ships(positions: DataFrame) -> DataFrame:
    """Those of ships by their MMSI: a base station or a buoy calls at no port, and meets nobody."""
    return positions.where(mmsi_class(F.col("mmsi")) == "ship")


def _write_all(of: Update, fresh: DataFrame, positions: DataFrame) -> None:
    ports = port_frame(of.run.store.spark)
    before = of.stored(t.GOLD_VESSEL_TRACKS)
    touched = fresh.select("mmsi").distinct()
    ends = ends_together(before.join(touched, "mmsi", "left_semi"), segment_ends(fresh))
    # Each of these is computed once and is a short plan from then on: Spark looks at a plan whole in every step.
    labels = vessel_tracks(ends, ports).localCheckpoint()
    others = anew.other_than_before(labels, before).localCheckpoint()
    begins = anew.starts(fresh, labels, of.stored(t.GOLD_PORT_CALLS), others).localCheckpoint()
    tail = _tail(of, positions, labels, begins, ports).localCheckpoint()
    tracks = _with_heard_before(labels, before, tail).localCheckpoint()
    everybody = before.join(touched, "mmsi", "left_anti").unionByName(tracks, allowMissingColumns=True)
    calls = _port_calls(of, tail, begins, others, tracks)
    _sailings(of, tail, calls, begins, others, tracks)
    _gaps(of, tail, begins, others, everybody)
    _loitering(of, tail, begins, others, tracks, ports)
    _encounters(of, positions, fresh, others, everybody, ports)
    of.write(t.GOLD_VESSEL_TRACKS, tracks, _keys(t.GOLD_VESSEL_TRACKS, tracks).limit(0))
    of.run.rows_read = fresh.count()


def _port_calls(of: Update, tail: DataFrame, begins: DataFrame, others: DataFrame, tracks: DataFrame) -> DataFrame:
    """Write them, and return those from which the sailings follow: those stated anew, and the settled one before."""
    stored = of.stored(t.GOLD_PORT_CALLS)
    since = begins.select(F.col("track_id").alias("segment_id"), F.col("begins_at").alias("recompute_from"))
    found = restated(tail, since).withColumnRenamed("segment_id", "track_id")
    stale = anew.from_start(stored, begins, "arrived_at", inclusive=False)
    of.write(t.GOLD_PORT_CALLS, _with_source(found, tracks), _stale(t.GOLD_PORT_CALLS, stale, stored, others))
    written = of.run.store.read(t.GOLD_PORT_CALLS, of.run.versions[t.GOLD_PORT_CALLS.name])
    latest = anew.from_start(written, begins, "arrived_at", inclusive=False)
    return latest.unionByName(anew.settled_calls(written, begins))


def _sailings(
    of: Update, tail: DataFrame, calls: DataFrame, begins: DataFrame, others: DataFrame, tracks: DataFrame
) -> None:
    stored = of.stored(t.GOLD_SAILINGS)
    found = sailings(calls.withColumnRenamed("track_id", "segment_id"), tail).withColumns(
        {
            "route_id": F.concat(_port("from"), F.lit("-"), _port("to")),
            "departed_on": F.to_date("departed_at"),
        }
    )
    stale = anew.from_start(stored, begins, "departed_at", inclusive=True)
    rows = _with_source(found.withColumnRenamed("segment_id", "track_id"), tracks)
    of.write(t.GOLD_SAILINGS, rows, _stale(t.GOLD_SAILINGS, stale, stored, others))


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
    of.write(t.GOLD_GAPS, _with_source(rows, everybody), _stale(t.GOLD_GAPS, stale, stored, others))


def _loitering(
    of: Update, tail: DataFrame, begins: DataFrame, others: DataFrame, tracks: DataFrame, ports: DataFrame
) -> None:
    stored = of.stored(t.GOLD_LOITERING)
    found = loitering(with_far_ports(tail, ports)).withColumnRenamed("segment_id", "track_id")
    rows = anew.from_start(found, begins, "started_at", inclusive=True)
    stale = anew.from_start(stored, begins, "started_at", inclusive=True)
    of.write(t.GOLD_LOITERING, _with_source(rows, tracks), _stale(t.GOLD_LOITERING, stale, stored, others))


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
    sources = _sources(everybody)
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
    of_tracks = rows.drop("segment_id", "read_from_at").withColumnRenamed("track_id", "segment_id")
    return _with_tanker(of, with_nearest_port(of_tracks, ports, FROM_PORT_KM))


def _with_tanker(of: Update, positions: DataFrame) -> DataFrame:
    if not of.run.store.exists(t.SILVER_VESSELS):
        return positions.withColumn("is_tanker", F.lit(False))
    is_tanker = F.col("ship_type_code").between(*TANKERS)
    tankers = of.run.read(t.SILVER_VESSELS).where(is_tanker).select("mmsi", F.lit(True).alias("is_tanker")).distinct()
    known = positions.join(F.broadcast(tankers), "mmsi", "left")
    return known.withColumn("is_tanker", F.coalesce("is_tanker", F.lit(False)))


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


def _sources(tracks: DataFrame) -> DataFrame:
    listed = F.array_distinct(F.flatten(F.collect_list(F.split("source", ", "))))
    return tracks.groupBy("track_id").agg(F.array_join(F.array_sort(listed), ", ").alias("source"))


def _with_source(rows: DataFrame, tracks: DataFrame) -> DataFrame:
    """Rows with the feeds that their track was heard by."""
    return rows.join(_sources(tracks), "track_id")


def _stale(table: Table, restated_rows: DataFrame, stored: DataFrame, others: DataFrame) -> DataFrame:
    """Keys of rows that are stated anew, and of all rows of the MMSIs whose tracks are other than before."""
    return _keys(table, restated_rows).unionByName(_keys(table, stored.join(others, "mmsi", "left_semi")))


def _keys(table: Table, rows: DataFrame) -> DataFrame:
    return rows.select(*(column.name for column in table.key))


def _identity(run: Run) -> dict[str, Any]:
    """Which table of positions was read, and by which rules: another one is read whole."""
    table_id = deltalake.DeltaTable(run.store.path(t.SILVER_POSITIONS)).metadata().id
    return {"table_id": str(table_id), "rules": RULES}


def _reached(run: Run) -> int | None:
    """The version of ``silver.positions`` that the tables rest on; null where all is to be found anew."""
    for commit in deltalake.DeltaTable(run.store.path(t.GOLD_VESSEL_TRACKS)).history():
        said = json.loads(commit.get("userMetadata") or "{}")
        if commit.get("operation") == "RESTORE":
            return None
        if said.get("job") == run.job:
            is_same = said.get("positions") == run.basis["positions"]
            return int(said["inputs"][t.SILVER_POSITIONS.name]) if is_same else None
    return None
