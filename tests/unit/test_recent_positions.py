"""What the position stream remembers of accepted positions: all from an instant on, and no more than it may hold."""

from __future__ import annotations

import numpy as np
import pytest

from lakehouse.transforms import recent_positions
from lakehouse.transforms.open_segments import Longs
from lakehouse.transforms.recent_positions import KEPT_US, SLOT_BITS, Known, Recent, slot_start_us

SLOT_US = 1 << SLOT_BITS
NOON_US = slot_start_us(1_767_268_800_000_000)


def positions(*of: tuple[int, int]) -> Known:
    """MMSI and instant of each, in microseconds after noon."""
    mmsi, after = (np.array(column, np.int64) for column in zip(*of, strict=True))
    places = np.column_stack([NOON_US + after, np.zeros((len(of), 2))]).astype(np.float64)
    return Known(mmsi, places, NOON_US + after)


def told(recent: Recent, *asked: tuple[int, int]) -> list[tuple[int, int]]:
    """MMSI and instant of what is known of these."""
    of = positions(*asked)
    found = recent.among(of.mmsi, of.at_us)
    return sorted(zip(found.mmsi.tolist(), (found.at_us - NOON_US).tolist(), strict=True))


def test_a_position_is_known_by_its_number_and_its_instant() -> None:
    recent = Recent.of(NOON_US, positions((7, 5), (8, 5), (7, SLOT_US + 5), (9, 40 * SLOT_US)))

    assert told(recent, (7, 5), (8, 6), (9, 5), (9, 40 * SLOT_US), (7, SLOT_US + 5)) == [
        (7, 5), (7, SLOT_US + 5), (9, 40 * SLOT_US),
    ]  # fmt: skip
    assert told(recent, (7, 99 * SLOT_US)) == []


def test_two_ships_of_one_number_at_one_instant_are_both_known() -> None:
    assert told(Recent.of(NOON_US, positions((7, 5), (7, 5))), (7, 5)) == [(7, 5), (7, 5)]


def test_batches_add_to_what_is_known_and_nothing_before_its_beginning_is_taken_up() -> None:
    recent = Recent.of(NOON_US, positions((7, 5))).after(positions((8, -1), (8, 6)))

    assert told(recent, (7, 5), (8, 6), (8, -1)) == [(7, 5), (8, 6)]
    assert recent.since_us == NOON_US


def test_what_is_older_than_an_hour_is_forgotten_and_said_to_be() -> None:
    recent = Recent.of(NOON_US, positions((7, 5))).after(positions((7, KEPT_US + 2 * SLOT_US)))

    assert recent.since_us == NOON_US + 2 * SLOT_US
    assert told(recent, (7, 5), (7, KEPT_US + 2 * SLOT_US)) == [(7, KEPT_US + 2 * SLOT_US)]


def test_a_single_stamp_far_ahead_does_not_clear_the_memory() -> None:
    recent = Recent.of(NOON_US, positions((7, 5))).after(positions((7, 6), (8, 6), (9, 900 * KEPT_US)))

    assert recent.since_us == NOON_US
    assert told(recent, (7, 5), (9, 900 * KEPT_US)) == [(7, 5), (9, 900 * KEPT_US)]


def test_of_too_many_the_oldest_are_forgotten_and_the_rest_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_positions, "MOST", 3)
    recent = Recent.of(NOON_US, positions((7, 0), (8, 0), (7, SLOT_US), (8, SLOT_US), (9, 2 * SLOT_US)))

    assert recent.since_us == NOON_US + SLOT_US
    assert told(recent, (8, 0), (8, SLOT_US), (9, 2 * SLOT_US)) == [(8, SLOT_US), (9, 2 * SLOT_US)]

    crowded = recent.after(positions(*((mmsi, 3 * SLOT_US) for mmsi in range(9))))

    assert crowded.since_us == NOON_US + 4 * SLOT_US
    assert told(crowded, (1, 3 * SLOT_US)) == []


def test_it_knows_whatever_a_look_at_all_of_them_would_find() -> None:
    rng = np.random.default_rng(8)

    def some(count: int, of_us: int) -> Known:
        at = NOON_US + rng.integers(0, of_us, count) // 1_000_000 * 1_000_000
        return Known(rng.integers(1, 50, count), np.column_stack([at, at * 0, at * 0]).astype(float), at)

    parts = [some(300, (n + 1) * SLOT_US) for n in range(12)]
    recent = Recent.of(NOON_US, parts[0])
    for part in parts[1:]:
        recent = recent.after(part)
    asked = some(500, 20 * SLOT_US)
    found, everything = recent.among(asked.mmsi, asked.at_us), recent_positions.together(*parts)

    assert sorted(_names(found.mmsi, found.at_us)) == sorted(
        name for name in _names(everything.mmsi, everything.at_us) if name in set(_names(asked.mmsi, asked.at_us))
    )


def _names(mmsi: Longs, at_us: Longs) -> list[tuple[int, int]]:
    return list(zip(mmsi.tolist(), at_us.tolist(), strict=True))
