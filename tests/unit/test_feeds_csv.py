"""CSV feeds: every row is an event or a rejection, and the fast way gives what the exact way gives."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.errors import InputError
from contracts.topics import AIS
from producers.feeds import FEEDS
from producers.feeds.base import Batch, Context, Shift
from producers.feeds.csv_feed import _Table
from producers.feeds.noaa import NOAA
from producers.lines import Block, Line, open_blocks
from producers.samples import NOAA_CSV

HEADER = (
    "MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,IMO,CallSign,VesselType,Status,Length,Width,"
    "Draft,Cargo,TransceiverClass"
)
EAGLE = "367379190,2022-01-03T00:00:00,30.3706,-88.56408,0.0,336.2,511,EAGLE,IMO8207721,WTD4583,31,0,28,11,3.3,52,A"
DANISH = (
    "# Timestamp,Type of mobile,MMSI,Latitude,Longitude,Navigational status,ROT,SOG,COG,Heading,IMO,"
    "Callsign,Name,Ship type,Cargo type,Width,Length,Type of position fixing device,Draught,Destination,ETA,"
    "Data source type,A,B,C,D"
)


def publish(format_name: str, *lines: str, start_line: int = 0, shift: Shift | None = None) -> Batch:
    context = Context(AIS, format_name, "feed.csv", start_line, shift or Shift())
    blocks = iter([Block([line.encode() for line in lines], 1)])
    return next(FEEDS[format_name].read(blocks, context), Batch())


def events(batch: Batch) -> list[dict[str, Any]]:
    return [json.loads(value) for value in batch.values]


def reasons(batch: Batch) -> list[str]:
    return [refused.reason for refused in batch.rejections]


def test_a_noaa_row_is_one_event_with_its_static_data() -> None:
    (event,) = events(publish("noaa", HEADER, EAGLE))

    assert event == {
        "event_id": "position-367379190-1641168000000-95553b0c",
        "event_type": "position", "schema_version": 1, "source": "noaa", "mmsi": 367379190,
        "observed_at_ms": 1641168000000, "ais_class": "A", "imo_number": 8207721, "vessel_name": "EAGLE",
        "call_sign": "WTD4583", "ship_type_code": 31, "length_m": 28.0, "beam_m": 11.0, "draught_m": 3.3,
        "lat_deg": 30.3706, "lon_deg": -88.56408, "sog_kn": 0.0, "cog_deg": 336.2, "heading_deg": 511.0,
        "nav_status": 0,
    }  # fmt: skip


def test_columns_are_found_by_name_in_the_old_and_the_new_header() -> None:
    batch = publish(
        "noaa",
        "base_date_time,mmsi,latitude,longitude,sog,status,imo,transceiver",
        "2025-01-01 00:00:05,367000001,29.5,-90.25,102.3,15,IMO0000000,B",
    )

    (event,) = events(batch)
    assert (event["observed_at_ms"], event["lat_deg"], event["imo_number"]) == (1735689605000, 29.5, 0)
    assert (event["sog_kn"], event["ais_class"]) == (102.3, "B")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (EAGLE.replace("30.3706", "95.0"), "lat_deg:out_of_range"),
        (EAGLE.replace("30.3706", ""), "lat_deg:float_type"),
        (EAGLE.replace("367379190", "1073741823"), "mmsi:out_of_range"),
        (EAGLE.replace("30.3706", "north"), "lat_deg:not_understood"),
        (EAGLE.replace("2022-01-03T00:00:00", "2022-02-30T00:00:00"), "observed_at_ms:not_understood"),
        (EAGLE.replace("2022-01-03T00:00:00", ""), "no_time"),
        (EAGLE + ",one,more", "wrong_number_of_columns"),
        (EAGLE.replace("EAGLE", "E" * 201), "vessel_name:too_long"),
        (EAGLE.replace("336.2", "nan"), "cog_deg:not_understood"),
    ],
)
def test_a_row_that_breaks_the_contract_is_refused_with_its_reason(row: str, reason: str) -> None:
    batch = publish("noaa", HEADER, EAGLE, row)

    assert reasons(batch) == [reason]
    assert (batch.rejections[0].line_number, batch.rejections[0].raw) == (3, row.encode())
    assert len(batch.values) == 1


def test_blank_lines_and_repeated_headers_are_counted_not_refused() -> None:
    batch = publish("noaa", HEADER, EAGLE, "", HEADER, EAGLE)

    assert batch.ignored == {"header": 2, "blank": 1}
    assert (batch.lines, batch.rejections) == ([2, 5], [])


def test_rows_keep_their_order_when_some_go_the_exact_way() -> None:
    quoted = EAGLE.replace("EAGLE", '"THE ""EAGLE"""')

    batch = publish("noaa", HEADER, EAGLE, quoted, EAGLE)

    assert batch.lines == [2, 3, 4]
    assert events(batch)[1]["vessel_name"] == 'THE "EAGLE"'


def test_a_file_without_the_columns_of_a_position_is_named_as_such() -> None:
    with pytest.raises(InputError, match="no column 'mmsi'"):
        publish("noaa", "a,b,c", "1,2,3")


def test_a_resumed_file_gives_only_the_lines_after_the_position() -> None:
    assert publish("noaa", HEADER, EAGLE, EAGLE, EAGLE, start_line=3).lines == [4]


