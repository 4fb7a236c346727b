"""The collision watch on a real broker: told within seconds, each approach once, whatever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from consumers.collision.account import account_file, load
from contracts.events import AisPosition
from contracts.settings import Settings
from contracts.topics import AIS, ALERTS
from infra.kafka import client_config, producer_config

Eventually = Callable[..., None]
Ship = tuple[int, float, float, float, float]
FIRST_MMSI = 219_000_000
SECONDS = 10
"""Within how many an alert is to be there on a machine that does other things as well."""


def approaching(number: int, apart_nm: float = 4.0) -> tuple[Ship, Ship]:
    """Two ships on one parallel in the open Pacific that sail towards each other; each number has its own waters."""
    mmsi, lat, half = FIRST_MMSI + 2 * number, 20.0 + number, apart_nm / 120
    return (mmsi, lat, 175 - half, 12.0, 90.0), (mmsi + 1, lat, 175 + half, 12.0, 270.0)


def publish(settings: Settings, *ships: Ship, status: int = 0, at_s: float | None = None) -> float:
    """Publish their positions; gives the time of the last one."""
    producer, now_ms = Producer(producer_config(settings)), round((at_s or time.time()) * 1_000)
    for mmsi, lat, lon, sog, cog in ships:
        event = AisPosition(
            event_id=f"{mmsi}-{now_ms}", source="test", mmsi=mmsi, observed_at_ms=now_ms, lat_deg=lat, lon_deg=lon,
            sog_kn=sog, cog_deg=cog, nav_status=status,
        )  # fmt: skip
        headers: list[tuple[str, str | bytes | None]] = [("event-type", b"position")]
        producer.produce(AIS.name, key=event.key, value=event.model_dump_json(exclude_none=True), headers=headers)
    assert producer.flush(30) == 0
    return now_ms / 1_000


def messages(settings: Settings) -> list[Message]:
    """All alerts that are in the topic."""
    consumer = Consumer({**client_config(settings), "group.id": "test", "enable.auto.commit": False})
    places = [TopicPartition(ALERTS.name, number, 0) for number in range(ALERTS.partitions)]
    wanted = sum(consumer.get_watermark_offsets(place, timeout=10)[1] for place in places)
    consumer.assign(places)
    found: list[Message] = []
    while len(found) < wanted:
        found += consumer.consume(wanted, timeout=1)
    consumer.close()
    return found


def alerts(settings: Settings) -> list[dict[str, Any]]:
    return [json.loads(cast("bytes", message.value())) for message in messages(settings)]


def pairs(found: list[dict[str, Any]]) -> Counter[int]:
    """How often each approach was told, by its number."""
    return Counter((alert["mmsi"] - FIRST_MMSI) // 2 for alert in found)


class Watch:
    """``maritime watch collisions`` as a process; its progress is in a file."""

    def __init__(self, settings: Settings, *arguments: str, **more: str) -> None:
        settings.home.mkdir(parents=True, exist_ok=True)
        self.log = settings.home / f"watch-{len(list(settings.home.glob('watch-*')))}.log"
        environment = {
            **os.environ, "MARITIME_HOME": str(settings.home), "MARITIME_KAFKA_SERVERS": settings.kafka_servers, **more,
        }  # fmt: skip
        command = [sys.executable, "-m", "maritime", "watch", "collisions", "--json", *arguments]
        with self.log.open("w") as told:
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=told, text=True)

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return "watching, " in self.log.read_text()

    def end(self, expected: int = 0) -> dict[str, Any]:
        """Wait for the end; gives what it printed."""
        out, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == expected, self.log.read_text()
        return dict(json.loads(out)) if out else {}

    def stop(self) -> dict[str, Any]:
        self.process.terminate()
        return self.end()


@pytest.fixture
def watch(kafka: Settings) -> Iterator[Callable[..., Watch]]:
    """Starts watches of this test's broker, and ends those that are left."""
    started: list[Watch] = []

    def start(*arguments: str, home: Path | None = None, **more: str) -> Watch:
        started.append(Watch(kafka.model_copy(update={"home": home or kafka.home}), *arguments, **more))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def test_ships_on_a_collision_course_are_told_within_seconds_and_moored_ones_are_not(
    kafka: Settings, watch: Callable[..., Watch], eventually: Eventually
) -> None:
    publish(kafka, *approaching(0))
    running = watch()
    eventually(running.is_ready)
    before = alerts(kafka)
    publish(kafka, *approaching(1), status=5)
    sent_at = publish(kafka, *approaching(2))
    eventually(lambda: bool(alerts(kafka)))
    told = running.stop()

    (message,) = messages(kafka)
    (alert,) = alerts(kafka)
    assert before == []  # the first watch begins now
    assert pairs([alert]) == {2: 1}
    assert message.timestamp()[1] / 1_000 - sent_at < SECONDS
    assert (alert["rule"], alert["severity"], alert["source"]) == ("collision_risk", "critical", "collision_watch")
    assert dict(cast("list[tuple[str, bytes]]", message.headers()))["event-type"] == b"alert"
    assert (told["read"], told["positions"], told["refilled"], told["told"]) == (4, 4, 2, {"critical": 1})
    assert told["condition"] == "ended"


