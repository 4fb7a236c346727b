"""Which position reports came before already, and which segments have ended."""

from __future__ import annotations

import numpy as np

from lakehouse.transforms.open_segments import Segments, ended, together
from lakehouse.transforms.repeated_reports import repeated, taken
from lakehouse.transforms.segments import labelled

NONE = np.zeros(0, np.int64), np.zeros((0, 5))
MINUTE = 60e6


def points(*reports: tuple[float, float, float]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Minute, latitude, longitude of reports that tell no speed and no course."""
    return np.array([[minute * MINUTE, lat, lon, np.nan, np.nan] for minute, lat, lon in reports])


def ships(*mmsi: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(mmsi, np.int64)


def test_a_report_that_two_feeds_round_differently_is_a_repeat() -> None:
    reports = points((0, 51.95001, 4.05), (0, 51.95, 4.05001), (1, 51.95, 4.05))

    assert repeated(ships(7, 7, 7), reports, *NONE).tolist() == [False, True, False]


def test_two_ships_of_one_mmsi_that_report_at_one_instant_are_both_kept() -> None:
    reports = points((0, 51.95, 4.05), (0, 1.26, 103.82), (0, 1.26, 103.82))

    assert repeated(ships(7, 7, 7), reports, *NONE).tolist() == [False, False, True]


def test_a_known_report_is_a_repeat_on_the_other_side_of_the_antimeridian_too() -> None:
    known = ships(7, 8), points((0, 10, 179.9999), (0, 10, -179.9999))

    assert repeated(ships(7, 9), points((0, 10, -179.9999), (0, 10, -179.9999)), *known).tolist() == [True, False]


def test_many_reports_of_one_instant_are_each_compared_with_all_before() -> None:
    places = [(0.0, float(lat), 0.0) for lat in range(50)]
    reports = points(*places, *reversed(places))

    assert repeated(ships(*[7] * 100), reports, *NONE).tolist() == [False] * 50 + [True] * 50


def test_a_segment_has_one_position_to_an_instant() -> None:
    assert taken(ships(1, 1, 2), np.array([5.0, 5.0, 5.0]), ships(2), np.array([5.0])).tolist() == [False, True, True]


def test_the_segments_of_several_batches_are_put_together_and_the_ended_ones_told_apart() -> None:
    first, other = (labelled(ships(mmsi), points((0, 50, 4)), Segments.none()).segments for mmsi in (7, 8))
    later = ended(other, 48 * 60 * MINUTE)

    both = together(first, later)

    assert both.mmsi.tolist() == [7, 8]
    assert (both.still_open().mmsi.tolist(), both.no_longer_open().mmsi.tolist()) == ([7], [8])


def test_each_segment_ends_by_the_time_that_its_own_feed_has_reached() -> None:
    both = labelled(ships(7, 8), points((0, 50, 4), (0, 50, 4)), Segments.none()).segments

    assert ended(both, np.array([25 * 60 * MINUTE, -np.inf])).still_open().mmsi.tolist() == [8]
