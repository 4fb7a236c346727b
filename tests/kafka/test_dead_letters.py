"""Dead letters on a real broker: listed, sent once after a correction, and never lost by a crash in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Message, TopicPartition
from pyspark.sql import SparkSession

from consumers.bronze import BRONZE_FLOWS
from contracts.errors import InputError
from contracts.settings import Settings
from contracts.tables import SILVER_POSITIONS
from contracts.topics import AIS, Topic
from lakehouse import rereads
from lakehouse.deliveries import deliveries
from lakehouse.gold import GOLD_FLOWS
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store
from maritime.dead_letters import dlq
from producers.commands import produce

TIMELESS = b"!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C"
NOON = ("--assume-start", "2026-01-01T12:00:00Z")
STREAMS = [BRONZE_FLOWS[0], SILVER_FLOWS[0], *GOLD_FLOWS]
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
    file.write_bytes(b"\n".join([TIMELESS, b"!AIVDM,1,1,,B,\xff,0*00", b"x" * 5_000_000]))
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


def run_one_after_another(settings: Settings) -> None:
    for flow in STREAMS:  # together, a later one may end before the earlier has written
        run_flows([flow], settings, once=True)


def open_letters(run: Run) -> dict[str, int]:
    return {row["rule"]: row["open"] for row in run(dlq, "list", "--topic", "ais")["dead_letters"]}


def test_letters_are_counted_shown_and_sent_once_after_a_correction(kafka: Settings, run: Run, feed: str) -> None:
    summary = run(produce, "ais", "--from", "nmea", feed)
    assert (summary["read"], summary["rejected"]) == (3, 3)

    assert open_letters(run) == {"no_time": 1, "malformed": 2}
    (shown,) = run(dlq, "show", "--topic", "ais", "--rule", "no_time")["dead_letters"]
    assert (shown["text"], shown["line_number"], shown["format"]) == (TIMELESS.decode(), 1, "nmea")
    sizes = [
        letter["size_bytes"] for letter in run(dlq, "show", "--topic", "ais", "--rule", "malformed")["dead_letters"]
    ]
    assert sizes == [20, 5_000_000]

    (done,) = run(dlq, "replay", "--topic", "ais", "--rule", "no_time", *NOON)["rules"]
    assert (done["letters"], done["published_letters"], done["events"]) == (1, 1, 1)
    (event,) = values(kafka, AIS)
    assert ("dead-letter", b"maritime.ais.data.dlq:0:0") in list(event.headers() or [])
    assert open_letters(run) == {"no_time": 0, "malformed": 2}
    assert run(dlq, "show", "--topic", "ais", "--rule", "no_time")["dead_letters"][0]["is_published"]

    others = {row["rule"]: row["refused"] for row in run(dlq, "replay", "--topic", "ais", *NOON)["rules"]}
    assert others == {"malformed": {"malformed": 1, "cut": 1}}
    assert len(list(values(kafka, AIS))) == 1
    counted = {row.kafka_topic: row.rows_delivered for row in deliveries(kafka.lake) if row.kafka_topic == AIS.name}
    assert counted == {AIS.name: 1}


def test_a_rule_that_refused_no_letter_is_a_typing_error(kafka: Settings, run: Run, feed: str) -> None:
    run(produce, "ais", "--from", "nmea", feed)

    result = CliRunner().invoke(dlq, ["replay", "--rule", "no_tiem"])

    assert (result.exit_code, result.stdout) == (InputError.exit_code, "")
    assert "Rules with letters: malformed, no_time" in result.stderr


def test_the_dry_run_tells_what_the_lake_would_make_of_it_and_a_second_replay_changes_no_table(
    spark: SparkSession, kafka: Settings, run: Run, feed: str, contents: Callable[[Settings], dict[str, str]]
) -> None:
    run(produce, "ais", "--from", "nmea", feed)
    run_one_after_another(kafka)
    before = contents(kafka)

    told = run(dlq, "replay", "--topic", "ais", "--rule", "no_time", *NOON, "--dry-run")

    assert [(row["letters"], row["published_letters"]) for row in told["rules"]] == [(1, 1)]
    (would,) = told["lake"]
    assert (would["rule"], would["accepted"], would["duplicate"]) == ("no_time", 1, 0)
    assert (would["vessels"], would["voyages"]) == (1, 0)
    assert would["gold_rows"] == {"gold.vessel_day": 1, "gold.vessel_latest": 1}
    assert contents(kafka) == before
    assert list(values(kafka, AIS)) == []

    run(dlq, "replay", "--topic", "ais", *NOON)
    run_one_after_another(kafka)
    first = contents(kafka)
    assert len(Store(spark, kafka.lake).read(SILVER_POSITIONS).collect()) == 1
    again = run(dlq, "replay", "--topic", "ais", *NOON)["rules"]
    run_one_after_another(kafka)

    assert [(row["rule"], row["letters"], row["unchanged"]) for row in again] == [("malformed", 2, 2)]
    assert contents(kafka) == first


def test_a_crash_between_sending_and_the_second_verdict_sends_the_same_event_again(
    kafka: Settings, run: Run, feed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(produce, "ais", "--from", "nmea", feed)

    def crash(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(rereads, "record", crash)
        with pytest.raises(RuntimeError, match="killed"):
            run(dlq, "replay", "--topic", "ais", *NOON)
    assert len(list(values(kafka, AIS))) == 1

    run(dlq, "replay", "--topic", "ais", *NOON)

    events = [json.loads(message.value() or b"") for message in values(kafka, AIS)]
    assert len(events) == 2
    assert events[0] == events[1]
