"""The publisher's account and the replay clock, without a broker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts.errors import ConfigurationError, InputError, UnavailableError
from contracts.topics import AIS
from producers.feeds.base import Batch, Rejection, event_headers
from producers.positions import Position, load, position_file, save
from producers.publisher import Publisher
from producers.replay import ReplayClock, parse_speed
from producers.run import _part

Report = Callable[[object, object], None]


class Broker:
    """Keeps messages until it is asked to acknowledge them; its queue holds ``room``."""

    def __init__(self, room: int = 1_000, *, answers: bool = True) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.room, self.answers = room, answers
        self.waiting: list[Report] = []

    def produce(self, topic: str, **message: Any) -> None:
        if len(self.waiting) >= self.room:
            raise BufferError
        self.sent.append((topic, message))
        self.waiting.append(message["on_delivery"])

    def poll(self, timeout: float) -> int:
        if not self.answers:
            return 1  # an error report of a failed connection
        reports, self.waiting = self.waiting, []
        for report in reports:
            report(None, None)
        return len(reports)

    def purge(self, in_queue: bool = True, in_flight: bool = True, blocking: bool = True) -> None:
        self.waiting.clear()


def publisher(broker: Broker, away_seconds: float = 60, told: list[str] | None = None) -> Publisher:
    notify = (told if told is not None else []).append
    return Publisher(broker, AIS, format_name="noaa", source="noaa", away_seconds=away_seconds, notify=notify)


def batch(count: int, last_line: int = 0) -> Batch:
    return Batch(
        values=["{}"] * count, keys=["1"] * count, headers=[event_headers("noaa", "position")] * count,
        times_ms=list(range(count)), lines=list(range(1, count + 1)), last_line=last_line or count,
    )  # fmt: skip


def test_a_full_queue_holds_the_feed_back_and_drops_nothing() -> None:
    broker = Broker(room=3)
    target = publisher(broker)

    target.send(batch(100))
    target.flush()

    assert len(broker.sent) == 100
    assert (target.read, target.delivered, target.delivered_line) == (100, 100, 100)


def test_the_position_never_passes_a_record_that_is_not_acknowledged() -> None:
    broker = Broker(answers=False)
    target = publisher(broker)

    target.send(batch(5))

    assert (target.read, target.delivered, target.delivered_line) == (5, 0, 0)


def test_no_acknowledgement_for_too_long_is_told_and_then_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("producers.publisher.time.monotonic", lambda: now[0])
    told: list[str] = []
    target = publisher(Broker(answers=False), away_seconds=10, told=told)
    target.send(batch(2))

    now[0] = 5
    target.serve(0)
    now[0] = 11

    assert told == ["Kafka is away: 2 records wait, giving up after 10 s"]
    with pytest.raises(UnavailableError, match="acknowledged nothing for 11 s with 2 records waiting"):
        target.serve(0)


def test_a_dead_letter_that_no_broker_would_take_whole_is_cut_and_says_its_size() -> None:
    broker = Broker()
    target = publisher(broker)

    target.send(Batch(rejections=[Rejection(7, b"x" * 2_000_000, "malformed", 7)], last_line=7))
    target.flush()

    ((topic, message),) = broker.sent
    assert topic == AIS.dead_letter.name
    assert len(message["value"]) == 900_000
    assert dict(message["headers"])["raw-size-bytes"] == b"2000000"
    assert (target.dead_letters, target.rejected) == (1, {"malformed": 1})


def test_parts_of_a_batch_hold_every_record_once_and_end_before_the_next_line() -> None:
    whole = batch(10, last_line=12)
    whole.rejections = [Rejection(line, b"", "malformed", line) for line in (0, 4, 5, 11)]

    parts = [_part(whole, 0, 4, 4), _part(whole, 4, 10, 12)]

    assert [part.lines for part in parts] == [[1, 2, 3, 4], [5, 6, 7, 8, 9, 10]]
    assert [[refused.at_line for refused in part.rejections] for part in parts] == [[0, 4], [5, 11]]


def test_the_first_records_of_a_batch_are_the_first_by_line() -> None:
    whole = batch(4)
    whole.rejections = [Rejection(2, b"", "malformed", 2)]

    head = whole.head(3)

    assert (head.lines, len(head.rejections), head.last_line) == ([1, 2], 1, 2)


def test_the_replay_clock_lets_events_go_at_the_asked_speed() -> None:
    clock = ReplayClock(60, clock=lambda: 100.0)

    assert list(clock.due_at([0, 60_000, 120_000])) == [100.0, 101.0, 102.0]
    assert list(clock.due_at([180_000])) == [103.0]


def test_a_stamp_hours_ahead_does_not_hold_the_feed_up() -> None:
    clock = ReplayClock(1, clock=lambda: 0.0)
    stamps = [second * 1000 for second in range(50)]
    for place in (7, 23, 49):
        stamps[place] += 23 * 3_600_000

    assert max(clock.due_at(stamps)) < 60
    assert max(clock.due_at([50_000, 51_000])) < 60


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("60x", 60.0), ("0.5", 0.5)])
def test_a_speed_is_read(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["fast", "0x", "-1x", ""])
def test_a_speed_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--speed"):
        parse_speed(text)


def test_a_position_is_kept_per_feed_and_topic(tmp_path: Path) -> None:
    position = Position("noaa", AIS.name, ("/a.csv", "/b.csv"), index=1, line=77)
    file = position_file(tmp_path, position)
    save(file, position)

    assert json.loads(file.read_text())["path"] == "/b.csv"
    assert load(file, Position("noaa", AIS.name, ("/a.csv", "/b.csv"))) == position
    with pytest.raises(InputError, match="Nothing to resume"):
        load(position_file(tmp_path, Position("noaa", AIS.name, ("/b.csv",))), position)
