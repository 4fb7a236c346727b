"""Contracts that change under running producers, streams and readers: they go on, and nothing is lost."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest

from contracts import events
from contracts.errors import ContractError
from contracts.events import Environment, _wire
from contracts.fields import DEPTH_M, EVENT_ID, MMSI, NAV_STATUS, RULE, SEGMENT_ID, SOG_KN, SOURCE, WAVE_HEIGHT_M
from contracts.settings import Settings
from contracts.tables import BRONZE_AIS, GOLD_VESSEL_DAY, SILVER_POSITIONS, SILVER_QUARANTINE, SILVER_SENSORS, Table
from contracts.topics import AIS, SENSORS
from infra import audit_log
from infra.erasure.subject import Subject
from lakehouse import ledger
from lakehouse.erasure.rows import erase
from lakehouse.evolution.in_force import in_force
from lakehouse.evolution.tables import WIDEN, changes, found_at
from lakehouse.flows import delta_source
from lakehouse.gold import GOLD_FLOWS
from lakehouse.runner import run_flows
from lakehouse.schema import spark_schema
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store, properties
from maritime.contract_plan import carry_out, plan_of

AIS_FLOW, SENSORS_FLOW, GOLD_FLOW = SILVER_FLOWS[0], SILVER_FLOWS[1], GOLD_FLOWS[0]
WIDER_POSITIONS = replace(
    SILVER_POSITIONS,
    fields=tuple(replace(f, type="long") if f.name == "message_type" else f for f in SILVER_POSITIONS.fields),
)
START_MS = 1_700_000_000_000
LANDED = datetime(2026, 1, 2, tzinfo=UTC)
Land = Callable[..., None]
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def yesterday(settings: Settings, data_dir: Path) -> Settings:
    """The lake that an earlier release left: Silver and Gold have read four records."""
    with tarfile.open(data_dir / "yesterday/lake.tar.gz") as archive:
        archive.extractall(settings.lake, filter="data")
    return settings


def land_next(store: Store, *made: dict[str, Any]) -> None:
    rows: list[tuple[Any, ...]] = [
        (AIS.name, 0, offset, LANDED, b"", json.dumps(event).encode(), [], LANDED, date(2026, 1, 2))
        for offset, event in enumerate(made, start=4)
    ]
    store.append(BRONZE_AIS, store.spark.createDataFrame(rows, spark_schema(BRONZE_AIS)))


def test_yesterdays_tables_and_checkpoints_go_on_under_todays_code(
    yesterday: Settings, store: Store, position: Make
) -> None:
    repeat = position(event_id="a")
    later = position(mmsi=366_053_210, observed_at_ms=START_MS + 60_000)
    land_next(store, repeat, position(mmsi=366_053_211, sea_state=4), position(mmsi=366_053_212), later)

    with pytest.raises(ContractError, match=r"Nothing was written: silver\.positions.*extra.*maritime contract apply"):
        run_flows([AIS_FLOW], yesterday, once=True)
    assert len(ledger.entries(yesterday.lake, "silver.ais")) == 1

    carry_out(yesterday, plan_of(yesterday))
    assert plan_of(yesterday).changes == ()
    run_flows([AIS_FLOW], yesterday, once=True)
    store.alter(WIDER_POSITIONS, [WIDEN, "ALTER COLUMN message_type TYPE bigint"])
    run_flows([replace(GOLD_FLOW, source=partial(delta_source, WIDER_POSITIONS))], yesterday, once=True)

    first, second = ledger.entries(yesterday.lake, "silver.ais")
    assert (second["app_id"], second["batch_id"]) == (first["app_id"], first["batch_id"] + 1)
    assert (second["rows_read"], second["rows_accepted"], second["rows_duplicate"]) == (4, 3, 1)
    extra = {row.mmsi: row.extra for row in store.read(SILVER_POSITIONS).collect()}
    assert extra == {366_053_209: None, 366_053_210: None, 366_053_211: '{"sea_state":4}', 366_053_212: None}
    days = {row.segment_id: row.position_count for row in store.read(GOLD_VESSEL_DAY).collect()}
    assert days == {
        "366053209-1970-01-01T00:00:00.000000Z": 1,
        "366053210-1970-01-01T00:00:00.000000Z": 2,  # a track from before tracks were told apart goes on
        "366053211-2023-11-14T22:13:20.000000Z": 1,
        "366053212-2023-11-14T22:13:20.000000Z": 1,
    }

    made = json.loads(in_force(yesterday.lake)["silver.positions"].changes)
    assert f"segment_id: new in the key; rows of before have {SEGMENT_ID.of_before}" in made
    assert "extra: new column, string" in made
    assert audit_log.verify(yesterday).is_sound


class OldEnvironment(Environment):
    """Version 1, as the release had it that now is of yesterday."""

    depth_m: float | None = _wire(DEPTH_M, retired=True)
    clouds_pct: int | None = None  # type: ignore[assignment, unused-ignore]


class NewEnvironment(Environment):
    """Version 2: needs its station, calls the waves otherwise, gives clouds to a decimal."""

    schema_version: Literal[2] = 2  # type: ignore[assignment]
    station: str
    wave_height_m: float | None = _wire(replace(WAVE_HEIGHT_M, aliases=("significant_wave_height_m",)))
    depth_m: float | None = _wire(DEPTH_M, retired=True)
    clouds_pct: float | None = None


@pytest.fixture
def two_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(events.EVENTS, SENSORS, {**events.EVENTS[SENSORS], "environment": NewEnvironment})
    monkeypatch.setitem(events.FORMER, SENSORS, {"environment": (OldEnvironment,)})


def reading(event_id: str, version: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "event_type": "environment", "event_id": event_id, "schema_version": version, "source": "ndbc",
        "observed_at_ms": START_MS, **changes,
    }  # fmt: skip


SENT = (
    reading("old", air_temperature_c=9.5, clouds_pct=50),
    reading("removed field", depth_m=30.5),
    reading("new", 2, station="46002", clouds_pct=50.5),
    reading("renamed field", 2, station="46002", significant_wave_height_m=2.5),
    reading("no station", 2),
    reading("of the future", 3, station="46002"),
    reading("unknown field", 2, station="46002", sea_state={"code": 4}),
)


def test_old_and_new_producers_run_side_by_side_and_every_field_is_kept(
    two_versions: None, store: Store, settings: Settings, land: Land
) -> None:
    land(SENSORS, SENT)

    run_flows([SENSORS_FLOW], settings, once=True)

    kept = {row.event_id: row for row in store.read(SILVER_SENSORS).collect()}
    assert set(kept) == {"old", "removed field", "new", "renamed field", "unknown field"}
    assert kept["renamed field"].wave_height_m == 2.5
    assert kept["unknown field"].extra == '{"sea_state":{"code":4}}'
    assert kept["removed field"].extra == '{"depth_m":30.5}'
    refused = {json.loads(row.value)["event_id"]: row.rule for row in store.read(SILVER_QUARANTINE).collect()}
    assert refused == {"no station": "missing_station", "of the future": "unknown_schema_version"}


@pytest.mark.parametrize("mode", ["freeze", "discard-with-quarantine"])
def test_an_unknown_field_sends_the_record_to_quarantine_where_the_contract_says_so(
    two_versions: None, store: Store, settings: Settings, land: Land, mode: str
) -> None:
    land(SENSORS, [SENT[1], SENT[6]])

    run_flows([SENSORS_FLOW], settings.model_copy(update={"contract_sensors": mode}), once=True)

    assert [row.event_id for row in store.read(SILVER_SENSORS).collect()] == ["removed field"]
    (refused,) = store.read(SILVER_QUARANTINE).collect()
    assert (refused.rule, json.loads(refused.value)["sea_state"]) == ("unknown_field", {"code": 4})


BEFORE = Table("silver.positions", "report", (MMSI, SOG_KN, NAV_STATUS, SOURCE), key=(MMSI,))
SPEED_KN = replace(SOG_KN, name="speed_kn", aliases=("sog_kn",))
AFTER = replace(BEFORE, fields=(MMSI, SPEED_KN, replace(NAV_STATUS, type="double"), RULE, EVENT_ID))
"""Speed renamed, status widened, source removed, two columns new."""


@pytest.fixture
def altered(store: Store) -> Store:
    """A table with two rows of yesterday, and today's contract applied."""
    store.create(BEFORE)
    store.append(BEFORE, rows_of(store, BEFORE, (1, 10.0, 5, "noaa"), (2, 20.0, 15, "noaa")))
    found = found_at(store.path(BEFORE))
    assert found
    store.alter(AFTER, [part for change in changes(AFTER, found, properties(AFTER)) for part in change.statements])
    return store


