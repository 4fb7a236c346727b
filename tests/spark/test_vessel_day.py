"""A vessel's day: the way it sailed, and the same row however its positions came in."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from contracts.settings import Settings
from contracts.tables import GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST, SILVER_POSITIONS
from lakehouse import gold
from lakehouse.flows import Batch
from lakehouse.schema import spark_schema
from lakehouse.store import Store
from lakehouse.transforms.tracks import leg_nm, with_legs

MIDNIGHT = datetime(2024, 3, 2, tzinfo=UTC)
SHIP, OTHER = 366053209, 219000001
Report = dict[str, Any]


@pytest.fixture
def lake(store: Store) -> Store:
    """The lake with the tables that the Gold stream reads and writes, empty."""
    for table in (SILVER_POSITIONS, GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST):
        store.create(table)
    return store


def report(minutes: float, **changes: object) -> Report:
    """A position so many minutes after midnight, a bit further east for each minute (about 10 kn)."""
    at = MIDNIGHT + timedelta(minutes=minutes)
    place = {"lat_deg": 30.0, "lon_deg": 32.0 + minutes / 320, "sog_kn": 10.0, "source": "noaa"}
    told = {"mmsi": SHIP, "observed_at": at, "observed_on": at.date(), **place, **changes}
    return {"segment_id": f"{told['mmsi']}-1", **told}


def batch_of(lake: Store, reports: list[Report], batch_id: int, *, landed: bool = False) -> Batch:
    """The reports as a batch of the stream, in Silver already or put there now."""
    rows = [tuple(report.get(name, _absent(name)) for name in SILVER_POSITIONS.columns) for report in reports]
    frame = lake.spark.createDataFrame(rows, spark_schema(SILVER_POSITIONS))
    if not landed:
        lake.append(SILVER_POSITIONS, frame)
    return Batch("gold.vessels", frame, batch_id, "c1", datetime.now(UTC))


def _absent(name: str) -> list[str] | None:
    return [] if name == "flags" else None


def days(lake: Store) -> dict[tuple[int, date], Row]:
    return {(row.mmsi, row.observed_on): row for row in lake.read(GOLD_VESSEL_DAY).collect()}


def assert_same(got: dict[tuple[int, date], Row], wanted: dict[tuple[int, date], Row]) -> None:
    assert got.keys() == wanted.keys()
    for key, row in wanted.items():
        assert got[key].asDict() == {
            name: pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
            for name, value in row.asDict().items()
        }


@pytest.mark.parametrize(
    ("lat_1", "lon_1", "lat_2", "lon_2", "geodesic_nm"),
    [
        (51.95, 4.05, 40.67, -74.04, 3156.6778),
        (51.95, 4.05, 1.26, 103.82, 5706.0979),
        (0.0, 0.0, 0.0, 1.0, 60.1077),
        (0.0, 0.0, 1.0, 0.0, 59.7054),
        (60.0, 0.0, 61.0, 0.0, 60.1624),
        (10.0, 179.5, 10.0, -179.5, 59.2005),
    ],
)
def test_a_leg_is_as_long_as_the_geodesic_on_wgs84(
    spark: SparkSession, lat_1: float, lon_1: float, lat_2: float, lon_2: float, geodesic_nm: float
) -> None:
    leg = leg_nm(F.lit(lat_1), F.lit(lon_1), F.lit(lat_2), F.lit(lon_2))

    assert spark.range(1).select(leg).collect()[0][0] == pytest.approx(geodesic_nm, rel=2e-5)


def test_a_vessel_that_lies_still_sails_nothing(lake: Store, settings: Settings) -> None:
    gold.update_vessels(lake, settings, batch_of(lake, [report(0), report(1, lon_deg=32.0)], 0))

    assert days(lake)[SHIP, MIDNIGHT.date()].distance_nm == 0


def test_a_day_tells_speed_positions_and_way(lake: Store, settings: Settings) -> None:
    reports = [report(0), report(10, sog_kn=20.0), report(20, sog_kn=None)]

    gold.update_vessels(lake, settings, batch_of(lake, reports, 0))

    (day,) = days(lake).values()
    assert (day.position_count, day.sog_count, day.avg_speed_kn) == (3, 2, 15.0)
    assert day.distance_nm == pytest.approx(60.1077 * 0.8663 * 20 / 320, rel=1e-3)
    assert (day.first_at, day.last_at) == (naive(0), naive(20))


def naive(minutes: float) -> datetime:
    return (MIDNIGHT + timedelta(minutes=minutes)).replace(tzinfo=None)


def test_an_impossible_leg_is_counted_and_adds_no_distance(lake: Store, settings: Settings) -> None:
    far = report(10, lon_deg=52.0)

    gold.update_vessels(lake, settings, batch_of(lake, [report(0), far, report(20, lon_deg=52.01)], 0))

    (day,) = days(lake).values()
    assert day.jump_count == 1
    assert day.distance_nm == pytest.approx(60.1077 * 0.8663 * 0.01, rel=1e-3)


def test_the_leg_over_midnight_belongs_to_the_later_day_and_a_silent_day_breaks_the_track(
    spark: SparkSession,
) -> None:
    track = spark.createDataFrame(
        [
            (f"{SHIP}-1", report(minutes)["observed_at"], report(minutes)["observed_on"], 30.0, 32.0 + number / 100)
            for number, minutes in enumerate([-5, 5, 2 * 1440 + 5])
        ],
        "segment_id string, observed_at timestamp, observed_on date, lat_deg double, lon_deg double",
    )

    legs = [row.distance_nm for row in with_legs(track, 60).orderBy("observed_at").collect()]

    assert legs == [0, pytest.approx(0.5208, rel=1e-3), 0]


def voyage() -> list[Report]:
    """Three days of two vessels with a jump, missing speeds, a silent day and two feeds."""
    rng = random.Random(7)
    first = [report(m, sog_kn=rng.choice([None, 9.5, 11.0])) for m in (-2000, -30, -5, 3, 9, 600, 1435, 1445)]
    second = [report(m, mmsi=OTHER, source=rng.choice(["noaa", "twin"])) for m in (-10, 10, 12, 1500, 4400, 4410)]
    return [*first, report(604, lon_deg=100.0), *second]


@pytest.mark.parametrize(
    ("seed", "ahead"),
    [(1, False), (2, True)],
    ids=["shuffled", "shuffled_and_silver_far_ahead"],
)
def test_any_split_in_any_order_gives_the_same_days(lake: Store, settings: Settings, seed: int, ahead: bool) -> None:
    reports = voyage()
    wholesale = replace(lake, root=f"{lake.root}-whole")
    for table in (SILVER_POSITIONS, GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST):
        wholesale.create(table)
    gold.update_vessels(wholesale, settings, batch_of(wholesale, reports, 0))

    rng = random.Random(seed)
    rng.shuffle(reports)
    cuts = [0, *sorted(rng.sample(range(1, len(reports)), 4)), len(reports)]
    if ahead:
        batch_of(lake, reports, 0)
    for number, (start, end) in enumerate(pairwise(cuts)):
        gold.update_vessels(lake, settings, batch_of(lake, reports[start:end], number, landed=ahead))

    assert_same(days(lake), days(wholesale))
    assert sorted(lake.read(GOLD_VESSEL_LATEST).collect()) == sorted(wholesale.read(GOLD_VESSEL_LATEST).collect())


def test_a_replayed_batch_changes_nothing(lake: Store, settings: Settings) -> None:
    gold.update_vessels(lake, settings, batch_of(lake, [report(0)], 0))
    second = batch_of(lake, [report(5), report(10)], 1)
    gold.update_vessels(lake, settings, second)
    once = days(lake)

    entry = gold.update_vessels(lake, settings, second)

    assert days(lake) == once
    assert entry.rows_read == entry.rows_accepted == 2


def test_a_crash_between_the_two_tables_is_made_good_by_the_replay(
    lake: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold.update_vessels(lake, settings, batch_of(lake, [report(0)], 0))
    second = batch_of(lake, [report(5), report(10)], 1)
    with monkeypatch.context() as crash:
        crash.setattr(gold, "latest", lambda positions: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            gold.update_vessels(lake, settings, second)
    assert days(lake)[SHIP, MIDNIGHT.date()].position_count == 3

    gold.update_vessels(lake, settings, second)

    assert days(lake)[SHIP, MIDNIGHT.date()].position_count == 3
    assert lake.read(GOLD_VESSEL_LATEST).collect()[0].observed_at == naive(10)


def test_positions_in_order_are_added_without_reading_the_history(lake: Store, settings: Settings) -> None:
    gold.update_vessels(lake, settings, batch_of(lake, [report(0), report(5)], 0))
    unseen = batch_of(lake, [report(10)], 1, landed=True)  # not in Silver: a recomputation would miss it

    gold.update_vessels(lake, settings, unseen)

    assert days(lake)[SHIP, MIDNIGHT.date()].position_count == 3


def test_a_batch_rewrites_the_files_of_its_own_days_only(lake: Store, settings: Settings) -> None:
    gold.update_vessels(lake, settings, batch_of(lake, [report(0), report(1440)], 0))
    before = {row.file for row in files(lake)}

    gold.update_vessels(lake, settings, batch_of(lake, [report(1450)], 1))

    kept = " ".join(before & {row.file for row in files(lake)})
    assert "observed_on=2024-03-02" in kept
    assert "observed_on=2024-03-03" not in kept


def files(lake: Store) -> list[Row]:
    return lake.read(GOLD_VESSEL_DAY).select(F.input_file_name().alias("file")).distinct().collect()
