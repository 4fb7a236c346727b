"""Publishing to a real broker: every record is acknowledged, kept as a dead letter, or sent again after a
resume."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Consumer, Message, TopicPartition

from contracts.settings import Settings
from contracts.topics import AIS, ALERTS, Topic
from infra.broker import Broker
from infra.topics import create_topics
from lakehouse.deliveries import deliveries
from producers.feeds import FEEDS
from producers.feeds.base import Context
from producers.lines import Line, open_blocks
from producers.samples import AMSA_NMEA, NOAA_CSV

PROGRAM = [sys.executable, "-c", "from producers.commands import produce; produce()"]


def command(settings: Settings, *arguments: str, **more: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "MARITIME_HOME": str(settings.home),
        "MARITIME_KAFKA_SERVERS": settings.kafka_servers,
        **more,
    }
    pipe = subprocess.PIPE
    return subprocess.Popen([*PROGRAM, *arguments], env=environment, stdout=pipe, stderr=pipe, text=True)


def produce(settings: Settings, *arguments: str) -> dict[str, Any]:
    process = command(settings, *arguments, "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return dict(json.loads(out))


def consume(settings: Settings, topic: Topic) -> list[Message]:
    config = {"bootstrap.servers": settings.kafka_servers, "group.id": "test", "enable.auto.commit": False}
    consumer = Consumer(config)
    ends = {}
    for partition in range(topic.partitions):
        low, high = consumer.get_watermark_offsets(TopicPartition(topic.name, partition), timeout=10)
        ends[partition] = high - low
    consumer.assign([TopicPartition(topic.name, partition, 0) for partition in ends])
    messages: list[Message] = []
    deadline = time.monotonic() + 30
    while len(messages) < sum(ends.values()):
        assert time.monotonic() < deadline
        messages += consumer.consume(5_000, timeout=1)
    consumer.close()
    return messages


def event_ids(messages: list[Message]) -> set[str]:
    return {json.loads(message.value() or b"{}")["event_id"] for message in messages}


def expected_ids(path: Path) -> set[str]:
    blocks = open_blocks(str(path), Line(print, lambda: False))
    batches = FEEDS["noaa"].read(blocks, Context(AIS, "noaa"))
    return {json.loads(value)["event_id"] for batch in batches for value in batch.values}


def test_read_is_delivered_plus_rejected_and_the_topics_hold_just_that(kafka: Settings) -> None:
    summary = produce(kafka, "ais", "--from", "noaa", str(NOAA_CSV))

    assert summary["identity_holds"]
    assert (summary["read"], summary["delivered"], summary["rejected"]) == (24_000, 23_998, 2)
    messages = consume(kafka, AIS)
    assert len(messages) == 23_998
    counted = {delivery.kafka_topic: delivery.rows_delivered for delivery in deliveries(kafka.lake)}
    assert counted == {AIS.name: 23_998, AIS.dead_letter.name: 2}
    assert event_ids(messages) == expected_ids(NOAA_CSV)
    assert dict(messages[0].headers() or []) == {
        "source": b"noaa", "event-type": b"position", "schema-version": b"1",
    }  # fmt: skip


def test_a_vessels_events_are_on_one_partition_in_the_order_of_the_feed(kafka: Settings) -> None:
    produce(kafka, "ais", "--from", "noaa", str(NOAA_CSV))

    blocks = open_blocks(str(NOAA_CSV), Line(print, lambda: False))
    sent: dict[str, list[str]] = {}
    for batch in FEEDS["noaa"].read(blocks, Context(AIS, "noaa")):
        for key, value in zip(batch.keys, batch.values, strict=True):
            sent.setdefault(key, []).append(json.loads(value)["event_id"])
    got: dict[str, list[tuple[int | None, int | None, str]]] = {}
    for message in consume(kafka, AIS):
        event_id = json.loads(message.value() or b"")["event_id"]
        place = (message.partition(), message.offset(), event_id)
        got.setdefault((message.key() or b"").decode(), []).append(place)

    assert all(len({partition for partition, _, _ in events}) == 1 for events in got.values())
    assert {key: [event_id for _, _, event_id in sorted(events)] for key, events in got.items()} == sent


def test_a_refused_line_is_kept_with_reason_number_and_bytes(kafka: Settings, tmp_path: Path) -> None:
    feed = tmp_path / "alerts.jsonl"
    feed.write_bytes(b'{"rule": "x"}\nnot json \xff\n')

    summary = produce(kafka, "alerts", "--from", "events", str(feed), "--source", "watch")

    assert (summary["read"], summary["rejected"], summary["identity_holds"]) == (2, 2, True)
    first, second = sorted(consume(kafka, ALERTS.dead_letter), key=lambda message: message.offset() or 0)
    assert second.value() == b"not json \xff"
    assert dict(second.headers() or []) == {
        "reason": b"not_json", "line-number": b"2", "source": b"watch", "format": b"events",
    }  # fmt: skip
    assert dict(first.headers() or [])["reason"] == b"event_id:missing"


def test_a_feed_cut_by_a_dead_broker_goes_on_where_it_stopped_and_skips_nothing(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    settings = Settings(home=tmp_path, kafka_servers=f"127.0.0.1:{free_port()}")
    broker = Broker(settings)
    pid = broker.start().pid
    create_topics(settings)
    arguments = ("ais", "--from", "noaa", str(NOAA_CSV), "--speed", "20x")

    first = command(settings, *arguments, MARITIME_BROKER_AWAY_SECONDS="4")
    time.sleep(6)
    assert pid is not None
    psutil.Process(pid).kill()
    _, err = first.communicate(timeout=60)
    broker.start()
    summary = produce(settings, "ais", "--from", "noaa", str(NOAA_CSV), "--resume")
    messages = consume(settings, AIS)
    broker.stop()

    assert first.returncode == 5
    assert "Kafka is away" in err
    assert "--resume" in err
    assert 0 < summary["read"] < 24_000
    assert event_ids(messages) == expected_ids(NOAA_CSV)


def test_ctrl_c_delivers_what_was_read_and_tells_the_position(kafka: Settings) -> None:
    process = command(kafka, "ais", "--from", "noaa", str(NOAA_CSV), "--speed", "20x", "--json")
    time.sleep(6)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 0, err
    summary = json.loads(out)
    assert summary["was_stopped"]
    assert summary["identity_holds"]
    assert 0 < summary["read"] < 24_000
    rest = produce(kafka, "ais", "--from", "noaa", str(NOAA_CSV), "--resume")
    assert summary["read"] + rest["read"] >= 24_000
    assert event_ids(consume(kafka, AIS)) == expected_ids(NOAA_CSV)


def test_a_limit_stops_after_so_many_records_and_the_rest_can_follow(kafka: Settings) -> None:
    assert produce(kafka, "ais", "--from", "nmea", str(AMSA_NMEA), "--limit", "100")["read"] == 100
    rest = produce(kafka, "ais", "--from", "nmea", str(AMSA_NMEA), "--resume")
    whole = produce(kafka, "ais", "--from", "nmea", str(AMSA_NMEA))

    assert 100 + rest["read"] == whole["read"]


def test_a_missing_file_is_one_sentence_and_exit_code_2(kafka: Settings) -> None:
    process = command(kafka, "ais", "--from", "noaa", "nowhere.csv")
    out, err = process.communicate(timeout=60)

    assert (process.returncode, out) == (2, "")
    assert err.strip() == "error: nowhere.csv does not exist or is not a file."
