"""A dead letter read again: by the feed that refused it, with nothing but what the letter itself tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.topics import AIS, ALERTS, SENSORS, Topic
from infra.raw_text import readable
from producers.dead_letters import DeadLetter, reread, together
from producers.feeds import FEEDS
from producers.feeds.base import Batch, Context, Rejection
from producers.lines import Block
from producers.publisher import Publisher

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HEADER = b"MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,IMO,CallSign,VesselType,Status,Length,Width,Draft"
ROW = b"366053209,2022-01-03T00:00:00,37.8,-122.3,12.0,90.0,91,EVER,IMO9074729,WDA,70,0,200,30,10.5"


class Wire:
    """Takes what is produced, and acknowledges nothing."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def produce(self, topic: str, **message: Any) -> None:
        self.sent.append({"topic": topic, **message})

    def poll(self, timeout: float) -> int:
        return 0

    def purge(self, in_queue: bool = True, in_flight: bool = True, blocking: bool = True) -> None:
        pass


def letter(topic: Topic, format_name: str, rejection: Rejection, source: str = "") -> DeadLetter:
    """The letter as a publisher writes it."""
    wire = Wire()
    publisher = Publisher(wire, topic, format_name=format_name, source=source, away_seconds=9, notify=print)
    publisher.send(Batch(rejections=[rejection], last_line=1))
    (message,) = wire.sent
    return DeadLetter(topic, 0, 7, NOON, message["value"], dict(message["headers"]))


def refused(format_name: str, lines: list[bytes], context: Context) -> Rejection:
    batches = list(FEEDS[format_name].read(iter([Block(lines, 1)]), context))
    (rejection,) = [rejection for batch in batches for rejection in batch.rejections]
    return rejection


@pytest.fixture
def corrected_row(monkeypatch: pytest.MonkeyPatch) -> Callable[[DeadLetter], DeadLetter]:
    """The letter as if the reader had been wrong and not the record: its raw bytes are a lawful line."""

    def correct(dead: DeadLetter) -> DeadLetter:
        return DeadLetter(dead.topic, dead.partition, dead.offset, dead.published_at, ROW, dead.headers)

    return correct


def test_a_letter_of_a_csv_feed_is_read_by_its_own_header_and_gets_the_id_of_the_feed(
    corrected_row: Callable[[DeadLetter], DeadLetter],
) -> None:
    context = Context(AIS, "noaa", "a.csv")
    dead = letter(AIS, "noaa", refused("noaa", [HEADER, ROW.replace(b"37.8", b"99.9")], context), "noaa")

    again = reread(corrected_row(dead))

    (feed,) = FEEDS["noaa"].read(iter([Block([HEADER, ROW], 1)]), context)
    assert again.reason is None
    assert again.events.values == feed.values
    assert again.events.keys == feed.keys
    assert ("dead-letter", b"maritime.ais.data.dlq:0:7") in again.events.headers[0]


def test_a_letter_that_today_s_reader_refuses_too_says_why() -> None:
    dead = letter(AIS, "noaa", refused("noaa", [HEADER, ROW.replace(b"37.8", b"99.9")], Context(AIS, "noaa")), "noaa")

    assert dead.reason == reread(dead).reason == "lat_deg:out_of_range"


def test_an_event_of_our_own_keeps_its_source_and_id() -> None:
    event = {"event_type": "alert", "event_id": "a1", "source": "watch", "observed_at_ms": 1_700_000_000_000}
    event |= {"rule": "r", "severity": "info", "message": "m"}
    dead = letter(ALERTS, "events", Rejection(3, json.dumps(event).encode(), "not_json", 3))

    (value,) = reread(dead).events.values

    assert (json.loads(value)["event_id"], json.loads(value)["source"]) == ("a1", "watch")


def test_a_buoy_s_letter_tells_the_station_that_only_the_name_of_its_file_told() -> None:
    lines = [b"#YY MM DD hh mm WSPD", b"2016 01 01 00 50 abc"]
    dead = letter(SENSORS, "ndbc", refused("ndbc", lines, Context(SENSORS, "ndbc", "46002h2016.txt.gz")), "ndbc")
    mended = DeadLetter(SENSORS, 0, 1, NOON, b"2016 01 01 00 50 4.1", dead.headers)

    (value,) = reread(mended).events.values

    assert json.loads(value)["station"] == "46002"


@pytest.mark.parametrize(
    ("format_name", "raw", "reason"),
    [
        ("noaa", b"1,2,3", "no_columns"),
        ("sextant", b"x", "unknown_format"),
        ("ndbc", b"x", "unknown_format"),
        ("nmea", b"x" * 1_000_000, "cut"),
        ("events", b"", "no_record:blank"),
        ("events", b"\xff\xfe", "not_json"),
    ],
)
def test_a_letter_that_cannot_be_read_says_what_is_missing(format_name: str, raw: bytes, reason: str) -> None:
    assert reread(letter(AIS, format_name, Rejection(1, raw, "malformed", 1))).reason == reason


POSITION = {
    "event_type": "position", "event_id": "p", "source": "own", "mmsi": 366053209,
    "observed_at_ms": 1_700_000_000_000, "lat_deg": 37.8, "lon_deg": -122.3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff\xfe\x00", "not_json"),
        (json.dumps(POSITION).encode()[:-9], "not_json"),
        (json.dumps(POSITION | {"mmsi": "EVER"}).encode(), "mmsi:int_type"),
        (json.dumps(POSITION | {"lat_deg": {"deg": 37}}).encode(), "lat_deg:float_type"),
        (json.dumps(POSITION | {"lat_deg": float("nan")}).encode(), "lat_deg:finite_number"),
        (json.dumps(POSITION | {"event_type": "sighting"}).encode(), "wrong_event_type"),
        (json.dumps(POSITION | {"schema_version": 99}).encode(), "schema_version:literal_error"),
        (b"x" * 5_000_000, "not_json"),
    ],
)
def test_bad_bytes_become_a_dead_letter_with_their_reason(raw: bytes, reason: str) -> None:
    dead = letter(AIS, "events", refused("events", [raw], Context(AIS, "")))

    assert (dead.reason, dead.raw, dead.size_bytes) == (reason, raw[:900_000], len(raw))


def test_letters_are_sent_together_in_their_order() -> None:
    raw = b'{"event_type":"alert","event_id":"%d","source":"w","observed_at_ms":1700000000000,"rule":"r",'
    raw += b'"severity":"info","message":"m"}'
    found = [reread(letter(ALERTS, "events", Rejection(1, raw % n, "x", 1))) for n in range(3)]

    batch = together(found)

    assert [json.loads(value)["event_id"] for value in batch.values] == ["0", "1", "2"]
    assert (batch.lines, batch.last_line, len(batch.headers)) == ([1, 2, 3], 3, 3)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (None, "(null)"),
        (b"", "(empty)"),
        (b"\xff ok", "\\xff ok"),
        (b"\x1b[31mred\r\n", "\\x1b[31mred\\r\\n"),
        ("Ærø".encode(), "Ærø"),
        (b"y" * 1000, "y" * 400 + " ... (1,000 bytes)"),
    ],
)
def test_bytes_are_shown_so_that_no_terminal_is_steered(raw: bytes | None, shown: str) -> None:
    assert readable(raw) == shown