def rows_of(store: Store, table: Table, *rows: tuple[Any, ...]) -> Any:
    return store.spark.createDataFrame(rows, spark_schema(table))


def test_an_altered_table_keeps_every_value_and_serves_readers_of_both_names(altered: Store) -> None:
    altered.append(AFTER, rows_of(altered, AFTER, (3, 30.0, 0.5, "r", "c")))
    altered.upsert(AFTER, rows_of(altered, AFTER, (2, 25.0, 1.5, "r", "b")))

    today = sorted(tuple(row) for row in altered.read(AFTER).collect())
    assert today == [(1, 10.0, 5.0, None, None), (2, 25.0, 1.5, "r", "b"), (3, 30.0, 0.5, "r", "c")]
    old_reader = altered.spark.read.format("delta").load(altered.path(BEFORE)).orderBy("mmsi")
    assert [row.sog_kn for row in old_reader.collect()] == [10.0, 25.0, 30.0]
    assert [row.source for row in old_reader.collect()] == ["noaa", "noaa", None]
    as_it_was = sorted(tuple(row) for row in altered.read(AFTER, version=1).collect())
    assert as_it_was == [(1, 10.0, 5, None, None), (2, 20.0, 15, None, None)]


def test_an_altered_table_has_nothing_more_to_change(altered: Store) -> None:
    found = found_at(altered.path(AFTER))

    assert found
    assert changes(AFTER, found, properties(AFTER)) == []


def test_a_vessel_is_erased_from_the_rows_of_before_a_renaming_too(store: Store) -> None:
    by_mmsi = replace(BEFORE, fields=(MMSI, SOG_KN), key=())
    by_vessel = replace(by_mmsi, fields=(replace(MMSI, name="vessel", aliases=("mmsi",)), SOG_KN))
    store.create(by_mmsi)
    store.append(by_mmsi, rows_of(store, by_mmsi, (366053209, 1.0), (366053210, 2.0)))
    found = found_at(store.path(by_mmsi))
    assert found
    store.alter(by_vessel, [p for c in changes(by_vessel, found, properties(by_vessel)) for p in c.statements])
    store.append(by_vessel, rows_of(store, by_vessel, (366053209, 3.0), (366053210, 4.0)))

    assert erase(store, by_vessel, Subject(366053209), "an erasure") == 2
    assert sorted(row.vessel for row in store.read(by_vessel).collect()) == [366053210, 366053210]
