"""What the benchmarks say must be true: their events lawful, their times and verdicts right."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from bench import collision
from bench.commits import commits, latencies
from bench.meetings import ASIDE_NM, FIRST_MMSI, MOST_PAIRS, meetings
from bench.traffic import Traffic
from bench.verdict import lag_figures
from consumers.collision.limits import limits_of
from consumers.collision.picture import Positions, near_ports
from consumers.collision.watch import CollisionWatch
from contracts.events import AisPosition
from contracts.ports import world_port_index
from contracts.settings import Settings

NOON_MS = 1_767_268_800_000


def test_generated_positions_keep_the_contract_say_what_they_are_and_are_all_different() -> None:
    traffic = Traffic(vessels=300, start_ms=NOON_MS)
    values = [v for n in range(3) for v in traffic.batch(n * 300, 300, NOON_MS + n * 600_000).values]

    events = [AisPosition.model_validate_json(value) for value in values]

    assert {event.source for event in events} == {"generated"}
    assert len({event.event_id for event in events}) == len({(e.mmsi, e.observed_at_ms) for e in events}) == 900


def test_generated_vessels_move_as_fast_as_they_say() -> None:
    traffic = Traffic(vessels=300, start_ms=NOON_MS)
    before = [json.loads(v) for v in traffic.batch(0, 300, NOON_MS).values]
    after = [json.loads(v) for v in traffic.batch(0, 300, NOON_MS + 3_600_000).values]

    for old, new in zip(before, after, strict=True):
        north_nm = (new["lat_deg"] - old["lat_deg"]) * 60
        assert abs(north_nm) <= old["sog_kn"] + 0.01


def test_the_pairs_that_meet_are_told_by_what_they_are_and_no_other_ship_or_port_is_near() -> None:
    limits, ports = limits_of(Settings()), np.array([(port.lat_deg, port.lon_deg) for port in world_port_index()])
    watch = CollisionWatch(limits, near_ports(ports[:, 0], ports[:, 1], limits.harbour_nm))
    planned = meetings(MOST_PAIRS, 0, 60)
    traffic = Traffic(vessels=60_000, start_ms=NOON_MS).batch(0, 60_000, NOON_MS)
    found = watch.see(Positions.of(pair.report(second, NOON_MS) for pair in planned for second in (False, True)))

    assert ASIDE_NM[0] < limits.danger_nm < limits.warn_nm < ASIDE_NM[1]
    assert {alert.mmsi for alert in found} == {pair.mmsi for pair in planned if pair.is_close}
    assert len(found) == MOST_PAIRS / 2
    assert max(map(int, traffic.keys)) < FIRST_MMSI


def test_a_delay_runs_from_the_deciding_report_and_a_pair_that_is_missed_or_told_wrongly_fails_the_run() -> None:
    sent = {"deciding_ms": {"1": 1_000, "3": 2_000}, "passing_ms": {"5": 1_500}, "delivered": 10, "started_at": 0.0,
            "ended_at": 2.0, "most_behind_s": 0.0}  # fmt: skip
    held = collision.verdict(sent, {1: 1.25, 3: 2.75}, 5, by_chance=0)

    assert (held["delay_s"]["p50"], held["delay_s"]["max"], held["is_held"]) == (0.5, 0.75, True)
    assert not collision.verdict(sent, {1: 1.25}, 5, by_chance=0)["is_held"]
    assert not collision.verdict(sent, {1: 1.25, 3: 2.75, 5: 1.6}, 5, by_chance=0)["is_held"]
    assert not collision.verdict(sent, {1: 1.25, 3: 3.75}, 5, by_chance=0)["is_held"]


def test_latency_runs_from_publishing_to_the_commit_and_counts_only_what_was_published_in_time(tmp_path: Path) -> None:
    table = tmp_path / "positions"
    _append(table, [NOON_MS, NOON_MS + 4_000, NOON_MS + 9_000])
    _append(table, [NOON_MS + 5_000])
    found = commits(table)

    seconds = latencies(found, NOON_MS / 1000 + 4, NOON_MS / 1000 + 9)

    first, second = (commit.visible_at - NOON_MS / 1000 for commit in found)
    assert seconds.tolist() == pytest.approx([first - 4, second - 5], abs=1e-3)
    assert [commit.rows for commit in found] == [3, 1]
    assert commits(table, after_version=0) == found[1:]


def test_rows_that_table_care_writes_together_are_not_counted_again(tmp_path: Path) -> None:
    for _ in range(2):
        _append(tmp_path, [NOON_MS])
    DeltaTable(tmp_path).optimize.compact()

    assert [commit.rows for commit in commits(tmp_path)] == [1, 1, 0]


def test_lag_that_swings_is_flat_and_lag_that_grows_is_not() -> None:
    assert lag_figures([0, 9_000, 0, 9_000] * 30, rate=6_000)["is_flat"]
    assert not lag_figures([second * 200 for second in range(120)], rate=6_000)["is_flat"]


def _append(table: Path, published_ms: list[int]) -> None:
    write_deltalake(
        table, pa.table({"published_at": pa.array(published_ms, pa.timestamp("ms", tz="UTC"))}), mode="append"
    )