@pytest.mark.parametrize("place", ["collision.before_told", "collision.before_commit"])
def test_a_watch_killed_between_judging_and_committing_tells_each_approach_once(
    place: str, kafka: Settings, watch: Callable[..., Watch]
) -> None:
    publish(kafka, *(ship for number in range(5) for ship in approaching(number)))
    watch("--from", "beginning", "--once", MARITIME_CRASH_AT=place).end(-signal.SIGKILL)
    told_at_death = len(alerts(kafka))
    again = watch("--once").end()

    assert told_at_death == (5 if place == "collision.before_commit" else 0)
    assert pairs(alerts(kafka)) == dict.fromkeys(range(5), 1)
    assert again["told"].get("critical", 0) == 5 - told_at_death
    assert again["positions"] == 10


def test_a_watch_killed_in_the_middle_and_started_again_tells_each_approach_once(
    kafka: Settings, watch: Callable[..., Watch], eventually: Eventually
) -> None:
    first = watch()
    eventually(first.is_ready)
    publish(kafka, *(ship for number in range(10) for ship in approaching(number)))
    eventually(lambda: bool(alerts(kafka)))
    first.process.kill()
    publish(kafka, *(approaching(number)[0] for number in range(10, 20)))
    second = watch()
    publish(kafka, *(ship for number in range(10) for ship in approaching(number, apart_nm=3.9)))
    publish(kafka, *(approaching(number)[1] for number in range(10, 20)))
    eventually(lambda: len(pairs(alerts(kafka))) == 20)
    second.stop()
    watch("--once").end()

    found = alerts(kafka)
    assert set(Counter(alert["event_id"] for alert in found).values()) == {1}
    assert pairs(found) == dict.fromkeys(range(20), 1)


def test_a_watch_knows_after_a_restart_the_ships_that_it_heard_before(
    kafka: Settings, watch: Callable[..., Watch]
) -> None:
    east, west = approaching(0)
    publish(kafka, east)
    watch("--from", "beginning", "--once").end()
    publish(kafka, west)
    again = watch("--once").end()

    assert (again["refilled"], again["read"]) == (1, 1)
    assert pairs(alerts(kafka)) == {0: 1}


def test_what_holds_no_position_is_counted_and_does_not_stop_the_watch(
    kafka: Settings, watch: Callable[..., Watch]
) -> None:
    producer = Producer(producer_config(kafka))
    producer.produce(AIS.name, key="1", value=b"{broken", headers=[("event-type", b"position")])
    producer.produce(AIS.name, key="1", value=None)
    producer.produce(AIS.name, key="1", value=b"{}", headers=[("event-type", b"static")])
    producer.flush(30)
    publish(kafka, *approaching(0))
    told = watch("--from", "beginning", "--once").end()

    assert (told["read"], told["positions"], told["others"], told["unreadable"]) == (5, 2, 1, 2)
    assert told["identity_holds"]
    assert pairs(alerts(kafka)) == {0: 1}
    saved = load(account_file(kafka))
    assert saved is not None
    assert (saved.unreadable, saved.condition) == (2, "ended")


def test_a_second_watch_takes_over_and_the_first_one_ends_and_says_so(
    kafka: Settings, watch: Callable[..., Watch], eventually: Eventually, tmp_path: Path
) -> None:
    first = watch()
    eventually(first.is_ready)
    second = watch(home=tmp_path / "another")
    eventually(second.is_ready)
    eventually(lambda: first.process.poll() is not None)
    first.end(4)
    publish(kafka, *approaching(0))
    eventually(lambda: bool(alerts(kafka)))

    assert "Another collision watch has taken over" in first.log.read_text()
    assert second.stop()["told"] == {"critical": 1}


def test_records_that_are_gone_stop_the_watch_and_the_way_on_is_a_choice(
    kafka: Settings, watch: Callable[..., Watch]
) -> None:
    publish(kafka, *approaching(0))
    watch("--from", "beginning", "--once").end()
    publish(kafka, *approaching(1))
    gone = [TopicPartition(AIS.name, number, -1) for number in range(AIS.partitions)]
    admin = AdminClient(client_config(kafka))
    for deleted in admin.delete_records(gone).values():
        deleted.result()
    stopped = watch("--once")
    stopped.end(6)
    watch("--from", "now", "--once").end()
    publish(kafka, *approaching(2))
    watch("--once").end()

    assert "--from now" in stopped.log.read_text()
    assert pairs(alerts(kafka)) == {0: 1, 2: 1}
