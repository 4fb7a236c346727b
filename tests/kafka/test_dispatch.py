"""Alert dispatch on a real broker, to a real web server: each alert once, whatever dies or moves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from pydantic import SecretStr

from consumers.dispatch.breaker import Breaker
from consumers.dispatch.dead_letters import DeadLetters, Wire
from consumers.dispatch.dispatcher import Dispatcher, Outcome, Policy
from consumers.dispatch.journal import Journal, journal_file
from consumers.dispatch.reader import Reader, Record
from consumers.dispatch.status import dispatch_status
from consumers.dispatch.webhook import WebhookSink, webhook_of
from contracts.settings import Settings
from contracts.topics import ALERTS, CONSUMER_GROUP
from infra.kafka import client_config, producer_config

Eventually = Callable[..., None]


def alert(number: int) -> tuple[str, str, bytes]:
    mmsi = 219_000_001 + number % 12
    event = {
        "event_id": f"alert-{number}", "event_type": "alert", "schema_version": 1, "source": "watch", "mmsi": mmsi,
        "observed_at_ms": 1_700_000_000_000 + number, "rule": "speed", "severity": "warning", "message": "too fast",
    }  # fmt: skip
    return event["event_id"], str(mmsi), json.dumps(event).encode()  # type: ignore[return-value]


def publish(settings: Settings, numbers: range) -> list[str]:
    producer = Producer(producer_config(settings))
    sent = [alert(number) for number in numbers]
    for _, key, value in sent:
        producer.produce(ALERTS.name, key=key, value=value, headers=[("source", b"watch")])
    assert producer.flush(30) == 0
    return [event_id for event_id, _, _ in sent]


def committed(settings: Settings) -> int:
    """Records that the group counts as done."""
    return sum(p.committed or 0 for p in dispatch_status(settings).partitions)


def dead_letters(settings: Settings) -> list[Message]:
    consumer = Consumer({**client_config(settings), "group.id": "test", "enable.auto.commit": False})
    place = TopicPartition(ALERTS.dead_letter.name, 0, 0)
    _, end = consumer.get_watermark_offsets(place, timeout=10)
    consumer.assign([place])
    found: list[Message] = []
    while len(found) < end:
        found += consumer.consume(end, timeout=1)
    consumer.close()
    return found


def headers_of(message: Message) -> dict[str, str]:
    pairs = cast("list[tuple[str, bytes]]", message.headers())
    return {name: value.decode() for name, value in pairs}


def start(settings: Settings, receiver: Any, *arguments: str, **more: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "MARITIME_HOME": str(settings.home),
        "MARITIME_KAFKA_SERVERS": settings.kafka_servers,
        "MARITIME_WEBHOOK_URL": f"http://127.0.0.1:{receiver.port}/hook",
        "MARITIME_WEBHOOK_SECRET": "s3cret",  # pragma: allowlist secret
        "MARITIME_WEBHOOK_ALLOW_PRIVATE": "true",
        "MARITIME_DISPATCH_BACKOFF_SECONDS": "0.05",
        **more,
    }
    command = [sys.executable, "-m", "maritime", "dispatch", "--sink", "webhook", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True)


def dispatch(settings: Settings, receiver: Any, **more: str) -> dict[str, Any]:
    process = start(settings, receiver, "--once", "--json", **more)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return dict(json.loads(out))


class Died(BaseException):
    """What a test raises to end a dispatcher where it stands."""


class HastyReader(Reader):
    """A control: it commits a record when it hands it out, before its effect."""

    def next(self, seconds: float) -> Record | None:
        record = super().next(seconds)
        if record is not None:
            self.done(record)
            self.commit()
        return record


class Member:
    """A dispatcher in this process, in a thread and with a home of its own, so that no journal can help another's."""

    def __init__(
        self,
        settings: Settings,
        receiver: Any,
        home: Path,
        threshold: int = 1_000,
        pause: float = 1,
        reader: type[Reader] = Reader,
    ) -> None:
        own = settings.model_copy(
            update={
                "home": home,
                "webhook_url": SecretStr(f"http://127.0.0.1:{receiver.port}/"),
                "webhook_allow_private": True,
            }
        )
        self.states: list[str] = []
        self._stopping = threading.Event()
        self._reader = reader(own, ALERTS, CONSUMER_GROUP, print)
        breaker = Breaker(threshold, pause, on_change=lambda _before, now: self.states.append(now.state.value))
        self.settings = own
        self._parts = (
            self._reader, WebhookSink(webhook_of(own)),
            DeadLetters(cast("Wire", Producer(producer_config(own))), ALERTS, 30), breaker, Policy(5, 0.05, 3_600),
        )  # fmt: skip
        self.outcome = Outcome()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Member:
        self._thread.start()
        return self

    def stop(self) -> Outcome:
        self._stopping.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        return self.outcome

    @property
    def owns(self) -> list[int]:
        return self._reader.partitions

    def _run(self) -> None:
        reader, sink, letters, breaker, policy = self._parts
        journal = Journal(journal_file(self.settings))  # SQLite wants to be used where it was opened
        dispatcher = Dispatcher(
            str(self.settings.home), reader, sink, journal, letters, breaker, policy, stopped=self._stopping.is_set
        )
        self.outcome = dispatcher.outcome
        with contextlib.suppress(Died):
            dispatcher.run(once=False)


