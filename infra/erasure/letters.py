"""Writes a dead letter topic anew behind its end, without the letters that name a vessel, and deletes what was before.

In this order, so that a process that is killed loses no letter: each letter that stays is written again with a header
that names its original, and then the originals go. A second run finds the copies by their headers and goes on. A letter
that was replayed before can be replayed again; Silver knows its events as repeats.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import groupby

from confluent_kafka import Producer

from contracts.errors import UnavailableError
from contracts.settings import Settings
from infra.erasure import topics
from infra.erasure.records import Record, records
from infra.erasure.subject import Subject
from infra.kafka import client_config, producer_config
from infra.marks import TopicState
from infra.security.refusals import Watch

HEADER_COPY_OF = "copy-of-offset"


@dataclass(slots=True)
class Partition:
    """What is found in one partition of the topic before it is written anew.

    Attributes:
        end: The first offset that is not an original: of the first copy, or the end of the partition.
        named: Originals that name the vessel.
        copied: Originals that an earlier run, which was killed, has written again.
        kept: How many originals stay.
    """

    end: int
    named: set[int] = field(default_factory=set)
    copied: set[int] = field(default_factory=set)
    kept: int = 0


def rewrite(settings: Settings, topic: str, subject: Subject) -> int:
    """Erase the vessel's letters from a dead letter topic.

    Args:
        settings: The broker.
        topic: Name of the dead letter topic.
        subject: The vessel.

    Returns:
        How many letters were erased.

    Raises:
        UnavailableError: The broker did not answer, or did not delete in time; a second run goes on.
    """
    erased = 0
    while any((found := look(settings, topic, subject)).values()) and _has_work(found):
        erased += sum(len(part.named) for part in found.values())
        if not any(part.kept for part in found.values()):
            topics.empty(settings, topic, lambda _marks: None)
            continue
        for number, part in sorted(found.items()):
            _copy(settings, topic, number, part)
        topics.delete_before(settings, topic, {number: part.end for number, part in found.items()})
    return erased


def look(settings: Settings, topic: str, subject: Subject) -> dict[int, Partition]:
    """Look through the topic, partition by partition; one without a letter is left out."""
    state = topics.state_of(settings, topic)
    found: dict[int, Partition] = {}
    for number, letters in groupby(records(settings, state), key=lambda record: record.partition):
        low, high = state.marks[number]
        part = found[number] = Partition(high)
        for letter in letters:
            original = copy_of(letter)
            if original is not None and original >= low:
                part.end = min(part.end, letter.offset)
                part.copied.add(original)
            elif letter.offset < part.end and letter.names(subject):
                part.named.add(letter.offset)
            elif letter.offset < part.end:
                part.kept += 1
    return found


def copy_of(letter: Record) -> int | None:
    """Offset of the original that a letter is a copy of; null for one that a producer wrote."""
    value = dict(letter.headers).get(HEADER_COPY_OF, b"")
    return int(value) if value.isdigit() else None


def _has_work(found: dict[int, Partition]) -> bool:
    return any(part.named or part.copied for part in found.values())


def _copy(settings: Settings, topic: str, number: int, part: Partition) -> None:
    """Write again what stays and is not written again yet, in order; the first of it begins a new segment."""
    staying = _staying(settings, topic, number, part)
    first = next(staying, None)
    if first is None:
        return
    if part.copied:  # the new segment was begun by the run that was killed
        _publish(settings, topic, iter((first,)))
    else:
        with topics.configured(settings, topic, topics.NEW_SEGMENT):
            _publish(settings, topic, iter((first,)), now_ms=int(time.time() * 1000))
    _publish(settings, topic, staying)


def _staying(settings: Settings, topic: str, number: int, part: Partition) -> Iterator[Record]:
    low = topics.state_of(settings, topic).marks[number][0]
    gone: Collection[int] = part.named | part.copied
    for letter in records(settings, TopicState(topic, "", {number: (low, part.end)})):
        if letter.offset not in gone:
            yield letter


def _publish(settings: Settings, topic: str, letters: Iterator[Record], now_ms: int | None = None) -> None:
    """Publish copies and wait until the broker has them all.

    Raises:
        UnavailableError: It did not take one.
    """
    watch = Watch.of(settings, "admin")
    config = producer_config(settings) | client_config(settings, "admin") | {"error_cb": watch, "log_level": 0}
    producer, failures = Producer(config), list[object]()
    for letter in letters:
        own = [(name, value) for name, value in letter.headers if name != HEADER_COPY_OF]
        producer.produce(
            topic,
            key=letter.key,
            value=letter.value,
            partition=letter.partition,
            timestamp=now_ms or letter.published_at_ms,
            headers=[*own, (HEADER_COPY_OF, str(letter.offset).encode())],
            on_delivery=lambda error, _message: failures.append(error) if error else None,
        )
        while len(producer) > 10_000:
            producer.poll(0.1)
    left = producer.flush(settings.broker_away_seconds)
    if left or failures:
        raise watch.refusal or UnavailableError(
            f"The broker did not take {left or len(failures)} letters of {topic} again; run the command again."
        )
