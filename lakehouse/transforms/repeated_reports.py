"""Position reports that came before already: the same MMSI, instant and place. Numpy only."""

from __future__ import annotations

import numpy as np

from lakehouse.transforms.open_segments import Longs
from lakehouse.transforms.recent_positions import PLACE, Known
from lakehouse.transforms.same_ship import Bools, Floats, is_same_place


def repeated(mmsi: Longs, points: Floats, known: Known) -> Bools:
    """True for each report that repeats a known one, or one before it.

    Two feeds may round a place differently, so it need not be the same to the last digit. Two ships that share an MMSI
    and report at one instant from different places are no repeats of each other.

    Args:
        mmsi: One per report, in order of arrival.
        points: The reports, in ``same_ship.POINT``'s columns.
        known: Reports that were accepted before.
    """
    ships = np.concatenate([known.mmsi, mmsi])
    places = np.concatenate([known.points, points[:, :PLACE]])
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
    return is_repeat[len(known.mmsi) :]


def taken(mmsi: Longs, started_us: Longs, observed_us: Floats, known: Known) -> Bools:
    """True for each position whose segment has one of that instant already: a ship is at one place at a time.

    Args:
        mmsi: One per position, in order of arrival.
        started_us: With it, the segment of each.
        observed_us: The instant of each.
        known: Accepted positions of before.
    """
    ships, started = np.concatenate([known.mmsi, mmsi]), np.concatenate([known.started_us, started_us])
    instants = np.concatenate([known.points[:, 0], observed_us])
    order = np.lexsort((instants, started, ships))
    later, earlier = order[1:], order[:-1]
    same = (ships[later] == ships[earlier]) & (started[later] == started[earlier])
    is_taken = np.zeros(len(ships), bool)
    is_taken[later[same & (instants[later] == instants[earlier])]] = True
    return is_taken[len(known.mmsi) :]
