"""How deep a ship lies: by what it said last itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from lakehouse.transforms.track_draughts import told_draughts, with_draught

MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)
MMSI = 230_000_001


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


def tracks_of(spark: SparkSession, *names: str) -> DataFrame:
    """Tracks of one MMSI, each of two segments and a ship of its own."""
    rows = [(name, MMSI, f"is {name}") for name in names for _ in range(2)]
    return spark.createDataFrame(rows, "track_id string, mmsi long, identity_id string")


def reports(spark: SparkSession, *given: tuple[str, float, float | None]) -> DataFrame:
    rows = [(MMSI, identity, at(hour), draught_m) for identity, hour, draught_m in given]
    return spark.createDataFrame(rows, "mmsi long, identity_id string, observed_at timestamp, draught_m double")


def ships(spark: SparkSession, *given: tuple[str, bool]) -> DataFrame:
    rows = [(track, 12.0, is_guessed) for track, is_guessed in given]
    return spark.createDataFrame(rows, "track_id string, design_draught_m double, is_guessed boolean")


def told(tracks: DataFrame, identities: DataFrame, of: DataFrame) -> list[tuple[Any, ...]]:
    rows = told_draughts(tracks, identities, of).orderBy("told_at").collect()
    return [(row.track_id, row.told_at.hour, row.draught_m) for row in rows]


def test_a_report_tells_the_draught_of_the_ship_that_it_names_also_where_two_share_an_mmsi(spark: SparkSession) -> None:
    identities = reports(spark, ("is a", 2, 9.0), ("is b", 3, 7.0), ("is nobody", 4, 6.0), ("is a", 5, 8.0))
    both = ships(spark, ("a", False), ("b", False))

    assert told(tracks_of(spark, "a", "b"), identities, both) == [("a", 2, 9.0), ("b", 3, 7.0), ("a", 5, 8.0)]


def test_a_draught_that_no_such_ship_has_and_one_of_a_guessed_ship_count_as_not_told(spark: SparkSession) -> None:
    identities = reports(spark, ("is a", 1, None), ("is a", 2, 25.5), ("is a", 3, 1.2), ("is a", 4, 13.0))

    assert told(tracks_of(spark, "a"), identities, ships(spark, ("a", False))) == [("a", 4, 13.0)]
    assert told(tracks_of(spark, "a"), identities, ships(spark, ("a", True))) == []


def test_a_lake_whose_identities_tell_no_draught_yet_has_none(spark: SparkSession) -> None:
    identities = reports(spark, ("is a", 4, 13.0)).drop("draught_m")

    assert told(tracks_of(spark, "a"), identities, ships(spark, ("a", False))) == []


def test_a_draught_holds_from_its_report_to_the_next_and_before_the_first_none_is_known(spark: SparkSession) -> None:
    intervals = spark.createDataFrame(
        [(track, at(hour)) for track in ("a", "b") for hour in (0, 2, 4, 6)], "track_id string, started_at timestamp"
    )
    draughts = spark.createDataFrame(
        [("a", at(2), 9.0), ("a", at(5), 6.5)], "track_id string, told_at timestamp, draught_m double"
    )

    rows = with_draught(intervals, draughts).orderBy("track_id", "started_at").collect()

    assert [row.draught_m for row in rows] == [None, 9.0, 9.0, 6.5, None, None, None, None]
