"""Quarantine replayed: what is lawful today reaches its table once, and the first verdict stays."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from contracts.errors import ConfigurationError, ContractError, InputError, LockedError
from contracts.settings import Settings
from contracts.tables import (
    GOLD_VESSEL_DAY,
    GOLD_VESSEL_LATEST,
    SILVER_LATE,
    SILVER_POSITIONS,
    SILVER_QUARANTINE,
    SILVER_VERDICTS,
    SILVER_VESSELS,
    SILVER_VOYAGES,
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
from maritime.quarantine import quarantine

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000
AIS_FLOW, VOYAGES_FLOW = SILVER_FLOWS[0], SILVER_FLOWS[3]
Make = Callable[..., dict[str, Any]]
Land = Callable[..., None]


@pytest.fixture
def corrected(settings: Settings) -> Settings:
    """The settings after the rule `speed_limit` was corrected: 90 kn is lawful now."""
    return settings.model_copy(update={"sog_limit_kn": 90})


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
    contents: Callable[[Settings], dict[str, str]],
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

    first = contents(settings)
    again = one(replay(spark, corrected, "speed_limit"))
    assert (again.unchanged, again.accepted, again.quarantined) == (1, 0, 0)
    assert contents(settings) == first

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


def test_the_gold_rows_told_are_those_that_change(
    spark: SparkSession, store: Store, settings: Settings, corrected: Settings, land: Land, position: Make
) -> None:
    at = [START_MS + n * 24 * HOUR_MS for n in range(3)]
    last_of_a_day = [position(mmsi=366000001, observed_at_ms=at[0]), position(mmsi=366000001, observed_at_ms=at[1])]
    last_of_a_day += [position(mmsi=366000001, observed_at_ms=at[0] + HOUR_MS, lat_deg=37.9, sog_kn=77.0)]
    amid_a_day = [position(mmsi=366000002, observed_at_ms=ms) for ms in (at[0], at[0] + 2 * 60_000, at[1])]
    amid_a_day += [position(mmsi=366000002, observed_at_ms=at[0] + 60_000, lat_deg=37.81, sog_kn=77.0)]
    unknown_vessel = [position(mmsi=366000003, observed_at_ms=at[2], sog_kn=77.0)]
    land(AIS, last_of_a_day + amid_a_day + unknown_vessel)
    run_flows([AIS_FLOW], settings, once=True)
    run_flows(GOLD_FLOWS, settings, once=True)
    gold = (GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST)
    before = {table.name: store.read(table).collect() for table in gold}

    told = one(replay(spark, corrected, "speed_limit", dry_run=True))
    replay(spark, corrected, "speed_limit")
    run_flows(GOLD_FLOWS, settings, once=True)

    changed = {t.name: sum(row not in before[t.name] for row in store.read(t).collect()) for t in gold}
    assert told.gold_rows == changed == {"gold.vessel_day": 4, "gold.vessel_latest": 1}
    assert told.vessels == 3


def test_a_replayed_voyage_event_changes_its_voyage_and_the_figures_that_look_back_on_it(
    spark: SparkSession, store: Store, settings: Settings, land: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    def voyage(name: str, days: int, to_locode: str = "USSEA") -> list[dict[str, Any]]:
        start = START_MS + days * 24 * HOUR_MS
        common = {"schema_version": 1, "source": "office", "mmsi": 366053209, "voyage_id": name}
        common |= {"from_locode": "USLAX", "to_locode": to_locode, "scheduled_arrival_at_ms": start}
        return [
            {**common, "event_type": kind, "event_id": f"{name}-{kind}", "observed_at_ms": start + hours * HOUR_MS}
            for kind, hours in (("departure", 0), ("arrival", 9))
        ]

    def fuel(days: int) -> dict[str, Any]:
        event = {"event_type": "fuel_report", "schema_version": 1, "source": "office", "mmsi": 366053209}
        at_ms = START_MS + days * 24 * HOUR_MS
        return {**event, "event_id": f"f{days}", "observed_at_ms": at_ms, "distance_nm": 90.0, "fuel_mdo_t": 5.0}

    land(VOYAGE_EVENTS, [*voyage("V1", 0), fuel(0), *voyage("V2", 3), *voyage("V3", 3, "JPTYO"), fuel(3)])
    with monkeypatch.context() as patch:
        patch.setattr("lakehouse.transforms.parsing.FIRST_LAWFUL_MS", START_MS + 12 * HOUR_MS)
        run_flows([VOYAGES_FLOW], settings, once=True)

    tried = one(replay(spark, settings, None, dry_run=True))
    done = one(replay(spark, settings, None))

    assert tried == done
    assert (done.rule, done.accepted, done.vessels, done.voyages) == ("observed_at_ms", 3, 1, 1)
    assert done.gold_rows == {"gold.voyage_analytics": 2, "gold.emission_compliance": 2}
    assert {row.voyage_id: row.status for row in store.read(SILVER_VOYAGES).collect()} == {
        "V1": "arrived", "V2": "arrived", "V3": "arrived",
    }  # fmt: skip


def test_the_commands_count_show_and_replay_and_tell_a_rule_that_refused_nothing(
    settings: Settings, land: Land, position: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    monkeypatch.setenv("MARITIME_SOG_LIMIT_KN", "90")
    land(AIS, [position(sog_kn=77.0), b"\x1b[31m"])
    run_flows([AIS_FLOW], settings, once=True)

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(quarantine, [*arguments, "--json"], catch_exceptions=False)
        return json.loads(result.stdout) if result.exit_code == 0 else result.exit_code

    counted = run("list")["quarantine"]
    assert {(row["rule"], row["records"], row["still_open"]) for row in counted} == {
        ("speed_limit", 1, 1), ("malformed_json", 1, 1),
    }  # fmt: skip
    (shown,) = run("show", "--rule", "malformed_json")["records"]
    assert (shown["text"], shown["value_base64"]) == ("\\x1b[31m", base64.b64encode(b"\x1b[31m").decode())
    (would,) = run("replay", "--rule", "speed_limit", "--dry-run")["rules"]
    (did,) = run("replay", "--rule", "speed_limit")["rules"]
    assert would == did
    assert (did["accepted"], did["vessels"]) == (1, 1)
    (again,) = run("list", "--rule", "speed_limit")["quarantine"]
    assert again["still_open"] == 0
    assert run("replay", "--rule", "speed_limt") == InputError.exit_code
    assert run("replay") == ConfigurationError.exit_code
