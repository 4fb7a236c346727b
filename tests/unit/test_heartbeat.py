"""What a live producer writes down of its feed, against real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from contracts.topics import AIS
from lakehouse.feed_state import FeedState, load_all
from lakehouse.silence import Limits, Told, Way, judge
from producers.feeds import FEEDS
from producers.heartbeat import Heartbeat
from producers.positions import Position
from producers.publisher import Publisher
from producers.run import Plan, Run

SHIP = b"!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C\r\n"
BASE_STATION = b"!AIVDM,1,1,,A,403OviQuMGCqWrRO9>E6fE700@GO,0*4D\r\n"
SHORT = timedelta(seconds=1)
LIMITS = Limits(SHORT, 2 * SHORT, 60 * SHORT, 60 * SHORT, 60 * SHORT, 60 * SHORT)
Speak = Callable[[socket.socket], None]


class Sink:
    """A publisher that keeps what it is given."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self.read = self.delivered = self.dead_letters = self.delivered_line = 0
        self.rejected: Any = {}

    def begin_input(self, _line: int) -> None: ...

    def send(self, batch: Any) -> None:
        self.values += batch.values
        self.read += len(batch)

    def serve(self, _seconds: float) -> None: ...

    def flush(self) -> None: ...

    def give_up(self) -> None: ...


@contextmanager
def station(speak: Speak) -> Iterator[int]:
    """A real TCP server that does what it is told with each that connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=speak, args=(client,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])


@contextmanager
def feed_of(home: Path, port: int) -> Iterator[Sink]:
    """A live NMEA feed from the port, as `maritime produce` runs it."""
    where = (f"tcp://127.0.0.1:{port}",)
    plan = Plan(FEEDS["nmea"], "nmea", AIS, Position("nmea", AIS.name, where), "nmea")
    sink, done = Sink(), threading.Event()
    heartbeat = Heartbeat(home, "nmea", AIS, where, every_seconds=0.2)
    run = Run(
        plan, cast("Publisher", sink), home / "position.json", stopped=done.is_set, notify=lambda _: None,
        tick=lambda _: None, heartbeat=heartbeat,
    )  # fmt: skip
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sink
    finally:
        done.set()
        thread.join(10)
        heartbeat.end()


def told(home: Path) -> Told:
    way = Way(AIS.name, is_broker_up=True, is_used=False, hops=())
    return judge([(state, True) for state in load_all(home)], [way], LIMITS, datetime.now(UTC))[0]


def repeat(line: bytes) -> Speak:
    def speak(client: socket.socket) -> None:
        try:
            while True:
                client.sendall(line)
                time.sleep(0.2)
        except OSError:
            return

    return speak


def silent(_client: socket.socket) -> None:
    time.sleep(60)


def test_an_open_socket_without_a_line_is_a_silent_feed_and_no_vessel_is_accused(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    with station(silent) as port, feed_of(tmp_path, port) as sink:
        eventually(lambda: told(tmp_path).verdict == "feed_silent", 5)
        assert told(tmp_path).vessels_may_be_judged is False
        assert sink.values == []


def test_a_station_that_takes_no_connection_is_dead(
    tmp_path: Path, eventually: Callable[..., None], free_port: Callable[[], int]
) -> None:
    with feed_of(tmp_path, free_port()):
        eventually(lambda: told(tmp_path).verdict == "station_dead", 5)


def test_base_stations_alone_prove_that_the_station_lives_where_no_ships_are(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    with station(repeat(BASE_STATION)) as port, feed_of(tmp_path, port):
        eventually(lambda: told(tmp_path).verdict == "no_ships", 8)
        assert told(tmp_path).vessels_may_be_judged is True


def test_a_speaking_feed_is_well_and_one_that_is_cut_is_a_dead_station(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    with station(repeat(SHIP)) as port, feed_of(tmp_path, port):
        eventually(lambda: told(tmp_path).verdict == "ok" and states(tmp_path)[0].reports > 2, 8)


def test_an_orderly_end_leaves_nothing_and_an_unwilling_one_its_reason(tmp_path: Path) -> None:
    where = ("udp://127.0.0.1:5000",)
    Heartbeat(tmp_path, "nmea", AIS, where, 5).end()
    assert states(tmp_path) == []

    Heartbeat(tmp_path, "nmea", AIS, where, 5).end("Kafka is away.")
    assert told(tmp_path).verdict == "producer_dead"
    assert "Kafka is away." in told(tmp_path).reason


def states(home: Path) -> list[FeedState]:
    return load_all(home)


@pytest.mark.parametrize("line", [b"garbage\r\n"])
def test_lines_that_are_no_reports_are_told_apart_from_silence(
    tmp_path: Path, eventually: Callable[..., None], line: bytes
) -> None:
    with station(repeat(line)) as port, feed_of(tmp_path, port):
        eventually(lambda: told(tmp_path).verdict == "feed_unreadable", 8)
