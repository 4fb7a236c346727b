"""Which segments are one vessel: across a silence in port or at sea, and never two ships at the same time."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from pyspark.sql import DataFrame, SparkSession

from lakehouse.reference import PORT_SCHEMA, port_frame
from lakehouse.transforms.vessel_tracks import END, ends_together, segment_ends, vessel_tracks
from producers.twin import FaultRates, TwinConfig, generate

MIDNIGHT = datetime(2024, 3, 2, tzinfo=UTC)
ENDS = (
    "segment_id string, mmsi long, began_at timestamp, began_lat_deg double, began_lon_deg double, heard_at timestamp, "
    "heard_lat_deg double, heard_lon_deg double, position_count long, source string"
)
POSITIONS = "segment_id string, mmsi long, observed_at timestamp, lat_deg double, lon_deg double, source string"
KM = 1 / 111.24
"""Degrees of latitude."""
End = tuple[str, int, datetime, float, float, datetime, float, float, int, str]


@pytest.fixture(scope="module")
def ports(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame([("1", "XXONE", "One", 50.0, 0.0)], PORT_SCHEMA)


def segment(name: str, hours: tuple[float, float], km: tuple[float, float], mmsi: int = 1, count: int = 20) -> End:
    """A segment from one hour to another, from and to so many kilometres north of the port."""
    start, end = (MIDNIGHT + timedelta(hours=h) for h in hours)
    return name, mmsi, start, 50 + km[0] * KM, 0.0, end, 50 + km[1] * KM, 0.0, count, "noaa"


def tracks(ports: DataFrame, *segments: End) -> dict[str, str]:
    found = vessel_tracks(ports.sparkSession.createDataFrame(list(segments), ENDS), ports).collect()
    assert len(found) == len(segments)
    return {row.segment_id: row.track_id for row in found}


def test_a_ship_that_is_silent_in_port_for_weeks_is_the_same_when_it_speaks_there_again(ports: DataFrame) -> None:
    found = tracks(
        ports,
        segment("a", (0, 10), (90, 1)),
        segment("b", (1_000, 1_010), (5, 3)),
        segment("c", (2_000, 2_010), (-4, 90)),
        segment("d", (0, 10), (90, 1), mmsi=2),
        segment("e", (1_000, 1_010), (12, 90), mmsi=2),
    )

    assert found == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "e"}


def test_segments_that_overlap_in_time_are_two_ships_and_each_goes_on_by_itself(ports: DataFrame) -> None:
    found = tracks(
        ports,
        segment("ours", (0, 10), (90, 1)),
        segment("another", (5, 60), (900, 950)),
        segment("ours again", (40, 50), (1, 90)),
        segment("at the same time", (9, 30), (2, 3)),
        segment("later", (100, 110), (960, 990)),
    )

    assert found["ours again"] == "at the same time"  # of two that ended in the port the one heard last
    assert {name for name, track in found.items() if name == track} == {"ours", "another", "at the same time", "later"}


@pytest.mark.parametrize(
    ("hours", "km", "goes_on"),
    [((40, 50), 1_500, True), ((40, 50), 3_000, False), ((739, 750), 1_500, False), ((30, 50), 90, True)],
    ids=["in reach", "out of reach", "after a month", "near by"],
)
def test_at_sea_a_ship_goes_on_where_it_can_have_sailed_to(
    ports: DataFrame, hours: tuple[float, float], km: float, goes_on: bool
) -> None:
    found = tracks(ports, segment("a", (0, 10), (10, 500)), segment("b", hours, (km, km)))

    assert (found["b"] == "a") is goes_on


def test_at_sea_nobody_goes_on_while_another_ship_speaks_with_the_number(ports: DataFrame) -> None:
    way = [segment("a", (0, 10), (90, 500)), segment("b", (40, 50), (600, 700))]

    assert tracks(ports, *way)["b"] == "a"
    assert tracks(ports, *way, segment("x", (15, 30), (9_000, 9_000)))["b"] == "b"
    assert tracks(ports, *way, segment("x", (45, 70), (9_000, 9_000)))["b"] == "b"


def test_a_few_false_places_beside_a_ship_are_noise_and_part_nobody(ports: DataFrame) -> None:
    rows = [segment("a", (0, 10), (90, 500)), segment("x", (20, 20), (0, 0), count=2), segment("b", (40, 50), (600, 7))]
    found = vessel_tracks(ports.sparkSession.createDataFrame(rows, ENDS), ports).collect()
    alone = vessel_tracks(ports.sparkSession.createDataFrame(rows[1:2], ENDS), ports).collect()

    assert {row.segment_id: (row.track_id, row.is_noise) for row in found} == {
        "a": ("a", False), "b": ("a", False), "x": ("x", True),
    }  # fmt: skip
    assert [row.is_noise for row in alone] == [False]  # nobody else has the number: it is a ship until we know better


def test_ends_are_the_same_from_all_positions_and_from_parts_of_them(spark: SparkSession) -> None:
    rows = [
        (name, 1, MIDNIGHT + timedelta(minutes=7 * i), float(i), -float(i), "noaa" if i % 3 else "twin")
        for name in "ab"
        for i in range(20)
    ]
    whole, one, other = (spark.createDataFrame(part, POSITIONS) for part in (rows, rows[::2], rows[1::2]))

    together = ends_together(segment_ends(one), segment_ends(other)).orderBy("segment_id").collect()

    assert together == segment_ends(whole).orderBy("segment_id").collect()
    assert together[0].asDict() | {"segment_id": "a"} == dict(
        zip(END, ("a", 1, *_naive(rows[0]), *_naive(rows[19]), 20, "noaa, twin"), strict=True)
    )


def _naive(row: tuple[str, int, datetime, float, float, str]) -> tuple[datetime, float, float]:
    return row[2].replace(tzinfo=None), row[3], row[4]


def test_of_a_real_number_with_many_false_places_one_track_is_a_ship(
    spark: SparkSession, ports: DataFrame, data_dir: Path
) -> None:
    raw = pl.read_csv(gzip.decompress((data_dir / "shared_mmsi/338013000.csv.gz").read_bytes()), try_parse_dates=True)
    rows = raw.select("segment", "observed_at", "lat_deg", "lon_deg").rows()
    values = [(str(name), 338_013_000, *seen, "recorded") for name, *seen in rows]
    positions = spark.createDataFrame(values, POSITIONS)

    found = vessel_tracks(segment_ends(positions), ports).collect()

    assert len(found) > 1
    assert [row.segment_id for row in found if not row.is_noise] == [str(rows[0][0])]


def test_no_track_of_the_twin_holds_two_ships_and_a_ship_with_its_own_number_is_one(
    spark: SparkSession, tmp_path: Path
) -> None:
    generate(TwinConfig(ships=4, days=12, seed=5, faults=FaultRates(gaps_per_ship_day=0, shared_mmsi=2)), tmp_path)
    lines = gzip.decompress((tmp_path / "ais.jsonl.gz").read_bytes()).splitlines()
    found = [json.loads(line) for line in lines if b'"event_type":"position"' in line and line.endswith(b"}")]
    truth = pl.read_csv(tmp_path / "truth/shared_mmsi.csv")
    sender = dict(zip(truth["event_id"], truth["imo_number"], strict=True))
    rows = []
    for each in found:
        day = (each["observed_at_ms"] - found[0]["observed_at_ms"]) // 86_400_000
        if abs(each["lat_deg"]) < 90 and 2e8 < each["mmsi"] < 8e8 and day not in (5, 6):  # two days of silence
            ship = sender.get(each["event_id"], each["mmsi"])
            at = datetime.fromtimestamp(each["observed_at_ms"] / 1000, UTC)
            rows.append((f"{ship}-{day // 6}", each["mmsi"], at, each["lat_deg"], each["lon_deg"], "twin"))

    labels = vessel_tracks(segment_ends(spark.createDataFrame(rows, POSITIONS)), port_frame(spark)).collect()

    ships: dict[str, set[str]] = {}
    for row in labels:
        ships.setdefault(row.track_id, set()).add(row.segment_id.split("-")[0])
    own = {row.mmsi for row in labels} - {row.mmsi for row in labels if not row.segment_id.startswith(str(row.mmsi))}
    assert len(labels) == 12
    assert {len(of) for of in ships.values()} == {1}
    assert own
    assert all(len({row.track_id for row in labels if row.mmsi == mmsi}) == 1 for mmsi in own)
