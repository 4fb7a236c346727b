"""How found port calls and voyages are matched with the truth."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bench.accuracy_truth import NEVER, Event, distance_error_pct, matched, score, voyage


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


CALL = Event(1, "NLRTM", day(3), day(5))


@pytest.mark.parametrize(
    ("found", "is_right"),
    [
        (Event(1, "NLRTM", day(4), NEVER), True),
        (Event(1, "NLRTM", day(1), day(3)), True),
        (Event(1, "NLRTM", day(6), day(7)), False),
        (Event(1, "SEGOT", day(3), day(5)), False),
        (Event(2, "NLRTM", day(3), day(5)), False),
    ],
)
def test_a_call_is_right_for_the_same_ship_and_port_with_some_time_in_common(found: Event, is_right: bool) -> None:
    assert (matched([CALL], [found]) == [(CALL, found)]) is is_right


def test_one_call_that_was_found_twice_is_right_once() -> None:
    halves = [Event(1, "NLRTM", day(3), day(4)), Event(1, "NLRTM", day(4), day(5))]

    wanted = {"true": 2, "found": 2, "matched": 1, "precision": 0.5, "recall": 0.5}
    assert score([CALL, Event(1, "SEGOT", day(7), day(8))], halves) == wanted


def test_an_open_voyage_agrees_with_an_open_one_only() -> None:
    true = voyage(1, "NLRTM", "SEGOT", day(1), None, None)

    assert matched([true], [voyage(1, "NLRTM", None, day(1), None, 10.0)])
    assert not matched([true], [voyage(1, "NLRTM", "SEGOT", day(1), day(3), 10.0)])


def test_the_distance_error_is_that_of_voyages_with_both_distances() -> None:
    pairs = [
        (voyage(1, "A", "B", day(1), day(2), 100), voyage(1, "A", "B", day(1), day(2), nm)) for nm in (98, 101, 100.5)
    ]
    unknown = (voyage(1, "A", "B", day(1), None, None), voyage(1, "A", "B", day(1), None, 5))

    assert distance_error_pct([*pairs, unknown]) == {"median": 1.0, "worst": 2.0}
    assert distance_error_pct([unknown]) == {"median": None, "worst": None}
