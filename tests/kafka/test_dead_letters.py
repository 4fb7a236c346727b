"""Dead letters on a real broker: listed, sent once after a correction, and never lost by a crash in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Message, TopicPartition

from contracts.settings import Settings
from contracts.topics import AIS, Topic
from producers.commands import produce
from producers.dead_letter_commands import dlq
from producers.dead_letter_topics import DeadLetters

TIMELESS = b"!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C"
NOON = ("--assume-start", "2026-01-01T12:00:00Z")
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(kafka: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command against the broker; gives what it printed as JSON."""
    monkeypatch.setenv("MARITIME_HOME", str(kafka.home))
    monkeypatch.setenv("MARITIME_KAFKA_SERVERS", kafka.kafka_servers)

    def call(command: Any, *arguments: str) -> dict[str, Any]:
        result = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    return call


@pytest.fixture
def feed(tmp_path: Path) -> str:
    """Receiver's lines: a report without any time, one that is broken, and 5 MB that are nothing."""
    file = tmp_path / "feed.nmea"
    file.write_bytes(b"\n".join([TIMELESS, b"!AIVDM,1,1,,B,\xff,0*00", b"!" + b"x" * 5_000_000]))
    return str(file)


def values(settings: Settings, topic: Topic) -> Iterator[Message]:
    config = {"bootstrap.servers": settings.kafka_servers, "group.id": "test", "enable.auto.commit": False}
    consumer = Consumer(config)
    for partition in range(topic.partitions):
        place = TopicPartition(topic.name, partition, 0)
        _, end = consumer.get_watermark_offsets(place, timeout=10)
        consumer.assign([place])
        left = end
        while left:
            messages = consumer.consume(left, timeout=10)
            assert messages
            left -= len(messages)
            yield from messages
    consumer.close()


def test_letters_are_counted_shown_and_sent_once_after_a_correction(kafka: Settings, run: Run, feed: str) -> None:
    summary = run(produce, "ais", "--from", "nmea", feed)
    assert (summary["read"], summary["rejected"]) == (3, 3)

    listed = {row["reason"]: row for row in run(dlq, "list", "--topic", "ais")["dead_letters"]}
    assert sum(row["letters"] for row in listed.values()) == 3
    assert (listed["no_time"]["letters"], listed["no_time"]["open"]) == (1, 1)
    (shown,) = run(dlq, "show", "--reason", "no_time")["dead_letters"]
    assert (shown["text"], shown["line_number"], shown["format"]) == (TIMELESS.decode(), 1, "nmea")

    (tried,) = run(dlq, "replay", "--topic", "ais", *NOON, "--dry-run")["topics"]
    assert (tried["letters"], tried["published_letters"], tried["refused"]["cut"]) == (3, 1, 1)
    assert list(values(kafka, AIS)) == []
    (done,) = run(dlq, "replay", "--topic", "ais", *NOON)["topics"]
    assert done == tried
    (event,) = values(kafka, AIS)
    assert dict(event.headers() or [])["dead-letter"].startswith(b"maritime.ais.data.dlq:0:")

    (second,) = run(dlq, "replay", "--topic", "ais", *NOON)["topics"]
    assert second["letters"] == 0
    assert [row["open"] for row in run(dlq, "list", "--topic", "ais")["dead_letters"]] == [0] * len(listed)
    assert len(list(values(kafka, AIS))) == 1
    run(dlq, "replay", "--topic", "ais", *NOON, "--again")
    sent = [json.loads(message.value() or b"") for message in values(kafka, AIS)]
    assert len(sent) == 2
    assert sent[0] == sent[1]


def test_a_crash_between_sending_and_passing_a_letter_sends_the_same_event_again(
    kafka: Settings, run: Run, feed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(produce, "ais", "--from", "nmea", feed)

    def crash(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(DeadLetters, "commit", crash)
        with pytest.raises(RuntimeError, match="killed"):
            run(dlq, "replay", "--topic", "ais", *NOON)
    assert len(list(values(kafka, AIS))) == 1

    run(dlq, "replay", "--topic", "ais", *NOON)

    events = [json.loads(message.value() or b"") for message in values(kafka, AIS)]
    assert len(events) == 2
    assert events[0]["event_id"] == events[1]["event_id"]
