"""Accepted positions of late, by which a repeat is told without a look at the table. Numpy only.

They lie in slots of 17 seconds of event time, so that a batch is compared with those of its own time alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lakehouse.transforms.open_segments import Longs
from lakehouse.transforms.same_ship import Bools, Floats

SLOT_BITS = 24
"""A slot is so many bits of microseconds: MMSI and the rest of the instant then fit in one number."""
KEPT_US = 3_600_000_000
"""How far back the positions reach at most."""
MOST = 1_000_000
"""How many there are at most; one takes 40 bytes."""
PLACE = 3
"""Columns of a point that are kept: instant and place."""


@dataclass(frozen=True, slots=True)
class Known:
    """Accepted positions, one a row.

    Attributes:
        mmsi: The number.
        points: Instant and place: the first columns of ``same_ship.POINT``.
        started_us: With the MMSI, the identity of its segment.
    """

    mmsi: Longs
    points: Floats
    started_us: Longs

    @classmethod
    def none(cls) -> Known:
        """No position."""
        return cls(np.zeros(0, np.int64), np.zeros((0, PLACE)), np.zeros(0, np.int64))

    @property
    def at_us(self) -> Longs:
        """The instants."""
        return self.points[:, 0].astype(np.int64)

    def only(self, rows: Longs | Bools) -> Known:
        """These rows of them."""
        return Known(self.mmsi[rows], self.points[rows], self.started_us[rows])


def together(*parts: Known) -> Known:
    """The positions of all parts."""
    return Known(
        np.concatenate([part.mmsi for part in parts]), np.concatenate([part.points for part in parts]),
        np.concatenate([part.started_us for part in parts]),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recent:
    """All accepted positions from an instant on, whatever their time: some clocks are ahead.

    Attributes:
        since_us: The instant; of what lies before it nothing is known here.
        slots: The positions by slot, in pieces as they came.
    """

    since_us: int
    slots: Mapping[int, tuple[Known, ...]]

    @classmethod
    def of(cls, since_us: int, known: Known) -> Recent:
        """From all the positions that the table holds from an instant on."""
        return cls(since_us, {}).after(known)

    def among(self, mmsi: Longs, at_us: Longs) -> Known:
        """Those with MMSI and instant of one of these."""
        slot = at_us >> SLOT_BITS
        found = [Known.none()]
        for number in np.intersect1d(slot, np.array(list(self.slots), np.int64)).tolist():
            held, asked = together(*self.slots[number]), slot == number
            found.append(held.only(np.isin(_key(held.mmsi, held.at_us), _key(mmsi[asked], at_us[asked]))))
        return together(*found)

    def after(self, accepted: Known) -> Recent:
        """With the positions of a batch; the oldest go where there are too many, or older than an hour.

        The hour is counted from the batch's middle: a single stamp far ahead must not clear the memory.
        """
        kept = accepted.only(accepted.points[:, 0] >= self.since_us)
        slots = dict(self.slots)
        for number, piece in _by_slot(kept):
            slots[number] = (*slots.get(number, ()), piece)
        return self._bounded(slots, _middle_us(kept) - KEPT_US)

    def _bounded(self, slots: dict[int, tuple[Known, ...]], oldest_us: int) -> Recent:
        numbers = sorted(slots, reverse=True)
        counts = np.cumsum([sum(len(piece.mmsi) for piece in slots[number]) for number in numbers])
        first_us = [number << SLOT_BITS for number, count in zip(numbers, counts, strict=True) if count > MOST]
        since_us = max(self.since_us, oldest_us, (first_us[0] + (1 << SLOT_BITS)) if first_us else self.since_us)
        return Recent(since_us, {number: slots[number] for number in slots if (number + 1) << SLOT_BITS > since_us})


def slot_start_us(at_us: int) -> int:
    """Where the slot of an instant begins."""
    return at_us >> SLOT_BITS << SLOT_BITS


def _middle_us(known: Known) -> int:
    return int(np.median(known.points[:, 0])) if len(known.mmsi) else 0


def _key(mmsi: Longs, at_us: Longs) -> Longs:
    """MMSI and instant in one number, for positions of one slot."""
    return (mmsi << SLOT_BITS) | (at_us & ((1 << SLOT_BITS) - 1))


def _by_slot(known: Known) -> list[tuple[int, Known]]:
    slot = known.at_us >> SLOT_BITS
    order = np.argsort(slot, kind="stable")
    numbers, first = np.unique(slot[order], return_index=True)
    pieces = np.split(order, first[1:]) if len(numbers) else []
    return [(number, known.only(rows)) for number, rows in zip(numbers.tolist(), pieces, strict=True)]
