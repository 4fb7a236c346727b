"""How deep a ship lies: by its own reports while nobody else uses its number, and by its design where it tells none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from lakehouse.transforms.track_draughts import told_draughts, with_draught

MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)
MMSI = 230_000_001


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


def segments(spark: SparkSession, *given: tuple[str, float, float]) -> DataFrame:
    """Segments of one MMSI, each a track of its own, by the hours from and to which it was heard."""
    rows = [(name, name, MMSI, f"is {name}", at(start), at(end), False) for name, start, end in given]
    return spark.createDataFrame(
        rows, "segment_id string, track_id string, mmsi long, identity_id string, began_at timestamp,"
        " heard_at timestamp, is_noise boolean",
    )  # fmt: skip


def reports(spark: SparkSession, *given: tuple[str, float, float | None]) -> DataFrame:
    rows = [(MMSI, identity, at(hour), draught_m) for identity, hour, draught_m in given]
    return spark.createDataFrame(rows, "mmsi long, identity_id string, observed_at timestamp, draught_m double")


def ships(spark: SparkSession, *given: tuple[str, bool]) -> DataFrame:
    rows = [(track, 12.0, is_guessed) for track, is_guessed in given]
    return spark.createDataFrame(rows, "track_id string, design_draught_m double, is_guessed boolean")


def told(tracks: DataFrame, identities: DataFrame, of: DataFrame) -> list[tuple[Any, ...]]:
    rows = told_draughts(tracks, identities, of).orderBy("told_at").collect()
    return [(row.track_id, row.told_at.hour, row.draught_m) for row in rows]


def test_a_report_tells_a_ships_draught_only_while_no_other_ship_of_the_mmsi_is_heard(spark: SparkSession) -> None:
    tracks = segments(spark, ("a", 0, 10), ("b", 6, 20))
    identities = reports(spark, ("is a", 2, 9.0), ("is a", 8, 8.0), ("is b", 12, 7.0), ("is a", 13, 6.0))

    assert told(tracks, identities, ships(spark, ("a", False), ("b", False))) == [("a", 2, 9.0), ("b", 12, 7.0)]


def test_a_draught_that_no_such_ship_has_and_one_of_a_guessed_ship_count_as_not_told(spark: SparkSession) -> None:
    tracks = segments(spark, ("a", 0, 20))
    identities = reports(spark, ("is a", 1, None), ("is a", 2, 25.5), ("is a", 3, 1.2), ("is a", 4, 13.0))

    assert told(tracks, identities, ships(spark, ("a", False))) == [("a", 4, 13.0)]
    assert told(tracks, identities, ships(spark, ("a", True))) == []


def test_a_lake_whose_identities_tell_no_draught_yet_has_none(spark: SparkSession) -> None:
    identities = reports(spark, ("is a", 4, 13.0)).drop("draught_m")

    assert told(segments(spark, ("a", 0, 20)), identities, ships(spark, ("a", False))) == []


def test_a_draught_holds_from_its_report_to_the_next_and_before_the_first_none_is_known(spark: SparkSession) -> None:
    intervals = spark.createDataFrame(
        [(track, at(hour)) for track in ("a", "b") for hour in (0, 2, 4, 6)], "track_id string, started_at timestamp"
    )
    draughts = spark.createDataFrame(
        [("a", at(2), 9.0), ("a", at(5), 6.5)], "track_id string, told_at timestamp, draught_m double"
    )

    rows = with_draught(intervals, draughts).orderBy("track_id", "started_at").collect()

    assert [row.draught_m for row in rows] == [None, 9.0, 9.0, 6.5, None, None, None, None]
