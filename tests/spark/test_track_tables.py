"""The tables that positions alone tell, brought up to date bit by bit: as if all had been there at once."""

from __future__ import annotations

import gzip
import json
import math
import random
import shutil
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import deltalake
import pytest
from pyspark.sql import SparkSession

from contracts import tables as t
from contracts.settings import Settings
from contracts.tables import SILVER_IDENTITIES, SILVER_POSITIONS, Table
from lakehouse import track_tables
from lakehouse.additions import added
from lakehouse.runs import Run
from lakehouse.schema import spark_schema
from lakehouse.store import Store
from lakehouse.track_tables import WRITTEN, Update, update
from lakehouse.transforms.reach import differing
from producers.twin import FaultRates, TwinConfig, generate

Row = dict[str, Any]
DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
DRIFT_AT = START + timedelta(days=6)
BUOY = 996_000_001
COMPARED = [table for table in WRITTEN if table != t.GOLD_IDENTITY_REVISIONS]
"""What follows from positions and identities alone, in whatever order they came."""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Positions of three ships of the twin, one of them unheard for two days, and of two that drift beside a buoy."""
    folder = tmp_path_factory.mktemp("twin")
    faults = FaultRates(gaps_per_ship_day=0.2, shared_mmsi=0)
    config = TwinConfig(ships=3, days=14, every_s=1_800, seed=7, faults=faults)
    generate(config, folder)
    rows = []
    silent = None
    with gzip.open(folder / "ais.jsonl.gz", "rt") as lines:
        for line in lines:
            if '"event_type":"position"' not in line or not line.rstrip().endswith("}"):
                continue
            event = json.loads(line)
            at = datetime.fromtimestamp(event["observed_at_ms"] / 1000, UTC)
            silent = silent or event["mmsi"]
            is_unheard = event["mmsi"] == silent and 4 * DAY <= at - START < 6 * DAY
            is_lawful = abs(event["lat_deg"]) <= 90 and event["sog_kn"] < 40 and 2e8 < event["mmsi"] < 8e8
            if is_lawful and not is_unheard:
                rows.append(position(event["mmsi"], at, event["lat_deg"], event["lon_deg"], event["sog_kn"]))
    for minutes in range(0, 8 * 60, 10):
        at = DRIFT_AT + timedelta(minutes=minutes)
        drifting = (600_000_001, 600_000_002, BUOY)
        rows += [position(mmsi, at, -30.0, 10.0 + 0.002 * (mmsi % 2), 0.8) for mmsi in drifting]
    return with_segments(rows)


def position(mmsi: int, at: datetime, lat_deg: float, lon_deg: float, sog_kn: float) -> Row:
    return {"mmsi": mmsi, "observed_at": at, "observed_on": at.date(), "lat_deg": lat_deg, "lon_deg": lon_deg,
            "sog_kn": sog_kn, "source": "twin"}  # fmt: skip


def with_segments(rows: list[Row]) -> list[Row]:
    """In order of time, each once, with a segment that ends after a day of silence."""
    unique = {(row["mmsi"], row["observed_at"]): row for row in rows}
    last: dict[int, tuple[datetime, str]] = {}
    found = []
    for mmsi, at in sorted(unique, key=lambda key: (key[1], key[0])):
        before, name = last.get(mmsi, (START - 99 * DAY, ""))
        name = name if at - before <= DAY else f"{mmsi}-{at:%Y-%m-%dT%H:%M:%S.%fZ}"
        last[mmsi] = (at, name)
        found.append({**unique[mmsi, at], "segment_id": name})
    return found


def put(store: Store, rows: Iterable[Row]) -> None:
    store.create(SILVER_POSITIONS)
    values = [tuple(row.get(name) for name in SILVER_POSITIONS.columns) for row in rows]
    store.append(SILVER_POSITIONS, store.spark.createDataFrame(values, spark_schema(SILVER_POSITIONS)).coalesce(1))


def bring(store: Store, *, whole: bool = False, until: datetime = START + 14 * DAY) -> bool:
    return update(Run("tracks", {}, store, datetime.now(UTC)), {"twin": until}, 60, whole=whole)


@pytest.fixture(scope="module")
def at_once(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, fleet: list[Row]) -> Store:
    """A lake that got all positions at once; nobody may change it."""
    store = Store(spark, str(tmp_path_factory.mktemp("at-once")))
    put(store, fleet)
    tell(store, *{row["mmsi"] for row in fleet})
    assert bring(store)
    return store


def tell(
    store: Store, *ships: int, length_m: float = 180.0, hours: Iterable[int] = (0, 30), draught_m: float | None = None
) -> None:
    """Static reports of ships, by the hour since the start."""
    store.create(SILVER_IDENTITIES)
    told = {"imo_number": 9074729, "is_imo_valid": True, "ship_type_code": 70, "length_m": length_m, "beam_m": 30.0,
            "draught_m": draught_m, "mmsi_class": "ship", "event_type": "static", "source": "twin"}  # fmt: skip
    rows = [
        {
            **told,
            "mmsi": mmsi,
            "identity_id": f"{mmsi} {length_m}",
            "hour_at": START + timedelta(hours=hour),
            "observed_at": START + timedelta(hours=hour),
        }
        for mmsi in ships
        for hour in hours
    ]
    values = [tuple(row.get(name) for name in SILVER_IDENTITIES.columns) for row in rows]
    store.append(SILVER_IDENTITIES, store.spark.createDataFrame(values, spark_schema(SILVER_IDENTITIES)))


def assert_same(one: Store, other: Store) -> None:
    for table in COMPARED:
        a, b = one.read(table), other.read(table)
        assert differing(a, b).collect() == [], table.name
        assert a.count() == b.count(), table.name


def changed_rows(store: Store, table: Table) -> int:
    metrics = deltalake.DeltaTable(store.path(table)).history(1)[0]["operationMetrics"]
    return sum(int(metrics[f"numTargetRows{what}"]) for what in ("Inserted", "Updated", "Deleted"))


def test_positions_that_come_bit_by_bit_and_late_leave_the_same_tables_as_all_at_once(
    store: Store, at_once: Store, fleet: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {table: at_once.read(table).count() for table in COMPARED}
    assert min(counts.values()) > 0  # else nothing is compared
    rng = random.Random(3)
    held_back = set(rng.sample(range(len(fleet)), len(fleet) // 30))
    drifting = next(i for i, row in enumerate(fleet) if row["observed_at"] > DRIFT_AT + timedelta(hours=5))
    on_time = [[row for i, row in enumerate(fleet[a:b], a) if i not in held_back]
               for a, b in ((0, drifting), (drifting, drifting + 400), (drifting + 400, len(fleet)))]  # fmt: skip
    late = [fleet[i] for i in sorted(held_back)]

    put(store, on_time[0])
    tell(store, *{row["mmsi"] for row in fleet})
    assert bring(store, until=on_time[0][-1]["observed_at"])
    put(store, on_time[1])
    put(store, late[: len(late) // 2])
    _break_off(monkeypatch, t.GOLD_GAPS)
    with pytest.raises(RuntimeError, match=r"gold\.gaps"):
        bring(store, until=on_time[1][-1]["observed_at"])
    monkeypatch.undo()
    store.optimize(SILVER_POSITIONS, 1)  # a merge of files is no new position
    put(store, on_time[2])
    put(store, late[len(late) // 2 :])
    assert bring(store)
    assert not bring(store)  # nothing has come since

    assert_same(store, at_once)


def _break_off(monkeypatch: pytest.MonkeyPatch, at: Table) -> None:
    write = Update.write

    def until_then(self: Update, table: Table, *rows: Any) -> None:
        if table == at:
            raise RuntimeError(table.name)
        write(self, table, *rows)

    monkeypatch.setattr(track_tables.Update, "write", until_then)


def test_a_late_position_restates_its_own_vessel_and_of_it_only_what_comes_after(
    at_once: Store, fleet: list[Row], tmp_path: Path
) -> None:
    own_copy = Store(at_once.spark, str(shutil.copytree(at_once.root, tmp_path / "copy")))
    calls = at_once.read(t.GOLD_PORT_CALLS).orderBy("left_by_at").collect()
    ended = [call for call in calls if call.left_by_at is not None]
    last = ended[-1]
    own = [call for call in calls if call.track_id == last.track_id]
    row = next(row for row in reversed(fleet) if row["mmsi"] == last.mmsi)

    put(own_copy, [{**row, "observed_at": row["observed_at"] - timedelta(seconds=77)}])
    assert bring(own_copy)

    assert 0 < len(own) < len(calls)
    assert changed_rows(own_copy, t.GOLD_PORT_CALLS) <= 1
    assert changed_rows(own_copy, t.GOLD_SAILINGS) <= 2
    segments = {row["segment_id"] for row in fleet if row["mmsi"] == last.mmsi}
    assert changed_rows(own_copy, t.GOLD_VESSEL_TRACKS) == len(segments)


def test_a_ship_that_was_unheard_for_two_days_is_one_track_with_one_gap(at_once: Store, fleet: list[Row]) -> None:
    segments: dict[int, set[str]] = {}
    for row in fleet:
        segments.setdefault(row["mmsi"], set()).add(row["segment_id"])
    (silent,) = [mmsi for mmsi, of in segments.items() if len(of) > 1]

    tracks = at_once.read(t.GOLD_VESSEL_TRACKS).where(f"mmsi = {silent}").collect()
    gaps = at_once.read(t.GOLD_GAPS).where(f"mmsi = {silent} AND duration_hours > 47").collect()

    assert {row.segment_id for row in tracks} == segments[silent]
    assert {row.track_id for row in tracks} == {min(segments[silent])}
    assert [gap.is_open for gap in gaps] == [False]


def fuel_t(store: Store, mmsi: int) -> float:
    rows = store.read(t.GOLD_TRACK_FUEL).where(f"mmsi = {mmsi}").collect()
    return math.fsum(row.fuel_mdo_t for row in rows)


def test_a_track_that_turns_out_to_be_another_ship_is_listed_and_its_fuel_stated_anew(
    at_once: Store, fleet: list[Row], tmp_path: Path
) -> None:
    store = Store(at_once.spark, str(shutil.copytree(at_once.root, tmp_path / "copy")))
    mmsi, other = sorted({row["mmsi"] for row in fleet})[:2]
    fuel = {of: fuel_t(store, of) for of in (mmsi, other)}

    tell(store, mmsi, length_m=90.0, hours=range(1, 9))
    assert bring(store)
    assert not bring(store)

    (revised,) = store.read(t.GOLD_IDENTITY_REVISIONS).collect()
    now = {of: fuel_t(store, of) for of in (mmsi, other)}
    assert (revised.mmsi, revised.was_identity_id, revised.identity_id) == (mmsi, f"{mmsi} 180.0", f"{mmsi} 90.0")
    assert now[mmsi] != pytest.approx(fuel[mmsi])
    assert now[other] == fuel[other]


def test_a_ship_that_enters_the_register_is_no_longer_guessed(at_once: Store, fleet: list[Row], tmp_path: Path) -> None:
    store = Store(at_once.spark, str(shutil.copytree(at_once.root, tmp_path / "copy")))
    assert {row.quality for row in store.read(t.GOLD_TRACK_FUEL).collect()} == {"very_low"}

    register(store)
    assert bring(store)

    assert {row.quality for row in store.read(t.GOLD_TRACK_FUEL).collect()} <= {"medium", "low"}


def register(store: Store) -> None:
    """The ship that all say that they are, with its engine."""
    ship = {
        "imo_number": 9074729, "cii_ship_type": "bulk_carrier", "dwt_t": 50_000.0, "gross_tonnage": 30_000.0,
        "design_draught_m": 12.0, "engine_type": "SSD", "main_engine_kw": 9_000.0, "service_speed_kn": 14.0,
        "fuel_kind": "hfo", "built_year": 2010, "source": "test",
    }  # fmt: skip
    table = t.SILVER_SHIP_REGISTER
    store.create(table)
    values = [tuple(ship.get(name) for name in table.columns)]
    store.append(table, store.spark.createDataFrame(values, spark_schema(table)))


def test_a_draught_that_is_told_late_restates_the_fuel_of_its_ship_from_then_on_as_if_it_had_been_told_in_time(
    at_once: Store, fleet: list[Row], tmp_path: Path
) -> None:
    store = Store(at_once.spark, str(shutil.copytree(at_once.root, tmp_path / "copy")))
    register(store)
    assert bring(store)
    mmsi = min(row["mmsi"] for row in fleet)
    before = fuel_by_day(store)

    tell(store, mmsi, hours=[7 * 24], draught_m=6.0)
    assert bring(store)
    now = fuel_by_day(store)

    changed = {key for key in before if now[key] != pytest.approx(before[key], rel=1e-9)}
    assert {of for of, _ in changed} == {mmsi}
    assert {day >= (START + 7 * DAY).date() for _, day in changed} == {True}
    assert all(now[key] < before[key] for key in changed)
    assert now.keys() == before.keys()
    assert bring(store, whole=True)
    assert fuel_by_day(store) == pytest.approx(now, rel=1e-12)


def fuel_by_day(store: Store) -> dict[tuple[int, date], float]:
    rows = store.read(t.GOLD_TRACK_FUEL).collect()
    return {(row.mmsi, row.reported_on): (row.fuel_hfo_t or 0.0) + (row.fuel_mdo_t or 0.0) for row in rows}


def test_a_gap_goes_on_for_a_ship_that_is_not_heard_again_while_its_feed_is(at_once: Store) -> None:
    until_the_end = at_once.read(t.GOLD_GAPS).where("is_open").orderBy("mmsi").collect()

    assert [gap.mmsi for gap in until_the_end] == [600_000_001, 600_000_002]
    assert until_the_end[0].duration_hours == pytest.approx(8 * 24 - 8 + 1 / 6)
    assert until_the_end[0].positions_before == 48


def test_two_ships_that_drift_side_by_side_are_told_with_their_source_and_a_buoy_is_not(at_once: Store) -> None:
    (met,) = at_once.read(t.GOLD_ENCOUNTERS).collect()
    stays = at_once.read(t.GOLD_LOITERING).orderBy("mmsi").collect()

    assert (met.mmsi_1, met.mmsi_2, met.source) == (600_000_001, 600_000_002, "twin")
    assert [(stay.mmsi, stay.source) for stay in stays] == [(600_000_001, "twin"), (600_000_002, "twin")]


def test_all_is_found_anew_where_what_was_added_cannot_be_told(store: Store, fleet: list[Row]) -> None:
    put(store, fleet[:300])
    bring(store)
    store.replace(SILVER_POSITIONS, store.read(SILVER_POSITIONS).where("observed_at < '2024-01-02'"))

    assert added(store, SILVER_POSITIONS, 1, store.version(SILVER_POSITIONS), ["mmsi"]) is None
    assert bring(store)
    operation = deltalake.DeltaTable(store.path(t.GOLD_PORT_CALLS)).history(1)[0]["operation"]
    heard = store.read(t.GOLD_VESSEL_TRACKS).agg({"heard_at": "max"}).first()
    assert operation == "WRITE"
    assert heard is not None
    assert heard[0] < datetime(2024, 1, 2, tzinfo=UTC).replace(tzinfo=None)


def test_added_rows_are_those_of_the_commits_in_between(store: Store, fleet: list[Row]) -> None:
    for part in (fleet[:5], fleet[5:9], fleet[9:12]):
        put(store, part)

    between = added(store, SILVER_POSITIONS, 1, 2, ["segment_id", "observed_at"])
    nothing = added(store, SILVER_POSITIONS, 3, 3, ["segment_id"])

    assert between is not None
    assert {row.segment_id for row in between.collect()} == {row["segment_id"] for row in fleet[5:9]}
    assert between.count() == 4
    assert nothing is not None
    assert nothing.count() == 0


def test_restated_rows_replace_stale_ones_in_one_commit_and_twice_is_once(store: Store, settings: Settings) -> None:
    table = t.GOLD_VESSEL_TRACKS
    store.create(table)

    def rows(**counts: int) -> Any:
        values = [
            tuple({"segment_id": name, "mmsi": 1, "track_id": name, "position_count": n}.get(c) for c in table.columns)
            for name, n in counts.items()
        ]
        return store.spark.createDataFrame(values, spark_schema(table))

    store.append(table, rows(a=1, b=1, c=1))
    version = store.version(table)

    for _ in range(2):
        store.restate(table, rows(b=2, d=2), rows(a=0, b=0, x=0))

    assert store.version(table) == version + 2
    held = {row.segment_id: row.position_count for row in store.read(table).collect()}
    assert held == {"b": 2, "c": 1, "d": 2}
