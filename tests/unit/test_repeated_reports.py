"""Which position reports came before already, and how segments go to a table and back."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from contracts.tables import SILVER_SEGMENTS
from lakehouse.transforms.open_segments import Longs, Segments, segment_id, together
from lakehouse.transforms.recent_positions import PLACE, Known
from lakehouse.transforms.repeated_reports import repeated, taken
from lakehouse.transforms.same_ship import Floats
from lakehouse.transforms.segment_rows import known_of, points_of, rows_of, segments_of
from lakehouse.transforms.segments import labelled

MINUTE = 60e6


def points(*reports: tuple[float, float, float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Minute, latitude, longitude of reports that tell no speed and no course."""
    return np.array([[minute * MINUTE, lat, lon, np.nan, np.nan] for minute, lat, lon in reports])


def ships(*mmsi: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(mmsi, np.int64)


def accepted(mmsi: Longs, at: Floats) -> Known:
    """Positions of before, each of a segment that began with it."""
    return Known(mmsi, at[:, :PLACE], at[:, 0].astype(np.int64))


def test_a_report_that_two_feeds_round_differently_is_a_repeat() -> None:
    reports = points((0, 51.95001, 4.05), (0, 51.95, 4.05001), (1, 51.95, 4.05))

    assert repeated(ships(7, 7, 7), reports, Known.none()).tolist() == [False, True, False]


def test_two_ships_of_one_mmsi_that_report_at_one_instant_are_both_kept() -> None:
    reports = points((0, 51.95, 4.05), (0, 1.26, 103.82), (0, 1.26, 103.82))

    assert repeated(ships(7, 7, 7), reports, Known.none()).tolist() == [False, False, True]


def test_a_known_report_is_a_repeat_on_the_other_side_of_the_antimeridian_too() -> None:
    known = accepted(ships(7, 8), points((0, 10, 179.9999), (0, 10, -179.9999)))

    assert repeated(ships(7, 9), points((0, 10, -179.9999), (0, 10, -179.9999)), known).tolist() == [True, False]


def test_many_reports_of_one_instant_are_each_compared_with_all_before() -> None:
    places = [(0.0, float(lat), 0.0) for lat in range(50)]
    reports = points(*places, *reversed(places))

    assert repeated(ships(*[7] * 100), reports, Known.none()).tolist() == [False] * 50 + [True] * 50


def test_a_segment_has_one_position_to_an_instant() -> None:
    known = Known(ships(2), np.array([[5.0, 0, 0]]), np.array([1]))

    found = taken(ships(1, 1, 2, 2), np.array([1, 1, 1, 2]), np.array([5.0, 5.0, 5.0, 5.0]), known)

    assert found.tolist() == [False, True, True, False]


def test_segments_go_to_a_table_and_back_and_go_on_as_before() -> None:
    track = points(*((minute, 50 + minute / 300, 179.99 + minute / 300) for minute in range(40)))
    first = labelled(ships(*[7] * 20), track[:20], Segments.none()).segments
    rows = rows_of(first)

    again = segments_of(rows)

    assert rows.column_names == SILVER_SEGMENTS.columns
    assert rows["segment_id"].to_pylist() == ["7-1970-01-01T00:00:00.000000Z"]
    assert (rows["ahead_at"].null_count, rows["position_count"].to_pylist()) == (1, [20])
    at_once, after = (labelled(ships(*[7] * 20), track[20:], before.still_open()) for before in (first, again))
    assert after.started_us.tolist() == at_once.started_us.tolist() == [0] * 20
    np.testing.assert_equal(after.segments.values, at_once.segments.values)
    assert together(first, after.segments).mmsi.tolist() == [7, 7]


def test_a_null_of_a_position_is_no_number() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    rows = pa.table({
        "mmsi": [7], "observed_at": pa.array([noon], pa.timestamp("us", "UTC")), "lat_deg": [1.0], "lon_deg": [2.0],
        "sog_kn": pa.array([None], pa.float64()), "cog_deg": [90.0],
    })  # fmt: skip

    mmsi, found = points_of(rows)

    assert mmsi.tolist() == [7]
    np.testing.assert_equal(found, [[noon.timestamp() * 1e6, 1.0, 2.0, np.nan, 90.0]])


def test_a_position_of_the_table_tells_when_its_segment_began() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    began_us = np.array([1_767_268_799_000_001, 0])  # the second is from before segments were told apart
    rows = pa.table({
        "mmsi": [338013000, 7], "observed_at": pa.array([noon, noon], pa.timestamp("us", "UTC")), "lat_deg": [1.0, 2.0],
        "lon_deg": [3.0, 4.0], "sog_kn": [5.0, 6.0], "cog_deg": [7.0, 8.0],
        "segment_id": pa.array(segment_id(ships(338013000, 7), began_us)),
    })  # fmt: skip

    known = known_of(rows)

    assert known.started_us.tolist() == began_us.tolist()
    assert known.points.tolist() == [[noon.timestamp() * 1e6, 1.0, 3.0], [noon.timestamp() * 1e6, 2.0, 4.0]]
