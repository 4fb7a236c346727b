"""Alert dispatch without Kafka: backoff, breaker, what is read, what is kept, and what becomes of an alert."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import TopicPartition

from consumers.dispatch import reader as reader_module
from consumers.dispatch.alerts import Poison, ReadAlert, read_alert
from consumers.dispatch.backoff import backoff_seconds
from consumers.dispatch.breaker import Breaker, Condition, State
from consumers.dispatch.dead_letters import DeadLetters
from consumers.dispatch.dispatcher import Dispatcher, Outcome, Policy
from consumers.dispatch.journal import KEPT_DAYS, Journal, Member, members
from consumers.dispatch.reader import Reader, Record
from consumers.dispatch.sinks import LogSink, SinkFailedError, SinkRefusedError
from contracts.dead_letters import LARGEST_BYTES
from contracts.errors import UnavailableError
from contracts.events import Alert
from contracts.settings import Settings
from contracts.topics import ALERTS

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def alert_bytes(event_id: str, **more: object) -> bytes:
    event = {
        "event_id": event_id, "event_type": "alert", "schema_version": 1, "source": "watch", "mmsi": 219_000_001,
        "observed_at_ms": 1_700_000_000_000, "rule": "speed", "severity": "warning", "message": "too fast",
    }  # fmt: skip
    return json.dumps(event | more).encode()


def record(value: bytes | None, offset: int = 0) -> Record:
    return Record(ALERTS.name, 0, offset, b"219000001", value, [("source", b"watch")], ownership=1)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_backoff_doubles_up_to_half_a_minute_and_the_jitter_takes_any_part_of_it() -> None:
    longest = [backoff_seconds(failures, 0.5, lambda: 1.0) for failures in range(1, 10)]

    assert longest == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert backoff_seconds(3, 0.5, lambda: 0.0) == 0
    assert backoff_seconds(3, 0.5, lambda: 0.25) == 0.5
    assert backoff_seconds(10_000, 0.5, lambda: 1.0) == 30


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through_after_its_pause() -> None:
    clock, changes = Clock(), list[tuple[State, State]]()
    breaker = Breaker(3, 30, on_change=lambda a, b: changes.append((a.state, b.state)), clock=clock, now=lambda: NOW)

    breaker.failed("away")
    breaker.succeeded()
    for _ in range(2):
        breaker.failed("away")
    assert (breaker.state, breaker.allows()) == (State.CLOSED, True)  # three failures, but not in a row
    breaker.failed("away")
    assert (breaker.state, breaker.allows(), breaker.wait_seconds) == (State.OPEN, False, 30)
    clock.seconds = 29.9
    assert not breaker.allows()
    clock.seconds = 30
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    assert breaker.state is State.HALF_OPEN
    breaker.failed("still away")
    assert (breaker.state, breaker.wait_seconds, breaker.condition.failures) == (State.OPEN, 30, 4)
    clock.seconds = 60
    assert breaker.allows()
    breaker.succeeded()

    assert (breaker.state, breaker.condition.failures, breaker.condition.last_error) == (State.CLOSED, 0, "still away")
    assert changes == [
        (State.CLOSED, State.OPEN), (State.OPEN, State.HALF_OPEN), (State.HALF_OPEN, State.OPEN),
        (State.OPEN, State.HALF_OPEN), (State.HALF_OPEN, State.CLOSED),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"\xff\xfe", "not_json"),
        (b'{"event_id": ', "not_json"),
        (b"[]", "model_type"),
        (alert_bytes("e", severity="dreadful"), "severity:literal_error"),
        (alert_bytes("e", message=""), "message:too_short"),
        (alert_bytes("e", event_type="position"), "event_type:literal_error"),
        (alert_bytes("e", schema_version=99), "schema_version:literal_error"),
        (alert_bytes("e", lat_deg=float("nan")), "lat_deg:finite_number"),
    ],
)
def test_what_is_no_alert_says_why(value: bytes | None, reason: str) -> None:
    assert read_alert(value) == Poison(reason)


def test_a_field_that_a_newer_producer_has_added_is_no_reason_to_refuse_an_alert() -> None:
    assert isinstance(read_alert(alert_bytes("e", added_later=1)), ReadAlert)


def test_a_logged_alert_is_one_line_even_after_a_line_that_was_cut_short(tmp_path: Path) -> None:
    sink = LogSink(tmp_path / "new" / "alerts.jsonl")
    sent = [alert_bytes("a"), json.dumps(json.loads(alert_bytes("b")), indent=2).encode()]
    alert = cast("Alert", read_alert(sent[0]))

    sink.send(alert, sent[0])
    with sink.path.open("ab") as file:
        file.write(b'{"event_id": "cut')
    sink.send(alert, sent[1])

    first, cut, last = sink.path.read_bytes().splitlines()
    assert [json.loads(first), json.loads(last)] == [json.loads(raw) for raw in sent]
    assert cut == b'{"event_id": "cut'


def test_a_log_that_cannot_be_written_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "dispatch").write_text("a file where the folder should be")

    with pytest.raises(SinkFailedError) as caught:
        LogSink(tmp_path / "dispatch" / "alerts.jsonl").send(cast("Alert", read_alert(alert_bytes("a"))), b"{}")

    assert caught.value.is_outage


def test_the_journal_outlives_its_process_and_is_kept_per_sink(tmp_path: Path) -> None:
    path = tmp_path / "dispatch" / "journal.db"
    journal = Journal(path)
    journal.note_done("webhook", "a", NOW)
    journal.note_done("webhook", "a", NOW)
    journal.close()

    again = Journal(path)
    assert again.is_done("webhook", "a")
    assert not again.is_done("log", "a")
    again.forget_old(NOW + timedelta(days=KEPT_DAYS - 1))
    assert again.is_done("webhook", "a")
    again.forget_old(NOW + timedelta(days=KEPT_DAYS + 1))
    assert not again.is_done("webhook", "a")


def test_a_damaged_journal_stops_dispatch_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"this is no database, and long enough to be seen as none" * 20)

    with pytest.raises(UnavailableError, match="Nothing more is sent"):
        Journal(path)


@dataclass
class FakeReader:
    """Hands out records without Kafka; time passes only in ``wait``."""

    records: deque[Record]
    clock: Clock
    waits: list[float] = field(default_factory=list)
    committed: list[int] = field(default_factory=list)
    owned: bool = True

    @property
    def is_at_end(self) -> bool:
        return not self.records

    def owns(self, record: Record) -> bool:
        return self.owned

    def next(self, seconds: float) -> Record | None:
        return self.records.popleft() if self.records else None

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        self.waits.append(seconds)
        self.clock.seconds += seconds

    def done(self, record: Record) -> None:
        self.committed.append(record.offset)

    def commit(self) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass
class ScriptedSink:
    """Answers as told, one answer per call; delivers when it has none left."""

    answers: deque[Exception]
    name: str = "webhook"
    calls: list[str] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def send(self, alert: Alert, raw: bytes) -> None:
        self.before()
        self.calls.append(alert.event_id)
        if self.answers:
            raise self.answers.popleft()


class AckingWire:
    """Acknowledges each message at once, or never."""

    def __init__(self, *, answers: bool = True) -> None:
        self.sent: list[dict[str, Any]] = []
        self.answers = answers

    def produce(self, topic: str, **message: Any) -> None:
        self.sent.append({"topic": topic, **message})
        if self.answers:
            message["on_delivery"](None, None)

    def poll(self, timeout: float) -> int:
        return 0


@dataclass
class Stage:
    """A dispatcher with its surroundings."""

    reader: FakeReader
    sink: ScriptedSink
    wire: AckingWire
    breaker: Breaker
    journal: Journal
    dispatcher: Dispatcher

    def run(self) -> Outcome:
        return self.dispatcher.run(once=True)

    @property
    def buried(self) -> list[dict[str, str]]:
        return [{name: value.decode() for name, value in letter["headers"]} for letter in self.wire.sent]


@pytest.fixture
def stage(tmp_path: Path) -> Callable[..., Stage]:
    """Set one up: which records there are, and how the sink answers the first calls."""

    def build(values: list[bytes | None], answers: list[Exception], threshold: int = 10, hold: float = 1e9) -> Stage:
        clock = Clock()
        reader = FakeReader(deque(record(value, i) for i, value in enumerate(values)), clock)
        sink, wire = ScriptedSink(deque(answers)), AckingWire()
        journal, breaker = Journal(tmp_path / "journal.db"), Breaker(threshold, 30, clock=clock)
        dispatcher = Dispatcher(
            "here:1", cast("Reader", reader), sink, journal, DeadLetters(wire, ALERTS, 1.0), breaker,
            Policy(attempts=4, backoff_seconds=0.5, hold_seconds=hold),
            stopped=lambda: False, clock=clock, chance=lambda: 1.0,
        )  # fmt: skip
        return Stage(reader, sink, wire, breaker, journal, dispatcher)

    return build


def failed(count: int, *, is_outage: bool) -> list[Exception]:
    return [SinkFailedError("it failed", is_outage=is_outage) for _ in range(count)]


def test_an_alert_is_tried_again_after_longer_and_longer_pauses(stage: Callable[..., Stage]) -> None:
    at = stage([alert_bytes("a")], failed(3, is_outage=False))
    outcome = at.run()

    assert at.sink.calls == ["a"] * 4
    assert at.reader.waits == [0.5, 1.0, 2.0]
    assert (outcome.delivered, outcome.failed_attempts, outcome.identity_holds) == (1, 3, True)
    assert at.reader.committed == [0]


def test_after_the_last_attempt_an_alert_is_a_dead_letter_with_its_place_and_bytes(stage: Callable[..., Stage]) -> None:
    at = stage([alert_bytes("a"), alert_bytes("b")], failed(4, is_outage=False))
    outcome = at.run()

    assert at.sink.calls == ["a"] * 4 + ["b"]
    assert at.buried == [
        {
            "source": "watch", "reason": "attempts_exhausted", "format": "events", "attempts": "4",
            "original-topic": "maritime.alerts", "original-partition": "0", "original-offset": "0",
            "error": "it failed",
        }
    ]  # fmt: skip
    letter = at.wire.sent[0]
    assert (letter["topic"], letter["key"], letter["value"]) == (
        "maritime.alerts.dlq", b"219000001", alert_bytes("a"),
    )  # fmt: skip
    assert (outcome.dead_letters, outcome.delivered, at.reader.committed) == ({"attempts_exhausted": 1}, 1, [0, 1])


def test_a_sink_that_is_away_for_hours_costs_no_alert(stage: Callable[..., Stage]) -> None:
    at = stage([alert_bytes(name) for name in "abc"], failed(50, is_outage=True), threshold=3)
    outcome = _run_until_done(at)

    assert at.wire.sent == []
    assert outcome.delivered == 3
    assert at.sink.calls == ["a"] * 51 + ["b", "c"]
    assert at.reader.clock.seconds >= 47 * 30  # one probe per pause, no more


def _run_until_done(at: Stage) -> Outcome:
    """Not ``once``, which ends when the sink is away; stopped when everything is delivered."""
    at.dispatcher._stopped = lambda: len(at.reader.committed) == 3
    return at.dispatcher.run(once=False)


def test_an_alert_that_the_sink_never_answers_is_given_up_in_the_end(stage: Callable[..., Stage]) -> None:
    at = stage([alert_bytes("a"), alert_bytes("b"), alert_bytes("c")], failed(200, is_outage=True), 3, hold=1_200)
    at.sink.before = lambda: None if at.reader.clock.seconds <= 1_230 else at.sink.answers.clear()
    outcome = _run_until_done(at)

    assert outcome.dead_letters == {"attempts_exhausted": 1}
    assert int(at.buried[0]["attempts"]) > 40
    assert outcome.delivered == 2


def test_a_failure_of_a_single_alert_does_not_hold_the_partition_behind_an_open_breaker(
    stage: Callable[..., Stage],
) -> None:
    at = stage([alert_bytes(name) for name in "abc"], failed(4, is_outage=False), threshold=2)
    outcome = _run_until_done(at)

    assert at.sink.calls == ["a"] * 4 + ["b", "c"]  # its probes count, so it is given up
    assert (outcome.dead_letters.total(), outcome.delivered) == (1, 2)


def test_a_refused_alert_is_a_dead_letter_at_once_and_no_fault_of_the_sink(stage: Callable[..., Stage]) -> None:
    at = stage([alert_bytes("a"), alert_bytes("b")], [SinkRefusedError("it answered 422")], threshold=1)
    outcome = at.run()

    assert at.sink.calls == ["a", "b"]
    assert [letter["reason"] for letter in at.buried] == ["refused_by_sink"]
    assert (outcome.delivered, at.breaker.state) == (1, State.CLOSED)


def test_poison_reaches_the_dead_letters_and_never_the_sink(stage: Callable[..., Stage]) -> None:
    at = stage([b"no json", None, alert_bytes("a")], [])
    outcome = at.run()

    assert at.sink.calls == ["a"]
    assert [(letter["reason"], letter["attempts"]) for letter in at.buried] == [("not_json", "0"), ("empty", "0")]
    assert [letter["value"] for letter in at.wire.sent] == [b"no json", None]
    assert (outcome.read, outcome.identity_holds, at.reader.committed) == (3, True, [0, 1, 2])


def test_a_dead_letter_too_long_for_the_broker_is_cut_and_says_its_size(stage: Callable[..., Stage]) -> None:
    at = stage([b"x" * (LARGEST_BYTES + 5)], [])
    at.run()

    assert at.wire.sent[0]["value"] == b"x" * LARGEST_BYTES
    assert at.buried[0]["raw-size-bytes"] == str(LARGEST_BYTES + 5)


def test_without_an_acknowledged_dead_letter_no_offset_is_committed(stage: Callable[..., Stage]) -> None:
    at = stage([b"no json", alert_bytes("a")], [])
    at.wire.answers = False

    with pytest.raises(UnavailableError, match="partition 0 offset 0 was not acknowledged"):
        at.run()

    assert at.reader.committed == []


def test_an_alert_that_comes_again_is_not_delivered_again(stage: Callable[..., Stage]) -> None:
    at = stage([alert_bytes("a"), alert_bytes("b"), alert_bytes("a")], [])
    outcome = at.run()

    assert at.sink.calls == ["a", "b"]
    assert (outcome.delivered, outcome.already_done, at.reader.committed) == (2, 1, [0, 1, 2])


def test_an_alert_whose_partition_has_gone_is_neither_tried_again_nor_committed(stage: Callable[..., Stage]) -> None:
    at = stage([alert_bytes("a")], failed(1, is_outage=False))
    at.sink.before = lambda: setattr(at.reader, "owned", False)
    outcome = at.run()

    assert at.sink.calls == ["a"]
    assert (outcome.left, outcome.identity_holds, at.reader.committed) == (1, True, [])


def test_a_single_run_ends_when_the_sink_is_away_and_leaves_the_rest_in_kafka(stage: Callable[..., Stage]) -> None:
    at = stage([alert_bytes("a"), alert_bytes("b")], failed(9, is_outage=True), threshold=2)

    with pytest.raises(UnavailableError, match="it failed"):
        at.run()

    assert (at.sink.calls, at.reader.committed, at.wire.sent) == (["a", "a"], [], [])
    assert at.dispatcher.outcome.identity_holds


def test_the_breaker_is_told_to_whoever_asks_for_the_status(stage: Callable[..., Stage], tmp_path: Path) -> None:
    at = stage([alert_bytes("a")], failed(9, is_outage=True), threshold=2)
    with pytest.raises(UnavailableError):
        at.run()

    (found,) = members(tmp_path / "journal.db")
    assert isinstance(found, Member)
    assert (found.member, found.sink, found.has_left) == ("here:1", "webhook", True)
    assert isinstance(found.breaker, Condition)
    assert (found.breaker.state, found.breaker.failures, found.breaker.last_error) == (State.OPEN, 2, "it failed")


class FakeConsumer:
    """A Kafka client whose rebalances the test brings about."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.commits: list[list[TopicPartition]] = []
        self.messages: deque[Any] = deque()

        self.paused: set[int] = set()

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        self.callbacks = callbacks

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return places

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        pass

    def pause(self, places: list[TopicPartition]) -> None:
        self.paused |= {place.partition for place in places}

    def resume(self, places: list[TopicPartition]) -> None:
        self.paused -= {place.partition for place in places}

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(ALERTS.name, n) for n in (0, 1)]

    def poll(self, timeout: float) -> object:
        return self.messages.popleft() if self.messages else None

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        self.commits.append(offsets)


