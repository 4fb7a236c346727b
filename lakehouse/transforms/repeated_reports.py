"""Position reports that came before already: the same MMSI, instant and place. Numpy only."""

from __future__ import annotations

import numpy as np

from lakehouse.transforms.open_segments import Longs
from lakehouse.transforms.same_ship import Bools, Floats, is_same_place


def repeated(mmsi: Longs, points: Floats, known_mmsi: Longs, known_points: Floats) -> Bools:
    """True for each report that repeats a known one, or one before it.

    Two feeds may round a place differently, so it need not be the same to the last digit. Two ships that share an MMSI
    and report at one instant from different places are no repeats of each other.

    Args:
        mmsi: One per report, in order of arrival.
        points: The reports, in ``same_ship.POINT``'s columns.
        known_mmsi: Of reports that were accepted before.
        known_points: The same of those.
    """
    ships = np.concatenate([known_mmsi, mmsi])
    places = np.concatenate([known_points, points])
    order = np.lexsort((np.arange(len(ships)), places[:, 0], ships))
    is_repeat = np.zeros(len(ships), bool)
    later = np.arange(1, len(ships))
    back = 1
    while len(later):  # each with the one `back` places before it, as long as any has one of its own instant
        mine, other = order[later], order[later - back]
        is_of_one = (ships[mine] == ships[other]) & (places[mine, 0] == places[other, 0])
        later, mine, other = later[is_of_one], mine[is_of_one], other[is_of_one]
        is_repeat[mine] |= is_same_place(places[mine], places[other])
        back += 1
        later = later[later >= back]
    return is_repeat[len(known_mmsi) :]


def taken(segment: Longs, observed_us: Floats, known_segment: Longs, known_us: Floats) -> Bools:
    """True for each position whose segment has one of that instant already: a ship is at one place at a time."""
    segments = np.concatenate([known_segment, segment])
    instants = np.concatenate([known_us, observed_us])
    order = np.lexsort((np.arange(len(segments)), instants, segments))
    is_taken = np.zeros(len(segments), bool)
    same = (segments[order[1:]] == segments[order[:-1]]) & (instants[order[1:]] == instants[order[:-1]])
    is_taken[order[1:][same]] = True
    return is_taken[len(known_segment) :]
