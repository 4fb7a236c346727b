"""Quarantine replayed: what is lawful today reaches its table once, and the first verdict stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import deltalake
import pytest
from pyspark.sql import SparkSession

from contracts.errors import ContractError, LockedError
from contracts.settings import Settings
from contracts.tables import (
    GOLD_VESSEL_DAY,
    SILVER_LATE,
    SILVER_POSITIONS,
    SILVER_QUARANTINE,
    SILVER_VERDICTS,
    SILVER_VESSELS,
    SILVER_VOYAGES,
    TABLES,
)
from contracts.topics import AIS, VOYAGE_EVENTS
from lakehouse import ledger
from lakehouse.flows import writing
from lakehouse.gold import GOLD_FLOWS
from lakehouse.replay import replay
from lakehouse.replay_account import Account
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000
AIS_FLOW, VOYAGES_FLOW = SILVER_FLOWS[0], SILVER_FLOWS[3]
Make = Callable[..., dict[str, Any]]
Land = Callable[..., None]
Sums = dict[str, tuple[int, str]]


@pytest.fixture
def corrected(settings: Settings) -> Settings:
    """The settings after the rule `speed_limit` was corrected: 90 kn is lawful now."""
    return settings.model_copy(update={"sog_limit_kn": 90})


@pytest.fixture
def contents(store: Store) -> Callable[[], Sums]:
    """Rows and a content hash of every table of the lake, whatever order and files they are in."""

    def sums() -> Sums:
        found = {}
        for table in TABLES:
            if store.exists(table):
                rows = deltalake.DeltaTable(store.path(table)).to_pyarrow_table().to_pylist()
                found[table.name] = (len(rows), json.dumps(sorted(map(repr, rows))))
        return found

    return sums


def one(accounts: list[Account]) -> Account:
    assert len(accounts) == 1
    return accounts[0]


def outcomes(settings: Settings, stream: str) -> list[dict[str, int]]:
    entries = ledger.entries(settings.lake, stream)
    return [{name[5:]: entry[name] for name in entry if name.startswith("rows_")} for entry in entries]


def test_rows_that_are_lawful_today_are_accepted_once_and_a_second_replay_changes_no_table(
    spark: SparkSession,
    store: Store,
    settings: Settings,
    corrected: Settings,
    land: Land,
    position: Make,
    contents: Callable[[], Sums],
) -> None:
    fast, faster = position(sog_kn=77.0, mmsi=366053210), position(sog_kn=95.0, mmsi=366053211)
    land(AIS, [position(), fast, fast, {**position(), "sog_kn": 80.0}, faster, b"\xff"])
    run_flows([AIS_FLOW], settings, once=True)
    before = store.read(SILVER_QUARANTINE).collect()
    run_flows(GOLD_FLOWS, settings, once=True)

    tried = one(replay(spark, corrected, "speed_limit", dry_run=True))
    assert not store.exists(SILVER_VERDICTS)
    done = one(replay(spark, corrected, "speed_limit"))

    assert done == tried
    assert (done.accepted, done.duplicate, done.quarantined, done.late) == (1, 2, 1, 0)
    assert (done.vessels, done.held_by, done.gold_rows) == (
        1, {"speed_limit": 1}, {"gold.vessel_day": 1, "gold.vessel_latest": 1},
    )  # fmt: skip
    assert {row.mmsi for row in store.read(SILVER_POSITIONS).collect()} == {366053209, 366053210}
    assert store.read(SILVER_QUARANTINE).collect() == before
    assert outcomes(settings, "replay.ais") == [
        {"read": 4, "accepted": 1, "quarantined": 1, "duplicate": 2, "late": 0},
    ]  # fmt: skip
    accepted = sum(entry["accepted"] for name in ("silver.ais", "replay.ais") for entry in outcomes(settings, name))
    assert store.read(SILVER_POSITIONS).count() == accepted
    verdicts = {
        (row.kafka_offset, row.first_rule, row.verdict, row.rule) for row in store.read(SILVER_VERDICTS).collect()
    }
    assert verdicts == {
        (1, "speed_limit", "accepted", None), (2, "speed_limit", "duplicate", None),
        (3, "speed_limit", "duplicate", None), (4, "speed_limit", "quarantined", "speed_limit"),
    }  # fmt: skip

    first = contents()
    again = one(replay(spark, corrected, "speed_limit"))
    assert (again.unchanged, again.accepted, again.quarantined) == (1, 0, 0)
    assert contents() == first

    run_flows(GOLD_FLOWS, settings, once=True)
    assert {row.mmsi: row.position_count for row in store.read(GOLD_VESSEL_DAY).collect()} == {
        366053209: 1, 366053210: 1,
    }  # fmt: skip


@pytest.mark.parametrize("place", ["write_identities", "append_counted", "ledger.record"])
def test_a_replay_that_broke_off_is_finished_by_the_next_and_repeats_nothing(
    spark: SparkSession,
    store: Store,
    settings: Settings,
    corrected: Settings,
    land: Land,
    position: Make,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    land(AIS, [position(sog_kn=77.0, vessel_name="EVER"), position(sog_kn=78.0)])
    run_flows([AIS_FLOW], settings, once=True)

    def crash(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        target = f"lakehouse.{place}" if "." in place else f"lakehouse.replay.{place}"
        patch.setattr(target, crash)
        with pytest.raises(RuntimeError, match="killed"):
            replay(spark, corrected, "speed_limit")
    assert store.read(SILVER_POSITIONS).count() == 1
    assert outcomes(settings, "replay.ais") == []

    first, second = replay(spark, corrected, "speed_limit"), replay(spark, corrected, "speed_limit")

    assert [(account.accepted, account.duplicate) for account in first] == [(1, 1)]
    assert second == []
    assert outcomes(settings, "replay.ais") == [
        {"read": 2, "accepted": 1, "quarantined": 0, "duplicate": 1, "late": 0},
    ]  # fmt: skip
    assert [store.read(table).count() for table in (SILVER_POSITIONS, SILVER_VESSELS, SILVER_VERDICTS)] == [1, 1, 2]


def test_a_broken_replay_is_not_finished_by_other_rules_than_it_was_begun_with(
    spark: SparkSession,
    store: Store,
    settings: Settings,
    corrected: Settings,
    land: Land,
    position: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    land(AIS, [position(sog_kn=77.0)])
    run_flows([AIS_FLOW], settings, once=True)

    def crash(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "record", crash)
        with pytest.raises(RuntimeError, match="killed"):
            replay(spark, corrected, "speed_limit")

    with pytest.raises(ContractError, match=r"holds 1 rows of replay .* broke off"):
        replay(spark, settings, "speed_limit")
    assert len(replay(spark, corrected, "speed_limit")) == 1


def test_a_record_is_not_late_for_having_waited_in_quarantine_but_is_when_it_was_late_then(
    spark: SparkSession, store: Store, settings: Settings, corrected: Settings, land: Land, position: Make
) -> None:
    waiting = position(sog_kn=77.0, observed_at_ms=START_MS + HOUR_MS)
    too_old = position(sog_kn=77.0, observed_at_ms=START_MS - 30 * HOUR_MS)
    land(AIS, [position()])
    run_flows([AIS_FLOW], settings, once=True)
    land(AIS, [waiting, too_old])
    run_flows([AIS_FLOW], settings, once=True)
    land(AIS, [position(observed_at_ms=START_MS + 90 * HOUR_MS)])
    run_flows([AIS_FLOW], settings, once=True)

    done = one(replay(spark, corrected, "speed_limit"))

    assert (done.accepted, done.late) == (1, 1)
    assert [json.loads(row.value) for row in store.read(SILVER_LATE).collect()] == [too_old]


def test_a_replay_beside_a_running_silver_stream_is_refused_with_a_sentence(
    spark: SparkSession, settings: Settings, land: Land, position: Make
) -> None:
    land(AIS, [position(sog_kn=77.0)])
    run_flows([AIS_FLOW], settings, once=True)

    with writing([AIS_FLOW], settings), pytest.raises(LockedError, match=r"Another process writes silver\.ais"):
        replay(spark, settings, "speed_limit")


def test_a_replayed_voyage_event_changes_its_voyage(
    spark: SparkSession, store: Store, settings: Settings, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = {"schema_version": 1, "source": "office", "mmsi": 366053209, "voyage_id": "V1"}
    departure = {**common, "event_type": "departure", "event_id": "d", "observed_at_ms": START_MS}
    arrival = {**common, "event_type": "arrival", "event_id": "a", "observed_at_ms": START_MS + HOUR_MS}
    land(VOYAGE_EVENTS, [departure, arrival])
    monkeypatch.setattr("lakehouse.transforms.parsing.FIRST_LAWFUL_MS", START_MS + HOUR_MS + 1)
    run_flows([VOYAGES_FLOW], settings, once=True)
    monkeypatch.undo()

    tried = one(replay(spark, settings, None, dry_run=True))
    done = one(replay(spark, settings, None))

    assert tried == done
    assert (done.rule, done.accepted, done.voyages, done.gold_rows) == (
        "observed_at_ms", 2, 1, {"gold.voyage_analytics": 1},
    )  # fmt: skip
    assert [row.status for row in store.read(SILVER_VOYAGES).collect()] == ["arrived"]