def test_each_alert_is_delivered_once_and_then_committed(kafka: Settings, receiver: Any) -> None:
    sent = publish(kafka, range(40))
    committed_at_first = list[int]()

    def look(_key: str) -> int:
        if not committed_at_first:
            committed_at_first.append(committed(kafka))
        return 200

    receiver.answer = look
    summary = dispatch(kafka, receiver)
    again = dispatch(kafka, receiver)

    assert committed_at_first == [0]
    assert sorted(receiver.keys) == sorted(sent)
    assert committed(kafka) == 40
    assert (summary["read"], summary["delivered"], summary["identity_holds"]) == (40, 40, True)
    assert again["read"] == 0


def test_alerts_of_one_vessel_arrive_in_their_order(kafka: Settings, receiver: Any) -> None:
    publish(kafka, range(60))
    dispatch(kafka, receiver)

    by_vessel: dict[int, list[int]] = {}
    for _, body, _ in receiver.came:
        event = json.loads(body)
        by_vessel.setdefault(event["mmsi"], []).append(event["observed_at_ms"])
    assert len(by_vessel) == 12
    assert all(times == sorted(times) for times in by_vessel.values())


@pytest.mark.parametrize(("place", "repeated"), [("dispatch.before_commit", 0), ("dispatch.before_journal", 1)])
def test_a_dispatcher_killed_after_an_effect_repeats_it_at_most_in_the_one_window_and_with_the_same_key(
    place: str, repeated: int, kafka: Settings, receiver: Any
) -> None:
    sent = publish(kafka, range(20))
    killed = start(kafka, receiver, "--once", MARITIME_CRASH_AT=place)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert len(receiver.keys) == 1
    assert committed(kafka) == 0

    summary = dispatch(kafka, receiver)

    assert set(receiver.keys) == set(sent)
    times = Counter(receiver.keys)
    assert times.total() - len(times) == repeated
    assert summary["already_done"] == 1 - repeated
    assert committed(kafka) == 20


def test_a_dispatcher_killed_after_a_dead_letter_writes_that_one_again_with_its_place_and_loses_nothing(
    kafka: Settings, receiver: Any
) -> None:
    sent = publish(kafka, range(6))
    producer = Producer(producer_config(kafka))
    producer.produce(ALERTS.name, value=b"no json")
    assert producer.flush(30) == 0
    killed = start(kafka, receiver, "--once", MARITIME_CRASH_AT="dispatch.after_dead_letter")
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL

    dispatch(kafka, receiver)

    letters = [headers_of(letter) for letter in dead_letters(kafka)]
    assert len(letters) == 2
    assert len({(letter["original-partition"], letter["original-offset"]) for letter in letters}) == 1
    assert sorted(receiver.keys) == sorted(sent)  # what was noted before the kill is not sent again
    assert committed(kafka) == 7


