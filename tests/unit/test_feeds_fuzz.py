"""Whatever bytes a feed sends: its reader ends no run with an error, and every line is accounted for."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.topics import Topic
from producers.dead_letters import DeadLetter, reread
from producers.feeds import FEEDS
from producers.feeds.base import Batch, Context
from producers.lines import Block

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST_LINES = {
    "noaa": b"MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,IMO,CallSign,VesselType,Status,Length,Width,Draft",
    "aisdk": b"# Timestamp,Type of mobile,MMSI,Latitude,Longitude,Navigational status,ROT,SOG,COG,Heading,IMO,Callsign",
    "ndbc": b"#YY  MM DD hh mm WDIR WSPD GST  WVHT   DPD   APD MWD   PRES  ATMP  WTMP  DEWP  VIS  TIDE",
}
GOOD = {
    "noaa": b"366053209,2022-01-03T00:00:00,37.8,-122.3,12.0,90.0,91,EVER,IMO9074729,WDA,70,0,200,30,10.5",
    "aisdk": b"01/01/2024 00:00:00,Class A,219000001,55.1,12.2,Under way using engine,0.0,12.0,90.0,91,9074729,OXYZ",
    "ndbc": b"2016 01 01 00 50 200  4.1  5.0  1.20  8.00  6.00 210 1015.0  12.0  13.0 999.0 99.0 99.00",
    "nmea": b"\\s:rx,c:1700000000*0F\\!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C",
    "nmea-sensors": b"$WIMWV,214.8,T,10.1,N,A*2C",
    "aisstream": b'{"MessageType":"PositionReport","MetaData":{"MMSI":366053209},"Message":{"PositionReport":{}}}',
    "events": b'{"event_type":"position","event_id":"p","source":"s","mmsi":366053209,"observed_at_ms":1700000000000,'
    b'"lat_deg":37.8,"lon_deg":-122.3}',
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=9), inner, max_size=2),
    max_leaves=4,
)
FORMATS = [(name, topic) for name, feed in FEEDS.items() if name != "twin" for topic in feed.topics]  # reads as events
EXAMPLES = 150


def spliced(value: bytes, at: int, cut: int, put: bytes) -> bytes:
    place = at % (len(value) + 1)
    return value[:place] + put + value[place + cut :]


def lines_of(format_name: str) -> st.SearchStrategy[list[bytes]]:
    good = st.just(GOOD.get(format_name, GOOD["events"]))
    odd = st.builds(spliced, good, st.integers(0, 200), st.integers(0, 9), st.binary(max_size=3))
    line = good | odd | st.binary(max_size=30) | JSON.map(lambda value: json.dumps(value).encode())
    return st.lists(line.map(lambda raw: raw.replace(b"\n", b"")), max_size=6)


def accounted(batches: list[Batch]) -> int:
    """Lines that became an event or a rejection, or that were counted as none of ours."""
    raw = sum(rejection.raw.count(b"\n") + 1 for batch in batches for rejection in batch.rejections)
    return raw + sum(len(batch.values) + batch.ignored.total() for batch in batches)


@pytest.mark.parametrize(("format_name", "topic"), FORMATS, ids=[f"{name}-{topic.short}" for name, topic in FORMATS])
def test_every_line_of_odd_bytes_is_an_event_a_dead_letter_or_told_as_ignored(format_name: str, topic: Topic) -> None:
    head = [FIRST_LINES[format_name]] if format_name in FIRST_LINES else []

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(lines_of(format_name))
    def holds(lines: list[bytes]) -> None:
        batches = list(FEEDS[format_name].read(iter([Block([*head, *lines], 1)]), Context(topic, "fuzz", "46002.txt")))
        assert accounted(batches) >= len(lines)
        for batch in batches:
            for rejection in batch.rejections:
                headers = {**dict(rejection.about), "format": format_name.encode(), "reason": b"r"}
                again = reread(DeadLetter(topic, 0, 0, NOON, rejection.raw, headers))
                assert again.reason is not None or again.events.values

    holds()
