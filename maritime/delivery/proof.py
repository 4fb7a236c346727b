"""What arrived, held against what was sent. Pure: it knows no table and no broker, only their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from maritime.delivery.stream import Sent


class Arrival(NamedTuple):
    """An event in a table, with the place in Kafka that it came from."""

    event_id: str
    partition: int
    offset: int

    @property
    def place(self) -> str:
        """Partition and offset in one word."""
        return f"{self.partition}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Lake:
    """What the broker and the tables hold of the stream.

    ``on_broker`` maps a partition to its end offset; ``identities`` are MMSI, name and hour of ``silver.identities``;
    ``silver_days`` and ``gold_days`` count positions per vessel and day; ``ledger`` sums the batches of ``silver.ais``.
    """

    on_broker: Mapping[int, int]
    bronze: Sequence[Arrival]
    positions: Sequence[Arrival]
    late: Sequence[Arrival]
    quarantine: Sequence[Arrival]
    identities: Sequence[str]
    silver_days: Mapping[str, int]
    gold_days: Mapping[str, int]
    ledger: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison; it holds when both figures agree and nothing is named."""

    check: str
    expected: int
    found: int
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    reordered: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return self.expected == self.found and not (self.lost or self.twice or self.reordered or self.foreign)


def lost(sent: Iterable[str], arrived: Iterable[str]) -> list[str]:
    """What was sent and did not arrive, in the order of sending, each once."""
    there = set(arrived)
    return [name for name in dict.fromkeys(sent) if name not in there]


def twice(arrived: Iterable[str]) -> list[str]:
    """What arrived more than once, each once."""
    return [name for name, times in Counter(arrived).items() if times > 1]


def reordered(sent: Mapping[str, Sent], arrived: Iterable[Arrival]) -> list[str]:
    """Events that stand behind a later one of their vessel, or in another partition than the vessel's first."""
    wrong: list[str] = []
    reached: dict[int, tuple[int, int]] = {}
    for arrival in sorted(arrived, key=lambda a: (a.partition, a.offset)):
        event = sent.get(arrival.event_id)
        if event is None:
            continue
        partition, sequence = reached.get(event.mmsi, (arrival.partition, -1))
        if partition != arrival.partition or event.sequence < sequence:
            wrong.append(arrival.event_id)
        reached[event.mmsi] = (partition, max(sequence, event.sequence))
    return wrong


def prove(stream: Sequence[Sent], acknowledged: int, lake: Lake) -> list[Finding]:
    """Every comparison of the proof.

    Args:
        stream: The known stream, line by line; a line may repeat an earlier one.
        acknowledged: So many lines the broker has acknowledged by the producer's own record: they must be there. Lines
            after that may be there, since a producer that is killed had sent more than it could note.
        lake: What is there.
    """
    sent = {event.event_id: event for event in stream}
    promised = list(dict.fromkeys(event.event_id for event in stream[:acknowledged]))
    in_bronze = dict.fromkeys(arrival.event_id for arrival in lake.bronze)
    return [
        Finding(
            "acknowledged events are in Bronze",
            len(promised),
            len(in_bronze.keys() & promised),
            lost=lost(promised, in_bronze),
            foreign=lost(in_bronze, sent),
        ),
        _same_names(
            "records on the broker are in Bronze once",
            [f"{partition}/{offset}" for partition, end in lake.on_broker.items() for offset in range(end)],
            [arrival.place for arrival in lake.bronze],
        ),
        _same_names(
            "positions of Bronze are in Silver once (late ones in silver.late)",
            [name for name in in_bronze if name in sent and sent[name].kind == "position"],
            [arrival.event_id for arrival in (*lake.positions, *lake.late)],
        ),
        _same_names(
            "identities of Bronze are in Silver once",
            {sent[name].identity for name in in_bronze if name in sent and sent[name].kind == "static"},
            lake.identities,
        ),
        _same_names(
            "refused records of Bronze are in quarantine once",
            [a.place for a in lake.bronze if a.event_id in sent and sent[a.event_id].kind == "refused"],
            [arrival.place for arrival in lake.quarantine],
        ),
        _in_order(sent, [*lake.positions, *lake.late]),
        *_counted(lake),
        _gold(lake),
    ]


def _same_names(check: str, expected: Iterable[str], found: Sequence[str]) -> Finding:
    expected = list(expected)
    return Finding(
        check,
        len(expected),
        len(found),
        lost=lost(expected, found),
        twice=twice(found),
        foreign=lost(found, expected),
    )


def _in_order(sent: Mapping[str, Sent], arrived: Sequence[Arrival]) -> Finding:
    wrong = reordered(sent, arrived)
    return Finding("events of each vessel are in order", len(arrived), len(arrived) - len(wrong), reordered=wrong)


def _counted(lake: Lake) -> list[Finding]:
    """The ledger's sums against the tables themselves; a duplicate is what is in Bronze and nowhere else."""
    kept = len(lake.positions) + len(lake.identities)
    elsewhere = kept + len(lake.late) + len(lake.quarantine)
    rows = {
        "read": len(lake.bronze),
        "accepted": kept,
        "late": len(lake.late),
        "quarantined": len(lake.quarantine),
        "duplicate": len(lake.bronze) - elsewhere,
    }
    return [Finding(f"ledger: {name}", count, lake.ledger[f"rows_{name}"]) for name, count in rows.items()]


def _gold(lake: Lake) -> Finding:
    days = {*lake.silver_days, *lake.gold_days}
    silver, gold = Counter(lake.silver_days), Counter(lake.gold_days)
    return Finding(
        "positions counted in Gold, by vessel and day",
        silver.total(),
        gold.total(),
        lost=sorted(day for day in days if gold[day] < silver[day]),
        twice=sorted(day for day in days if gold[day] > silver[day]),
    )
