"""Buoys, aisstream.io, and our own events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from contracts.events import EVENTS, Alert
from contracts.topics import AIS, ALERTS, SENSORS, VOYAGE_EVENTS, Topic
from producers.feeds import FEEDS
from producers.feeds.base import Batch, Context, Shift
from producers.feeds.ndbc import station_of
from producers.lines import Block, Line, open_blocks
from producers.samples import NDBC_BUOYS

SHIP = {
    "MessageType": "PositionReport",
    "MetaData": {"MMSI": 259000420, "time_utc": "2022-12-29 18:22:32.318353 +0000 UTC"},
    "Message": {
        "PositionReport": {
            "Cog": 308.2, "Latitude": 66.02695, "Longitude": 12.253821, "MessageID": 1,
            "NavigationalStatus": 15, "Sog": 0, "TrueHeading": 235, "UserID": 259000420,
        }
    },
}  # fmt: skip
DEPARTURE_MS = 1_700_000_000_000
DEPARTURE = {
    "event_id": "departure-1", "event_type": "departure", "schema_version": 1, "source": "agent",
    "mmsi": 244690000, "observed_at_ms": DEPARTURE_MS, "voyage_id": "v1",
    "scheduled_arrival_at_ms": 1_700_090_000_000,
}  # fmt: skip


def publish(format_name: str, topic: Topic, *lines: str, name: str = "feed", **context: Any) -> Batch:
    blocks: Iterator[Block] = iter([Block([line.encode() for line in lines], 1)])
    feed = FEEDS[format_name]
    return next(feed.read(blocks, Context(topic, context.pop("source", feed.source), name, **context)))


def events(batch: Batch) -> list[dict[str, Any]]:
    return [json.loads(value) for value in batch.values]


def reasons(batch: Batch) -> list[str]:
    return [refused.reason for refused in batch.rejections]


def test_nines_are_missing_by_column_and_a_wind_from_99_degrees_is_a_wind() -> None:
    batch = publish(
        "ndbc", SENSORS,
        "#YY  MM DD hh mm WDIR WSPD GST  WVHT   DPD   APD MWD   PRES  ATMP  WTMP  DEWP  VIS  TIDE",
        "#yr  mo dy hr mn degT m/s  m/s     m   sec   sec deg    hPa  degC  degC  degC  nmi    ft",
        "2019 08 01 00 10 99 1.7 99.0 99.00 8.30 99.00 999 9999.0 999.0 MM 999.0 99.0 99.00",
        name="ndbc_46097_2019-08.txt.gz",
    )  # fmt: skip

    (event,) = events(batch)
    quantities = {"wind_from_deg": 99.0, "wind_speed_mps": 1.7, "wave_period_s": 8.3}
    assert event == quantities | {
        "event_id": event["event_id"], "event_type": "environment", "schema_version": 1, "source": "ndbc",
        "station": "46097", "observed_at_ms": 1_564_618_200_000,
    }  # fmt: skip
    assert (batch.keys, batch.ignored) == (["46097"], {"header": 2})


def test_an_old_file_without_minutes_is_read_and_a_time_before_2000_is_refused() -> None:
    batch = publish("ndbc", SENSORS, "YYYY MM DD hh WD WSPD GST BAR", "2003 01 02 03 120 5.0 99.0 1013.2")
    older = publish("ndbc", SENSORS, "YY MM DD hh WD WSPD GST BAR", "98 01 02 03 120 5.0 99.0 1013.2")

    assert batch.times_ms == [1_041_476_400_000]
    assert events(batch)[0]["pressure_hpa"] == 1013.2
    assert reasons(older) == ["observed_at_ms:out_of_range"]


@pytest.mark.parametrize("line", ["\x1c", "\x1d \x1e", "garbage", "WD 2003"])
def test_a_buoys_line_that_is_neither_a_header_nor_a_row_is_refused_and_the_next_row_read(line: str) -> None:
    batch = publish("ndbc", SENSORS, "YYYY MM DD hh WD", line, "2003 01 02 03 120")

    assert reasons(batch) == ["wrong_number_of_columns"]
    assert (len(batch.values), batch.ignored) == (1, {"header": 1})


@pytest.mark.parametrize(
    ("file", "station"),
    [("46002h2016.txt.gz", "46002"), ("ndbc_46097_2019-08.txt.gz", "46097"), ("aamc1h2018.txt", "aamc1"),
     ("41nt2.txt", "41nt2")],
)  # fmt: skip
def test_the_buoys_id_is_in_the_name_of_its_file(file: str, station: str) -> None:
    assert station_of(f"/data/{file}") == station


@pytest.mark.parametrize("path", NDBC_BUOYS, ids=lambda path: path.name)
def test_every_row_of_the_bundled_buoys_is_an_event(path: Any) -> None:
    blocks = open_blocks(str(path), Line(print, lambda: False))
    batches = list(FEEDS["ndbc"].read(blocks, Context(SENSORS, "ndbc", str(path))))

    assert sum(len(batch.values) for batch in batches) == batches[-1].last_line - 2
    assert [refused for batch in batches for refused in batch.rejections] == []


def test_an_aisstream_position_has_the_time_of_its_meta_data() -> None:
    (event,) = events(publish("aisstream", AIS, json.dumps(SHIP)))

    assert (event["mmsi"], event["observed_at_ms"], event["nav_status"]) == (259000420, 1672338152318, 15)
    assert (event["lat_deg"], event["sog_kn"], event["heading_deg"]) == (66.02695, 0.0, 235.0)


def test_an_aisstream_static_report_has_the_ships_size() -> None:
    static = {
        "UserID": 259000420, "MessageID": 5, "ImoNumber": 9074729, "CallSign": "LK@@", "Name": "AUGUSTSON ",
        "Type": 70, "MaximumStaticDraught": 6.1, "Destination": "OSLO",
        "Dimension": {"A": 70, "B": 20, "C": 8, "D": 7},
    }  # fmt: skip
    line = json.dumps({**SHIP, "MessageType": "ShipStaticData", "Message": {"ShipStaticData": static}})

    (event,) = events(publish("aisstream", AIS, line))

    assert (event["event_type"], event["call_sign"], event["vessel_name"]) == ("static", "LK", "AUGUSTSON")
    assert (event["length_m"], event["beam_m"], event["imo_number"]) == (90.0, 15.0, 9074729)


def test_what_aisstream_sends_besides_reports_is_refused_or_counted() -> None:
    other = json.dumps({**SHIP, "MessageType": "ChannelManagement"})

    batch = publish("aisstream", AIS, '{"error": "Api Key Is Not Valid"}', "half a li", "[]", other)

    assert reasons(batch) == ["not_understood", "not_json", "not_understood"]
    assert batch.ignored == {"message type ChannelManagement": 1}


def test_our_own_events_pass_unchanged() -> None:
    (event,) = events(publish("events", VOYAGE_EVENTS, json.dumps(DEPARTURE)))

    assert event == DEPARTURE


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event_type": "alert"}, "wrong_event_type"),
        ({"event_type": None}, "wrong_event_type"),
        ({"mmsi": -1}, "mmsi:out_of_range"),
        ({"speed": 3}, "speed:unknown_field"),
        ({"schema_version": 2}, "schema_version:literal_error"),
    ],
)
def test_an_event_that_breaks_its_contract_is_refused(change: dict[str, object], reason: str) -> None:
    assert reasons(publish("events", VOYAGE_EVENTS, json.dumps({**DEPARTURE, **change}))) == [reason]


def test_a_shifted_event_takes_its_schedule_along() -> None:
    later_ms = 50_000_000_000
    batch = publish("events", VOYAGE_EVENTS, json.dumps(DEPARTURE), shift=Shift(lambda: DEPARTURE_MS + later_ms))

    (event,) = events(batch)
    assert event["observed_at_ms"] == DEPARTURE_MS + later_ms
    assert event["scheduled_arrival_at_ms"] == 1_700_090_000_000 + later_ms
    assert event["event_id"].startswith(f"departure-244690000-{DEPARTURE_MS + later_ms}-")


def test_a_source_given_by_name_is_in_every_event() -> None:
    alert = Alert(event_id="a", source="x", observed_at_ms=DEPARTURE_MS, rule="r", severity="info", message="m", mmsi=1)

    batch = publish("events", ALERTS, alert.model_dump_json(), source="watch")

    assert events(batch)[0]["source"] == "watch"
    assert dict(batch.headers[0])["source"] == b"watch"


def test_every_topic_has_a_feed_for_every_event_type() -> None:
    assert {topic for feed in FEEDS.values() for topic in feed.topics} == set(EVENTS)