@pytest.mark.parametrize(("reader", "lost"), [(Reader, 0), (HastyReader, 1)])
def test_an_offset_committed_before_its_effect_would_lose_the_alert_at_hand(
    reader: type[Reader],
    lost: int,
    kafka: Settings,
    receiver: Any,
    tmp_path: Path,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(_self: WebhookSink, _alert: object, _raw: bytes) -> None:
        raise Died

    sent = publish(kafka, range(9))
    with monkeypatch.context() as patched:
        patched.setattr(WebhookSink, "send", die)
        member = Member(kafka, receiver, tmp_path / "one", reader=reader).start()
        eventually(lambda: member.outcome.read == 1)
        member.stop()
    second = Member(kafka, receiver, tmp_path / "two").start()
    eventually(lambda: committed(kafka) == 9)
    second.stop()

    assert len(set(sent) - set(receiver.keys)) == lost


def test_an_alert_that_always_fails_becomes_a_dead_letter_after_its_attempts(kafka: Settings, receiver: Any) -> None:
    sent = publish(kafka, range(12))
    receiver.answer = lambda key: 500 if key == "alert-5" else 200

    summary = dispatch(kafka, receiver, MARITIME_DISPATCH_ATTEMPTS="3", MARITIME_DISPATCH_BREAKER_FAILURES="9")

    (letter,) = dead_letters(kafka)
    headers = headers_of(letter)
    assert letter.value() == alert(5)[2]
    assert (headers["reason"], headers["attempts"], headers["source"]) == ("attempts_exhausted", "3", "watch")
    assert headers["original-topic"] == ALERTS.name
    assert headers["error"].endswith("answered 500")
    consumer = Consumer({**client_config(kafka), "group.id": "test", "enable.auto.commit": False})
    consumer.assign([TopicPartition(ALERTS.name, int(headers["original-partition"]), int(headers["original-offset"]))])
    original = consumer.poll(10)
    consumer.close()
    assert original is not None
    assert original.value() == letter.value()
    assert Counter(receiver.keys) == {**dict.fromkeys(sent, 1), "alert-5": 3}
    assert (summary["delivered"], summary["dead_letters_by_reason"]) == (11, {"attempts_exhausted": 1})
    assert committed(kafka) == 12


def test_poison_goes_to_the_dead_letters_at_once_and_blocks_nothing(kafka: Settings, receiver: Any) -> None:
    producer = Producer(producer_config(kafka))
    poison = {b"no json \xff": "not_json", b'{"event_type": "alert"}': "event_id:missing", None: "empty"}
    for value in poison:
        for partition in range(ALERTS.partitions):
            producer.produce(ALERTS.name, value=value, partition=partition)
    assert producer.flush(30) == 0
    sent = publish(kafka, range(9))

    summary = dispatch(kafka, receiver)

    assert sorted(receiver.keys) == sorted(sent)
    letters = dead_letters(kafka)
    found = Counter((letter.value(), headers_of(letter)["reason"]) for letter in letters)
    assert found == dict.fromkeys(poison.items(), 3)
    assert {headers_of(letter)["attempts"] for letter in letters} == {"0"}
    assert (summary["read"], summary["dead_letters"], summary["identity_holds"]) == (18, 9, True)
    assert committed(kafka) == 18


def test_while_the_sink_is_away_alerts_wait_and_one_probe_brings_them_back(
    kafka: Settings, receiver: Any, tmp_path: Path, eventually: Eventually
) -> None:
    receiver.answer = lambda _key: 503
    sent = publish(kafka, range(30))
    member = Member(kafka, receiver, tmp_path / "one", threshold=3, pause=1).start()
    eventually(lambda: "open" in member.states)
    time.sleep(3.5)
    calls = len(receiver.keys)
    shown = dispatch_status(member.settings)
    owned = member.owns
    receiver.answer = lambda _key: 200
    eventually(lambda: committed(kafka) == 30)
    outcome = member.stop()

    assert calls <= 3 + 4  # what opened it, and one probe a second
    assert member.states[:3] == ["open", "half-open", "open"]
    assert member.states[-2:] == ["half-open", "closed"]
    assert owned == [0, 1, 2]  # still a member of the group
    assert shown.members[0].breaker.state.value in ("open", "half-open")
    assert "503" in shown.members[0].breaker.last_error
    assert shown.lag_records == 30
    assert dead_letters(kafka) == []
    assert (set(receiver.keys), outcome.delivered) == (set(sent), 30)


def test_a_rebalance_in_the_middle_of_a_batch_loses_and_repeats_no_alert(
    kafka: Settings, receiver: Any, tmp_path: Path, eventually: Eventually
) -> None:
    def slowly(_key: str) -> int:
        time.sleep(0.02)
        return 200

    receiver.answer = slowly
    sent = publish(kafka, range(240))
    first = Member(kafka, receiver, tmp_path / "first").start()
    eventually(lambda: len(receiver.keys) > 10)
    second = Member(kafka, receiver, tmp_path / "second").start()
    eventually(lambda: bool(second.owns))
    middle = len(receiver.keys)
    eventually(lambda: len(receiver.keys) > middle + 20)
    left = first.stop()
    eventually(lambda: committed(kafka) == 240)
    outcomes = [left, second.stop()]

    assert middle < 200
    assert Counter(receiver.keys) == dict.fromkeys(sent, 1)
    assert all(outcome.identity_holds and outcome.delivered > 10 for outcome in outcomes)
    assert sum(outcome.delivered for outcome in outcomes) == 240


def test_sigterm_finishes_the_alert_at_hand_and_commits_it(
    kafka: Settings, receiver: Any, eventually: Eventually
) -> None:
    def slowly(_key: str) -> int:
        time.sleep(0.3)
        return 200

    receiver.answer = slowly
    sent = publish(kafka, range(12))
    process = start(kafka, receiver, "--json")
    eventually(lambda: len(receiver.keys) >= 3)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    summary = json.loads(out)
    done = len(receiver.keys)

    assert process.returncode == 0, err
    assert 3 <= done < 12
    assert (summary["delivered"], committed(kafka)) == (done, done)
    receiver.answer = lambda _key: 200
    dispatch(kafka, receiver)
    assert Counter(receiver.keys) == dict.fromkeys(sent, 1)


def test_a_sink_that_is_away_ends_a_single_run_with_5_and_shows_no_secret(kafka: Settings, receiver: Any) -> None:
    receiver.answer = lambda _key: 401
    publish(kafka, range(6))
    process = start(kafka, receiver, "--once", "--json")
    out, err = process.communicate(timeout=60)

    assert process.returncode == 5
    assert json.loads(out)["delivered"] == 0
    assert "breaker closed -> open after 3 failures in a row" in err
    assert "answered 401" in err
    assert "s3cret" not in out + err
    assert "/hook" not in out + err
    assert committed(kafka) == 0


def test_alerts_that_are_gone_before_they_were_read_are_never_skipped_unasked(kafka: Settings, receiver: Any) -> None:
    publish(kafka, range(30))
    dispatch(kafka, receiver)
    publish(kafka, range(30, 60))
    client = AdminClient(client_config(kafka))
    ends = {p.partition: p.end for p in dispatch_status(kafka).partitions}
    places = [TopicPartition(ALERTS.name, number, end - 1) for number, end in ends.items()]
    for future in client.delete_records(places).values():
        future.result()

    process = start(kafka, receiver, "--once", "--json")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 6, err
    assert "no longer has the record that comes next" in err
    assert len(receiver.keys) == 30

    process = start(kafka, receiver, "--once", "--json", "--skip-lost")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["delivered"] == 3


def test_status_shows_the_breaker_the_committed_offsets_and_what_waits(kafka: Settings, receiver: Any) -> None:
    publish(kafka, range(10))
    dispatch(kafka, receiver)
    publish(kafka, range(10, 14))
    environment = {
        **os.environ,
        "MARITIME_HOME": str(kafka.home),
        "MARITIME_KAFKA_SERVERS": kafka.kafka_servers,
        "COLUMNS": "200",
    }
    command = [sys.executable, "-m", "maritime", "status"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    told = json.loads(
        subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, check=True).stdout
    )["dispatch"]

    assert (told["lag_records"], sum(p["committed"] for p in told["partitions"])) == (4, 10)
    (one,) = told["dispatchers"]
    assert (one["sink"], one["breaker"], one["condition"], one["failures"]) == ("webhook", "closed", "ended", 0)
    assert f"Group {CONSUMER_GROUP}" in shown
    assert "closed" in shown
