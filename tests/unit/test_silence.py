"""Why a source says nothing: seven silences that look the same from the table's side, told apart."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from contracts.topics import AIS
from lakehouse.feed_state import FeedState, StationState, is_running, load_all, save
from lakehouse.silence import Hop, Limits, Told, Way, judge

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LIMITS = Limits(
    feed_silent=timedelta(seconds=60),
    station_silent=timedelta(seconds=600),
    producer_dead=timedelta(seconds=90),
    lag=timedelta(seconds=120),
    stall=timedelta(seconds=300),
    stale=timedelta(hours=1),
)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def feed(**changes: Any) -> FeedState:
    """A feed that is well: connected for two hours, a ship heard a second ago."""
    well: dict[str, Any] = {
        "name": "nmea@tcp://r:10110", "source": "nmea", "topic": AIS.name, "location": "tcp://r:10110", "host": "here",
        "pid": 1, "process_started_at": 0.0, "started_at": ago(7200), "beat_at": ago(1), "connected_since": ago(7200),
        "last_frame_at": ago(1), "last_report_at": ago(1), "last_base_station_at": ago(9), "frames": 900,
        "reports": 800, "base_station_reports": 100,
    }  # fmt: skip
    return FeedState(**{**well, **changes})


def hop(stream: str, **changes: Any) -> Hop:
    well = {"lag_records": 0, "lag_seconds": 0.0, "last_finished_at": ago(2)}
    return Hop(stream, **{**well, "last_read_at": ago(2), "last_accepted_at": ago(2), **changes})


def way(*hops: Hop, **changes: Any) -> Way:
    three = hops or (hop("bronze.ais"), hop("silver.ais"), hop("gold.vessels"))
    return Way(AIS.name, **{"is_broker_up": True, "is_used": True, "hops": three, **changes})


def verdict(state: FeedState | None, on: Way | None = None, *, is_alive: bool | None = True) -> Told:
    return judge([(state, is_alive)] if state else [], [on or way()], LIMITS, NOW)[0]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (feed(), "ok"),
        (feed(last_report_at=ago(4000)), "no_ships"),
        (feed(last_report_at=None, reports=0), "no_ships"),
        (feed(connected_since=None, lost_at=ago(61)), "station_dead"),
        (feed(connected_since=None, lost_at=None, started_at=ago(61)), "station_dead"),
        (feed(last_frame_at=ago(61), last_report_at=ago(61)), "feed_silent"),
        (feed(connected_since=ago(61), last_frame_at=None, last_report_at=None, frames=0), "feed_silent"),
        (feed(beat_at=ago(91)), "producer_dead"),
        (feed(ended_because="Kafka has acknowledged nothing for 60 s."), "producer_dead"),
        (
            feed(last_report_at=None, last_base_station_at=None, reports=0, base_station_reports=0),
            "feed_unreadable",
        ),
        (feed(last_report_at=ago(4000), last_base_station_at=ago(4000)), "unknown"),
    ],
)
def test_a_feed_tells_its_silence_apart(state: FeedState, expected: str) -> None:
    told = verdict(state)

    assert told.verdict == expected
    assert bool(told.advice) == (expected != "ok")
    assert told.vessels_may_be_judged == (expected in ("ok", "no_ships"))


def test_a_feed_is_not_silent_before_its_time() -> None:
    assert verdict(feed(last_frame_at=ago(59), last_report_at=ago(59))).verdict == "ok"
    assert verdict(feed(connected_since=ago(59), last_frame_at=None, last_report_at=None)).verdict == "ok"


def test_a_killed_producer_is_missed_at_once() -> None:
    assert verdict(feed(), is_alive=False).verdict == "producer_dead"


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (way(is_broker_up=False), "broker_away"),
        (way(hop("bronze.ais", lag_records=9, lag_seconds=121.0)), "broker_lag"),
        (way(hop("bronze.ais"), hop("silver.ais", lag_records=9, lag_seconds=121.0)), "stream_lag"),
        (way(hop("bronze.ais", lag_records=9, lag_seconds=301.0, last_finished_at=ago(301))), "stream_stalled"),
        (way(hop("bronze.ais", lag_records=9, lag_seconds=301.0, last_finished_at=None)), "stream_stalled"),
        (way(hop("bronze.ais"), hop("silver.ais", lag_seconds=999.0, last_finished_at=ago(999))), "stream_stalled"),
        (way(hop("bronze.ais"), hop("silver.ais", last_accepted_at=ago(3700))), "table_stale"),
        (way(hop("bronze.ais", lag_records=9, lag_seconds=301.0)), "broker_lag"),
        (way(hop("bronze.ais", last_finished_at=ago(99_999))), "ok"),
    ],
)
def test_what_a_topic_waits_for_is_told_apart_and_keeps_vessels_from_being_judged(on: Way, expected: str) -> None:
    told = judge([(feed(), True)], [on], LIMITS, NOW)

    assert [t.verdict for t in told] == [expected, expected]
    assert [t.vessels_may_be_judged for t in told] == [expected == "ok"] * 2


def test_what_is_wrong_first_on_the_way_explains_the_rest() -> None:
    stalled = way(hop("bronze.ais", lag_records=9, lag_seconds=999.0, last_finished_at=ago(999)))

    told = judge([(feed(last_frame_at=ago(500)), True)], [stalled], LIMITS, NOW)

    assert [t.verdict for t in told] == ["feed_silent", "stream_stalled"]


def test_a_receiver_that_went_silent_is_told_apart_from_its_living_neighbours() -> None:
    stations = {
        "busy": StationState(last_report_at=ago(1), last_base_station_at=ago(5)),
        "empty": StationState(last_report_at=ago(5000), last_base_station_at=ago(5)),
        "dead": StationState(last_report_at=ago(5000), last_base_station_at=ago(700)),
        "never heard a base": StationState(last_report_at=ago(5000)),
    }

    told = judge([(feed(stations=stations), True)], [way(is_used=False)], LIMITS, NOW)

    assert {t.source.partition(": ")[2]: t.verdict for t in told[1:]} == {
        "empty": "no_ships",
        "dead": "station_dead",
        "never heard a base": "unknown",
    }


def test_a_process_number_that_is_used_again_is_another_process(tmp_path: Path) -> None:
    mine = psutil.Process()
    state = feed(host=socket.gethostname(), pid=os.getpid(), process_started_at=mine.create_time())
    save(tmp_path / "feeds" / "a.json", state)

    assert [is_running(s) for s in load_all(tmp_path)] == [True]
    assert is_running(state.model_copy(update={"process_started_at": mine.create_time() - 100})) is False
    assert is_running(state.model_copy(update={"host": "another"})) is None
