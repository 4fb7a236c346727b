"""The proof of delivery, without any process: the schedule repeats, the stream is known, the checker has teeth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import LockedError
from contracts.settings import Settings
from infra.lock import single_writer
from maritime import verify_delivery
from maritime.delivery import run
from maritime.delivery.attack import Course, Struck, is_due
from maritime.delivery.proof import Arrival, Finding, Lake, lost, prove, reordered, twice
from maritime.delivery.run import Verdict, cause
from maritime.delivery.schedule import ALL, DRIVER, JVM, POINTS, STREAMS, Kill, schedule
from maritime.delivery.stream import Sent, known_stream
from maritime.delivery.victims import Producer, Streams
from maritime.delivery.workplace import command, own_settings

EVENTS = 400
STREAM = [sent for _, sent in islice(known_stream(1), EVENTS)]


def sent_of(kind: str) -> list[Sent]:
    return [event for event in dict.fromkeys(STREAM) if event.kind == kind]


def whole_lake() -> Lake:
    """A lake in which the whole stream arrived as it should, in three partitions."""
    ends: Counter[int] = Counter()
    bronze = []
    for event in STREAM:
        bronze.append(Arrival(event.event_id, event.mmsi % 3, ends[event.mmsi % 3]))
        ends[event.mmsi % 3] += 1
    first = {arrival.event_id: arrival for arrival in reversed(bronze)}
    refused = {event.event_id for event in sent_of("refused")}
    positions = [first[event.event_id] for event in sent_of("position")]
    days = Counter(str(event.mmsi) for event in sent_of("position"))
    quarantine = [arrival for arrival in bronze if arrival.event_id in refused]
    identities = list(dict.fromkeys(event.identity for event in sent_of("static")))
    kept = len(positions) + len(identities)
    counts = {
        "rows_read": len(bronze),
        "rows_accepted": kept,
        "rows_late": 0,
        "rows_quarantined": len(quarantine),
        "rows_duplicate": len(bronze) - kept - len(quarantine),
    }
    return Lake(ends, bronze, positions, [], quarantine, identities, days, dict(days), counts)


@pytest.fixture
def lake() -> Lake:
    return whole_lake()


def wrong(lake: Lake, acknowledged: int = EVENTS) -> dict[str, Finding]:
    return {finding.check: finding for finding in prove(STREAM, acknowledged, lake) if not finding.holds}


def test_a_seed_repeats_stream_and_schedule_and_another_seed_does_not() -> None:
    assert schedule(7, 600) == schedule(7, 600) != schedule(8, 600)
    assert list(islice(known_stream(7), 300)) == list(islice(known_stream(7), 300))
    assert list(islice(known_stream(7), 300)) != list(islice(known_stream(8), 300))


def test_twenty_minutes_hold_forty_kills_of_every_kind_and_every_named_place() -> None:
    kills = [kill for of in schedule(1, 1200).values() for kill in of]

    assert len(kills) >= 40
    assert {kill.victim for kill in kills} == {"producer", "broker", "streams", "executor"}
    assert {kill.how for kill in kills if kill.victim == STREAMS and not kill.point} == {ALL, DRIVER, JVM}
    assert {kill.point for kill in kills if kill.point} == set(POINTS)


def test_half_a_minute_still_kills_each_part_and_visits_two_named_places() -> None:
    kills = [kill for of in schedule(1, 30).values() for kill in of]

    assert {kill.victim for kill in kills} == {"producer", "broker", "streams", "executor"}
    assert len([kill for kill in kills if kill.point]) == 2


def test_the_known_stream_has_everything_that_silver_tells_apart() -> None:
    names = Counter(sent.event_id for sent in STREAM)

    assert {sent.kind for sent in STREAM} == {"position", "static", "refused"}
    assert max(names.values()) > 1  # exact repeats
    assert any(event.observed_at_ms < 1_767_225_600_000 for event, _ in islice(known_stream(1), EVENTS))
    assert all(event.source == "verify-delivery" for event, _ in islice(known_stream(1), EVENTS))


def test_what_does_not_arrive_is_lost_and_what_arrives_again_is_twice() -> None:
    assert lost(["a", "b", "c", "b"], ["c"]) == ["a", "b"]
    assert twice(["a", "b", "a", "a"]) == ["a"]


def test_an_event_behind_a_later_one_of_its_vessel_is_reordered_and_other_vessels_do_not_matter() -> None:
    sent = {name: Sent(name, mmsi, n, "position") for name, mmsi, n in (("a0", 1, 0), ("a1", 1, 1), ("b0", 2, 0))}

    assert reordered(sent, [Arrival("a0", 0, 0), Arrival("a1", 0, 1), Arrival("b0", 0, 2)]) == []
    assert reordered(sent, [Arrival("a0", 0, 1), Arrival("a1", 0, 0), Arrival("b0", 0, 2)]) == ["a0"]
    assert reordered(sent, [Arrival("a0", 0, 0), Arrival("a1", 1, 0)]) == ["a1"]  # no order between partitions


def test_a_stream_that_arrived_whole_is_proven(lake: Lake) -> None:
    assert wrong(lake) == {}


def test_what_a_killed_producer_sent_and_could_not_note_is_lawful_and_still_must_be_in_silver(lake: Lake) -> None:
    missing = replace(lake, positions=lake.positions[:-1])

    assert wrong(lake, acknowledged=EVENTS // 2) == {}
    assert sum(len(finding.lost) for finding in wrong(missing, EVENTS // 2).values()) == 1


@given(at=st.integers(min_value=0, max_value=EVENTS - 1))
def test_any_one_record_missing_in_bronze_is_named(at: int) -> None:
    whole = whole_lake()
    gone = whole.bronze[at]

    found = wrong(replace(whole, bronze=[a for a in whole.bronze if a is not gone]))

    assert gone.place in found["records on the broker are in Bronze once"].lost


@pytest.mark.parametrize("table", ["positions", "quarantine", "identities"])
def test_a_row_missing_or_doubled_in_silver_is_named(lake: Lake, table: str) -> None:
    rows = getattr(lake, table)

    cut: dict[str, Any] = {table: rows[1:]}
    doubled: dict[str, Any] = {table: [*rows, rows[0]]}

    fewer, more = wrong(replace(lake, **cut)), wrong(replace(lake, **doubled))

    assert sum(len(finding.lost) for finding in fewer.values()) == 1
    assert sum(len(finding.twice) for finding in more.values()) == 1


def test_a_record_that_nobody_sent_is_foreign(lake: Lake) -> None:
    found = wrong(replace(lake, bronze=[*lake.bronze, Arrival("stranger", 9, 0)]))

    assert found["acknowledged events are in Bronze"].foreign == ["stranger"]


def test_a_ledger_that_counts_otherwise_than_the_tables_is_found(lake: Lake) -> None:
    found = wrong(replace(lake, ledger={**lake.ledger, "rows_accepted": 0}))

    assert set(found) == {"ledger: accepted"}


def test_a_day_counted_twice_in_gold_is_named(lake: Lake) -> None:
    day = next(iter(lake.gold_days))

    found = wrong(replace(lake, gold_days={**lake.gold_days, day: lake.gold_days[day] + 1}))

    assert [finding.twice for finding in found.values()] == [[day]]


def test_after_its_time_only_named_places_not_reached_yet_are_visited() -> None:
    at_random, first, second = (Kill(STREAMS, ALL, 1.0, 0.0, place) for place in (None, *POINTS[:2]))
    struck = [Struck(first, 1.0), Struck(second, 2.0, reached=False)]

    assert all(is_due(kill, struck, in_time=True) for kill in (at_random, first, second))
    assert [is_due(kill, struck, in_time=False) for kill in (at_random, first, second)] == [False, False, True]


def test_the_cause_of_an_end_is_the_last_exception_and_not_the_plan_after_it() -> None:
    trace = [
        "Traceback (most recent call last):",
        '  File "runner.py", line 1',
        "a.b.StreamFailed",
        "a.QueryException: lost",
    ]

    assert cause("\n".join([*trace, "=== Plan ===", "+- Project", "   +- Relation"])) == "a.QueryException: lost"
    assert cause("Writing gold.\nerror: The broker is away.\n") == "error: The broker is away."
    assert cause("one\ntwo\nthree\nfour") == "two / three / four"


def test_streams_that_end_while_they_catch_up_are_started_again_and_counted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes, told, course = [1, 0], list[str](), Course()

    def catch_up(_settings: Settings, log: Path) -> int:
        log.write_text("a.StreamingQueryException: executor lost\n=== Plan ===\n")
        return codes.pop(0)

    monkeypatch.setattr(run, "_catch_up", catch_up)
    settings.home.mkdir(parents=True, exist_ok=True)
    run._drain(settings, Producer(settings, Path("none")), Streams(settings), course, told.append)

    assert (codes, course.ended) == ([], {"streams: exit code 1": 1})
    assert told[-1] == "streams: exit code 1: a.StreamingQueryException: executor lost"


def test_a_named_place_that_was_not_reached_is_no_proof() -> None:
    kill = Kill(STREAMS, "all", 1.0, 0.0, POINTS[0])

    assert Verdict(1, [Struck(kill, 1.0)], {}, []).holds
    assert not Verdict(1, [Struck(kill, 1.0, reached=False)], {}, []).holds
    assert not Verdict(1, [], {"streams: exit code 3": 1}, []).holds
    assert not Verdict(0, [], {}, []).holds


def test_the_command_names_what_is_lost_and_ends_with_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    finding = Finding("positions", 2, 1, lost=["position-1"])
    monkeypatch.setattr(verify_delivery, "verify", lambda *_: Verdict(2, [], {}, [finding]))

    told = CliRunner().invoke(verify_delivery.delivery, ["--minutes", "0.5", "--seed", "3"])
    machine = CliRunner().invoke(verify_delivery.delivery, ["--minutes", "0.5", "--seed", "3", "--json"])

    assert (told.exit_code, machine.exit_code) == (1, 1)
    assert "lost: position-1" in told.stdout
    assert "Seed 3" in told.stderr
    answer = json.loads(machine.stdout)
    assert (answer["lost"], answer["holds"], answer["findings"][0]["lost"]) == (1, False, ["position-1"])
    assert Path(answer["kept"]).parent == tmp_path


def test_a_process_of_the_proof_knows_no_other_place(tmp_path: Path) -> None:
    mine = {"lake_root": "s3://mine/lake", "kafka_username": "me", "trigger_seconds": 7}
    mine["kafka_password"] = "secret"  # pragma: allowlist secret
    given = Settings.model_validate({"home": tmp_path / "mine", **mine})
    settings = own_settings(given, tmp_path / "own")
    full = command(settings, "status")
    program = "from contracts.settings import load_settings; print(load_settings().model_dump_json())"
    (tmp_path / "own").mkdir()
    theirs = {f"MARITIME_{name.upper()}": str(value) for name, value in mine.items()} | {"SPARK_REMOTE": "sc://mine"}

    done = subprocess.run(
        [*full[: full.index("-m")], "-c", program],
        env=os.environ | theirs,
        cwd=tmp_path / "own", capture_output=True, text=True, check=True,
    )  # fmt: skip

    found = Settings.model_validate(json.loads(done.stdout))
    assert (found.home, found.lake) == (tmp_path / "own", str(tmp_path / "own" / "lake"))
    assert (found.kafka_servers, found.kafka_username, found.kafka_password) == (settings.kafka_servers, None, None)
    assert (found.spark_remote, found.trigger_seconds) == (None, 7)
    assert "secret" not in " ".join(full)


def test_an_armed_place_kills_the_process_and_its_children_and_another_place_does_nothing() -> None:
    program = (
        "import subprocess, sys; from infra.crash import point; "
        "child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); "
        "point('elsewhere', sys.argv[1]); point('here', sys.argv[1]); child.kill(); print('alive')"
    )

    armed = subprocess.run([sys.executable, "-c", program, "here"], capture_output=True, text=True, check=False)
    unarmed = subprocess.run([sys.executable, "-c", program, "nowhere"], capture_output=True, text=True, check=False)

    assert armed.returncode == -9
    assert "alive" not in armed.stdout
    assert not Path(f"/proc/{int(armed.stdout)}/cmdline").exists() or _is_dead(int(armed.stdout))
    assert (unarmed.returncode, unarmed.stdout.split()[-1]) == (0, "alive")


def _is_dead(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").read_bytes() == b""  # a zombie has none


def test_of_writers_that_race_for_a_table_exactly_one_gets_it(tmp_path: Path) -> None:
    writers, rounds = 8, 40
    together = threading.Barrier(writers)

    def race(_: int) -> int:
        won = 0
        for _ in range(rounds):
            together.wait()
            try:
                with single_writer(tmp_path, "silver.ais"):
                    won += 1
                    together.wait()  # held until all have tried
            except LockedError:
                together.wait()
        return won

    with ThreadPoolExecutor(writers) as threads:
        assert sum(threads.map(race, range(writers))) == rounds