def test_shifted_events_begin_now_and_their_ids_follow() -> None:
    later = EAGLE.replace("T00:00:00", "T00:00:07")

    first, second = events(publish("noaa", HEADER, EAGLE, later, shift=Shift(lambda: 1_790_000_000_000)))

    assert (first["observed_at_ms"], second["observed_at_ms"]) == (1_790_000_000_000, 1_790_000_007_000)
    assert first["event_id"] == "position-367379190-1790000000000-95553b0c"


def test_danish_words_become_ais_codes_and_unknown_is_left_out() -> None:
    row = (
        "18/03/2023 00:00:01,Class A,352002266,55.4921,14.7525,Engaged in fishing,0.7,12.5,241.8,241,Unknown,"
        "ABC1,EVER,Tanker,,20,150,GPS,8.5,NLRTM,,AIS,75,75,10,10"
    )
    base = (
        "18/03/2023 00:00:00,Base Station,2190064,56.7166,11.519,Unknown value,,,,,Unknown,,,Undefined,,,,"
        "GPS,,,,AIS,,,,"
    )

    ship, station = events(publish("aisdk", DANISH, row, base))

    assert (ship["observed_at_ms"], ship["nav_status"], ship["ship_type_code"]) == (1679097601000, 7, 80)
    assert (ship["ais_class"], ship["length_m"], ship["beam_m"], ship.get("imo_number")) == (
        "A",
        150.0,
        20.0,
        None,
    )
    assert (station["mmsi"], station.get("ais_class"), station.get("nav_status")) == (2190064, None, None)


CELLS = st.one_of(
    st.sampled_from(
        ["", " ", "0", "-0.0", "5.0", "1e2", "1_0", "+7", " 12 ", "007", "nan", "inf", "-inf", "1e999", "0x1",
         "91", "181", "511", "360", "102.3", "A", "B", "C", "IMO123", "IMO", "2022-01-03T00:00:00",
         "2022-01-03 00:00:60",
         "2022-1-3T0:0:0", "1999-12-31T23:59:59", "+2022-01-03T00:00:0", "2022-01-03T24:00:00", "x" * 200,
         "x" * 201, 'a "b"', '"', "é", "٣", "\x1f", "\t", "\\", "a,b", "99999999999999999999"]
    ),
    st.text(max_size=12).filter(lambda text: not set(text) & set("\r\n")),
    st.floats(width=32).map(str),
    st.integers(-(10**10), 10**10).map(str),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@example([[(1, "+2022-01-03T00:00:0")]])
@example([[(1, "2022-01-03 00:00:60")]])
@given(st.lists(st.lists(st.tuples(st.integers(0, 16), CELLS), max_size=3), min_size=1, max_size=8))
def test_the_fast_way_and_the_exact_way_agree(changes: list[list[tuple[int, str]]]) -> None:
    rows = []
    for change in changes:
        cells = EAGLE.split(",")
        for place, cell in change:
            cells[place] = cell
        rows.append(",".join(cells).encode("utf-8", "surrogatepass"))
    table = _Table.of(NOAA, HEADER.encode(), Context(AIS, "noaa"))

    both = table.batch(rows, 2)
    exact = Batch()
    for number, row in enumerate(rows, 2):
        if row not in (b"", HEADER.encode()):
            table._exact(row, number, exact)

    assert both.rejections == exact.rejections
    assert both.lines == exact.lines
    assert both.keys == exact.keys
    bare = [{k: v for k, v in event.items() if v is not None} for event in events(both)]
    assert bare == events(exact)


@pytest.mark.parametrize("packed", ["plain", "gz", "zip", "crlf and BOM"])
def test_a_file_is_read_the_same_however_it_is_packed(tmp_path: Path, packed: str) -> None:
    text = f"{HEADER}\n{EAGLE}\n{EAGLE}".encode()
    path = tmp_path / "feed"
    if packed == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("AIS_2022_01_03.csv", text)
    elif packed == "gz":
        path.write_bytes(gzip.compress(text))
    else:
        path.write_bytes(text if packed == "plain" else b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"))

    blocks = open_blocks(str(path), Line(print, lambda: False))
    batches = list(NOAA.read(blocks, Context(AIS, "noaa")))

    assert [value for batch in batches for value in batch.values] == publish("noaa", HEADER, EAGLE, EAGLE).values


def test_a_file_that_breaks_off_says_so_after_its_good_lines(tmp_path: Path) -> None:
    path = tmp_path / "feed.csv.gz"
    path.write_bytes(gzip.compress(b"\n".join([HEADER.encode(), *[EAGLE.encode()] * 9]))[:-20])

    with pytest.raises(InputError, match="not complete"):
        list(open_blocks(str(path), Line(print, lambda: False)))


@pytest.mark.parametrize(
    ("path", "accepted", "refused"),
    [(NOAA_CSV, 23_998, 2), ("ais_noaa_2022-01-03.csv.gz", 99_994, 5)],
)
def test_every_row_of_the_real_noaa_file_is_accounted_for(path: Path | str, accepted: int, refused: int) -> None:
    file = path if isinstance(path, Path) else Path(__file__).parents[3] / "shared" / "data" / path
    if not file.exists():
        pytest.skip(f"{file} is not on this machine")
    outcome: Counter[str] = Counter()
    for batch in NOAA.read(open_blocks(str(file), Line(print, lambda: False)), Context(AIS, "noaa")):
        outcome.update({"events": len(batch.values), **Counter(reasons(batch))})

    assert outcome == {"events": accepted, "mmsi:out_of_range": refused}
