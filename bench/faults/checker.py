"""What was acknowledged, held against what is there. Pure: it knows no broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

VESSELS = 50
FIRST_MMSI = 235_000_000


class Held(NamedTuple):
    """A record that was read: where it lies, under which key, and its number."""

    partition: int
    offset: int
    key: str
    number: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What a writer knows: how many records it sent, numbered from 0, and which were acknowledged, where and when.

    ``acknowledged`` maps a number to partition and offset; the offset is -1 where the broker knew the record already
    and did not tell. ``times_s`` holds the instants of acknowledgement of each partition, in order.
    """

    count: int
    acknowledged: Mapping[int, tuple[int, int]]
    times_s: Mapping[int, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Findings:
    """Numbers of the records that are wrong; ``longest_gap_s`` is the longest time without an acknowledgement.

    Attributes:
        lost: Acknowledged and not there.
        twice: There more than once.
        reordered: Behind a later record of their key, or in another partition than the key's first.
        foreign: Never sent, or not under that key.
        moved: Acknowledged at one place and lying at others only.
        unanswered: Sent and never acknowledged, although all brokers came back.
    """

    acknowledged: int
    longest_gap_s: float
    lost: list[int]
    twice: list[int]
    reordered: list[int]
    foreign: list[int]
    moved: list[int]
    unanswered: list[int]

    @property
    def is_clean(self) -> bool:
        """Whether records were acknowledged and nothing is wrong with any."""
        wrong = (self.lost, self.twice, self.reordered, self.foreign, self.moved, self.unanswered)
        return self.acknowledged > 0 and not any(wrong)


def key_of(number: int) -> str:
    """The MMSI that a record is keyed by."""
    return str(FIRST_MMSI + number % VESSELS)


def check(sent: Sent, held: Iterable[Held]) -> Findings:
    """Compare; ``held`` in any order."""
    records = sorted(held)
    times = Counter(record.number for record in records)
    lawful = range(sent.count)
    return Findings(
        acknowledged=len(sent.acknowledged),
        longest_gap_s=longest_gap_s(sent.times_s),
        lost=sorted(sent.acknowledged.keys() - times.keys()),
        twice=sorted(number for number, count in times.items() if count > 1),
        reordered=reordered(records),
        foreign=[r.number for r in records if r.number not in lawful or r.key != key_of(r.number)],
        moved=_moved(sent, records),
        unanswered=sorted(set(lawful) - sent.acknowledged.keys()),
    )


def reordered(records: Iterable[Held]) -> list[int]:
    """Records that stand behind a later one of their key, or in another partition than the key's first."""
    reached: dict[str, tuple[int, int]] = {}
    wrong = []
    for partition, _, key, number in records:
        home, highest = reached.get(key, (partition, -1))
        if partition != home or number < highest:
            wrong.append(number)
        reached[key] = (home, max(highest, number))
    return wrong


def longest_gap_s(times_s: Mapping[int, Sequence[float]]) -> float:
    """The longest time between two acknowledgements of one partition."""
    return max((b - a for times in times_s.values() for a, b in pairwise(times)), default=0.0)


def _moved(sent: Sent, records: Sequence[Held]) -> list[int]:
    places: dict[int, set[tuple[int, int]]] = {}
    for record in records:
        places.setdefault(record.number, set()).add((record.partition, record.offset))
    told = {number: place for number, place in sent.acknowledged.items() if place[1] >= 0 and number in places}
    return sorted(number for number, place in told.items() if place not in places[number])
