"""AIS sentences: golden decodes, assembly, clocks; every line is a record or counted as none."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from collections import Counter
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

import pytest

from contracts.topics import AIS, SENSORS
from producers.feeds import FEEDS
from producers.feeds.base import Batch, Context
from producers.lines import Block, Line, open_blocks
from producers.samples import AMSA_NMEA, SHIP_SENSORS_NMEA

VIRGINIA = "!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C"
SAN_FRANCISCO = "!AIVDM,1,1,,B,15M67FC000G?ufbE`FepT@3n00Sa,0*5C"
MITCHELL_1 = "!AIVDM,2,1,3,B,55P5TL01VIaAL@7WKO@mBplU@<PDhh000000001S;AJ::4A80?4i@E53,0*3E"
MITCHELL_2 = "!AIVDM,2,2,3,B,1@0000000000000,2*55"
START_MS = 1_327_622_400_000


def checked(text: str) -> str:
    return f"{text}*{reduce(xor, text.encode(), 0):02X}"


def sentence(text: str) -> str:
    return text[0] + checked(text[1:])


def tagged(tags: str, line: str) -> str:
    return f"\\{checked(tags)}\\{line}"


def publish(
    *lines: str,
    format_name: str = "nmea",
    received_at_ms: int | None = None,
    **context: Any,
) -> Batch:
    topic = SENSORS if format_name == "nmea-sensors" else AIS
    blocks = iter([Block([line.encode() for line in lines], 1, received_at_ms)])
    total = Batch()
    for batch in FEEDS[format_name].read(blocks, Context(topic, format_name, "feed", **context)):
        for name in ("values", "keys", "times_ms", "lines", "rejections"):
            getattr(total, name).extend(getattr(batch, name))
        total.ignored += batch.ignored
    return total


def events(batch: Batch) -> list[dict[str, Any]]:
    return [json.loads(value) for value in batch.values]


def reasons(batch: Batch) -> list[str]:
    return [refused.reason for refused in batch.rejections]


def test_a_position_is_decoded_as_the_golden_example_says() -> None:
    (event,) = events(publish(VIRGINIA, assume_start_ms=START_MS))

    assert (event["mmsi"], event["nav_status"], event["sog_kn"]) == (477553000, 5, 0.0)
    assert (event["lon_deg"], event["lat_deg"]) == (-122.345833, 47.582833)
    assert (event["cog_deg"], event["heading_deg"], event["ais_class"]) == (51.0, 181.0, "A")


def test_a_message_of_two_sentences_is_put_together() -> None:
    (event,) = events(publish(MITCHELL_1, MITCHELL_2, assume_start_ms=START_MS))

    assert (event["event_type"], event["mmsi"], event["imo_number"]) == ("static", 369190000, 6710932)
    assert (event["call_sign"], event["vessel_name"], event["ship_type_code"]) == (
        "WDA9674",
        "MT.MITCHELL",
        99,
    )
    assert (event["length_m"], event["beam_m"], event["draught_m"]) == (180.0, 20.0, 6.0)
    assert event["destination"] == "SEATTLE"


@pytest.mark.parametrize(
    ("line", "at_ms", "station"),
    [
        (tagged("s:2573535,c:1671533231", VIRGINIA), 1671533231000, "2573535"),
        (tagged("c:1671533231250,s:abc", VIRGINIA), 1671533231250, "abc"),
        (f"{VIRGINIA},rnhjel,1241544035", 1241544035000, "rnhjel"),
    ],
)
def test_the_receivers_stamp_is_the_event_time(line: str, at_ms: int, station: str) -> None:
    (event,) = events(publish(line, assume_start_ms=START_MS))

    assert (event["observed_at_ms"], event["station"]) == (at_ms, station)


def test_lines_of_one_tag_block_group_belong_together_even_when_only_the_first_names_its_station() -> None:
    batch = publish(tagged("g:1-2-73874,s:r003669945,c:1241544035", MITCHELL_1), tagged("g:2-2-73874", MITCHELL_2))

    (event,) = events(batch)
    assert (event["observed_at_ms"], event["station"]) == (1241544035000, "r003669945")


def test_a_gatehouse_stamp_is_for_the_sentence_whose_checksum_it_names_only() -> None:
    stamp = sentence("$PGHP,1,2010,6,11,11,46,11,390,231,45,992190934,1,5C")
    other = sentence(SAN_FRANCISCO.rpartition("*")[0].replace(",B,", ",A,"))

    batch = publish(stamp, VIRGINIA, other)

    assert batch.times_ms == [1276256771390]
    assert events(batch)[0]["station"] == "992190934"
    assert reasons(batch) == ["no_time"]


def test_without_any_time_a_report_is_refused_and_never_stamped_by_the_wall_clock() -> None:
    assert reasons(publish(VIRGINIA)) == ["no_time"]


def test_a_socket_stamps_with_the_receivers_clock() -> None:
    assert publish(VIRGINIA, received_at_ms=START_MS + 5).times_ms == [START_MS + 5]


def test_the_date_sentence_sets_the_clock_for_what_follows() -> None:
    assert publish(sentence("$GPZDA,195719.50,16,04,2014,-02,00"), VIRGINIA).times_ms == [1397678239500]


def test_one_base_station_alone_does_not_set_the_clock() -> None:
    report = "!AIVDM,1,1,,B,402=481uaUcf;OQ55JS9ITi025Jp,0*2B"

    assert reasons(publish(report, VIRGINIA)) == ["no_time", "no_time"]
    assert len(publish(report, report, VIRGINIA).values) == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (VIRGINIA.replace("*5C", "*5D"), "bad_checksum"),
        (VIRGINIA.removesuffix("*5C"), "malformed"),
        ("hello", "malformed"),
        ("\\c:1671533231*00\\" + VIRGINIA, "bad_checksum"),
        (sentence("!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUb,0"), "wrong_length"),
        (sentence("!AIVDM,3,4,1,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0"), "malformed"),
        (MITCHELL_2, "orphan_fragment"),
        (MITCHELL_1, "orphan_fragment"),
    ],
)
def test_a_damaged_sentence_is_refused_with_its_reason_and_its_bytes(line: str, reason: str) -> None:
    batch = publish(line, assume_start_ms=START_MS)

    assert reasons(batch) == [reason]
    assert batch.rejections[0].raw == line.encode()


def test_a_fragment_whose_other_half_comes_too_late_is_an_orphan() -> None:
    batch = publish(tagged("c:1671533231", MITCHELL_1), tagged("c:1671533260", MITCHELL_2))

    assert reasons(batch) == ["orphan_fragment", "orphan_fragment"]


def test_the_same_sequence_on_another_channel_or_station_is_another_message() -> None:
    other = sentence(MITCHELL_2.rpartition("*")[0].replace(",3,B,", ",3,A,"))

    assert reasons(publish(MITCHELL_1, other, assume_start_ms=START_MS)) == ["orphan_fragment"] * 2
    stations = [tagged("s:x,c:1671533231", MITCHELL_1), tagged("s:y,c:1671533231", MITCHELL_2)]
    assert reasons(publish(*stations)) == ["orphan_fragment"] * 2


def test_types_without_an_event_and_vendors_sentences_are_counted_by_kind() -> None:
    batch = publish(sentence("!AIVDM,1,1,,A,Dh3Owi@j3N?b4@,0"), sentence("$PSHI,001,1"), "", "# note")

    assert batch.ignored == {"message type 20": 1, "sentence PSHI": 1, "blank": 1, "comment": 1}
    assert len(batch) == 0


def test_a_resumed_feed_remembers_the_half_message_and_the_clock_from_before() -> None:
    lines = (sentence("$GPZDA,195719,16,04,2014,,"), VIRGINIA, MITCHELL_1, MITCHELL_2)

    batch = publish(*lines, start_line=3)

    assert [event["event_type"] for event in events(batch)] == ["static"]
    assert batch.times_ms == [1397678239000]


@pytest.mark.parametrize(
    ("name", "accepted", "refused"),
    [
        (AMSA_NMEA, None, None),
        ("ais_amsa_2012-01-27.nmea.gz", 33_511, 38),
        ("ais_dma_2010-06-11.nmea.gz", 3_651, 3),
        ("ship_sensors_2014-04-16.nmea.gz", 1_449, 10),
    ],
)
def test_every_line_of_the_real_recordings_is_accounted_for(
    name: Path | str, accepted: int | None, refused: int | None
) -> None:
    file = name if isinstance(name, Path) else Path(__file__).parents[3] / "shared" / "data" / name
    if not file.exists():
        pytest.skip(f"{file} is not on this machine")
    line_count, events_read, refusals, ignored, more = 0, 0, 0, Counter[str](), 0
    for block_batch in FEEDS["nmea"].read(open_blocks(str(file), Line(print, lambda: False)), Context(AIS, "nmea")):
        line_count = block_batch.last_line - 1
        events_read += len(block_batch.values)
        refusals += len(block_batch.rejections)
        ignored += block_batch.ignored
        more += sum(raw.raw.count(b"\n") for raw in block_batch.rejections)

    statics = line_count - events_read - refusals - ignored.total() - more  # second sentences of whole messages
    assert 0 <= statics <= line_count * 0.1
    if accepted is not None:
        assert (events_read, refusals) == (accepted, refused)


def test_a_tcp_feed_is_taken_up_again_after_the_server_closed_it() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    told: list[str] = []
    done = threading.Event()
    threading.Timer(20, done.set).start()

    def serve() -> None:
        for line in (VIRGINIA, SAN_FRANCISCO):
            client, _ = server.accept()
            client.sendall(line.encode() + b"\r\n!AIVDM,1,1")
            client.close()

    threading.Thread(target=serve, daemon=True).start()
    keys: list[str] = []
    refused: list[str] = []
    blocks = open_blocks(f"tcp://127.0.0.1:{server.getsockname()[1]}", Line(told.append, done.is_set))
    for batch in FEEDS["nmea"].read(blocks, Context(AIS, "nmea")):
        keys += batch.keys
        refused += reasons(batch)
        if len(keys) == 2 and len(refused) == 2:
            done.set()
    server.close()

    assert keys == ["477553000", "366053209"]
    assert refused == ["malformed", "malformed"]
    assert any("closed the connection" in text for text in told)


def test_standard_input_is_read_as_it_comes_and_to_its_end_also_where_the_last_line_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken, given = os.pipe()
    monkeypatch.setattr(sys, "stdin", os.fdopen(taken))
    reports = [VIRGINIA.encode(), b"\xff\xfe", SAN_FRANCISCO.encode()]
    os.write(given, b"\r\n".join(reports)[:-20])
    said: list[bool] = []
    blocks = open_blocks("-", Line(print, lambda: False, said.append))
    first = next(blocks)
    os.write(given, reports[-1][-20:])
    os.close(given)

    found = [first, *blocks]

    assert [line for block in found for line in block.lines] == reports
    assert [block.first_line for block in found if block.lines] == [1, 3]
    assert {block.received_at_ms for block in found} == {None}, "a recording brings its own times"
    assert said == [True]


def test_a_udp_feed_takes_one_datagram_as_lines() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = threading.Event()
    threading.Timer(20, done.set).start()
    blocks = open_blocks(f"udp://127.0.0.1:{port}", Line(lambda _: send.start(), done.is_set))

    def send_once() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(VIRGINIA.encode(), ("127.0.0.1", port))

    send = threading.Timer(0.2, send_once)
    for batch in FEEDS["nmea"].read(blocks, Context(AIS, "nmea")):
        if batch.keys:
            assert batch.keys == ["477553000"]
            done.set()


def test_a_ships_instruments_become_readings_at_her_place_and_time() -> None:
    lines = [
        sentence("$GPRMC,195719,A,5310.8115,N,00525.7025,E,0.0,0.0,160414,0.7,E,A"),
        sentence("$WIMWD,125.3,T,124.6,M,5.6,N,2.9,M"),
        sentence("$SDDBT,1.8,f,0.5,M,0.3,F"),
        sentence("$SDMTW,12.6,C"),
        sentence("$IIXDR,C,C,10.7,C,AIRTEMP,A,-1.-3,D,TRIM,P,1.026,B,BARO"),
        sentence("$WIMWV,297.6,R,5.6,N,A"),
    ]

    batch = publish(*lines, format_name="nmea-sensors", mmsi=244690000)

    wind, depth, sea, air = events(batch)
    assert (wind["wind_from_deg"], wind["wind_speed_mps"]) == (125.3, 2.9)
    assert (wind["lat_deg"], wind["lon_deg"], wind["observed_at_ms"]) == (53.180192, 5.428375, 1397678239000)
    assert (depth["depth_m"], sea["sea_temperature_c"]) == (0.5, 12.6)
    assert (air["air_temperature_c"], air["pressure_hpa"]) == (10.7, 1026.0)
    assert batch.keys == ["244690000"] * 4
    assert batch.ignored["sentence WIMWV without a quantity of ours"] == 1


def test_the_ship_is_learned_from_her_own_ais_and_without_any_the_reading_is_refused() -> None:
    clock, depth = sentence("$GPZDA,195719,16,04,2014,,"), sentence("$SDDPT,0.5,0.5,")
    own = sentence(VIRGINIA.rpartition("*")[0].replace("VDM", "VDO"))

    assert publish(clock, own, depth, format_name="nmea-sensors").keys == ["477553000"]
    assert reasons(publish(clock, depth, format_name="nmea-sensors")) == ["no_mmsi"]


def test_the_bundled_ship_gives_readings_for_a_station() -> None:
    blocks = open_blocks(str(SHIP_SENSORS_NMEA), Line(print, lambda: False))
    batches = list(FEEDS["nmea-sensors"].read(blocks, Context(SENSORS, "nmea-sensors", station="yacht")))

    assert sum(len(batch.values) for batch in batches) > 300
    assert [refused for batch in batches for refused in batch.rejections] == []