class FakeMessage:
    """A record on its way."""

    def __init__(self, partition: int, offset: int) -> None:
        self.place = (partition, offset)

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return ALERTS.name

    def partition(self) -> int:
        return self.place[0]

    def offset(self) -> int:
        return self.place[1]

    def key(self) -> None:
        return None

    value = headers = key


@pytest.fixture
def member(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> tuple[Reader, FakeConsumer]:
    """A reader that owns partitions 0 and 1, with a record of each taken and the first of them done."""
    monkeypatch.setattr(reader_module, "Consumer", FakeConsumer)
    reader = Reader(settings, ALERTS, "group", print)
    consumer = cast("FakeConsumer", reader._consumer)
    consumer.callbacks["on_assign"](consumer, [TopicPartition(ALERTS.name, n) for n in (0, 1)])
    consumer.messages += [FakeMessage(0, 7), FakeMessage(0, 8), FakeMessage(1, 3)]
    first = reader.next(0)
    assert first is not None
    reader.done(first)
    return reader, consumer


def test_a_partition_that_is_revoked_is_committed_and_its_records_in_flight_are_dropped(
    member: tuple[Reader, FakeConsumer],
) -> None:
    reader, consumer = member
    consumer.callbacks["on_revoke"](consumer, [TopicPartition(ALERTS.name, 0)])
    following = reader.next(0)

    assert [(place.partition, place.offset) for commit in consumer.commits for place in commit] == [(0, 8)]
    assert following is not None
    assert (following.partition, following.offset) == (1, 3)


def test_a_partition_that_is_lost_is_not_committed(member: tuple[Reader, FakeConsumer]) -> None:
    reader, consumer = member
    consumer.callbacks["on_lost"](consumer, [TopicPartition(ALERTS.name, n) for n in (0, 1)])
    reader.commit()

    assert consumer.commits == []
    assert reader.next(0) is None


def test_a_record_read_under_an_earlier_ownership_can_no_longer_be_committed(
    member: tuple[Reader, FakeConsumer],
) -> None:
    reader, consumer = member
    old = reader.next(0)
    assert old is not None
    places = [TopicPartition(ALERTS.name, 0)]
    consumer.callbacks["on_revoke"](consumer, places)
    consumer.commits.clear()
    consumer.callbacks["on_assign"](consumer, places)

    assert not reader.owns(old)
    reader.done(old)
    reader.commit()
    assert consumer.commits == []


def test_partitions_are_paused_while_time_passes_also_those_that_come_meanwhile(
    member: tuple[Reader, FakeConsumer],
) -> None:
    reader, consumer = member
    seen = list[set[int]]()

    def rebalanced() -> bool:
        if not seen:
            consumer.callbacks["on_assign"](consumer, [TopicPartition(ALERTS.name, 2)])
        seen.append(set(consumer.paused))
        return len(seen) > 1

    reader.wait(10, rebalanced)

    assert seen[-1] == {0, 1, 2}
    assert not consumer.paused & {0, 1}
