"""The dead letter topics on the broker: reading them, and publishing what their letters hold by today's readers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from contracts.errors import ConfigurationError, UnavailableError
from contracts.settings import Settings
from contracts.topics import Topic
from infra.kafka import client_config
from infra.security.refusals import Watch
from producers.dead_letters import DeadLetter, Reread, letter_at, reread, together
from producers.publisher import Publisher

GROUP = "maritime-dead-letter-replay"
"""Consumer group whose position says which letters were replayed."""
ANSWER_SECONDS = 10.0
CHUNK_LETTERS = 1_000


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets of a dead letter topic's partition: its first and end, and where the next replay begins."""

    partition: int
    first: int
    end: int
    replayed_to: int


@dataclass(slots=True)
class Outcome:
    """What became of a topic's dead letters. ``refused`` counts by the reason of today."""

    topic: str
    letters: int = 0
    published_letters: int = 0
    events: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, one: Reread) -> None:
        """Count one letter."""
        self.letters += 1
        self.events += len(one.events.values)
        if one.reason is None:
            self.published_letters += 1
        else:
            self.refused[one.reason] += 1


class DeadLetters:
    """The letters of one topic. Position and commits are those of the consumer group ``GROUP``."""

    def __init__(self, consumer: Consumer, topic: Topic, watch: Watch) -> None:
        self._consumer, self._topic, self._watch = consumer, topic, watch

    def spans(self) -> list[Span]:
        """What the topic holds, by partition.

        Raises:
            ConfigurationError: The topic is not there.
        """
        name = self._topic.dead_letter.name
        known = self._consumer.list_topics(name, timeout=ANSWER_SECONDS).topics[name]
        if known.error is not None:
            raise ConfigurationError(f"Missing topic: {name}. Run `maritime topics create`.")
        places = [TopicPartition(name, number) for number in sorted(known.partitions)]
        committed = self._consumer.committed(places, timeout=ANSWER_SECONDS)
        return [self._span(place) for place in committed]

    def read(self, *, is_open: bool) -> Iterator[DeadLetter]:
        """The letters in order, up to the end that the topic has now; with ``is_open`` those not replayed yet.

        Raises:
            UnavailableError: The broker stopped answering.
        """
        for span in self.spans():
            start = span.replayed_to if is_open else span.first
            if start < span.end:
                yield from self._read(span.partition, start, span.end)

    def commit(self, letter: DeadLetter) -> None:
        """Everything up to this letter is replayed: kept by the broker before this returns."""
        place = TopicPartition(self._topic.dead_letter.name, letter.partition, letter.offset + 1)
        self._consumer.commit(offsets=[place], asynchronous=False)

    def _span(self, place: TopicPartition) -> Span:
        first, end = self._consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS)
        is_known = first <= place.offset <= end  # else nothing was committed, or to a topic that was made anew since
        return Span(place.partition, first, end, place.offset if is_known else first)

    def _read(self, partition: int, start: int, end: int) -> Iterator[DeadLetter]:
        self._consumer.assign([TopicPartition(self._topic.dead_letter.name, partition, start)])
        while True:
            messages = self._consumer.consume(CHUNK_LETTERS, timeout=ANSWER_SECONDS)
            if not messages:
                raise self._watch.refusal or UnavailableError(
                    f"{self._topic.dead_letter.name} has letters up to {end:,}, but the broker gave none."
                )
            for message in messages:
                if message.error():
                    raise KafkaException(message.error())
                if message.offset() < end:
                    yield _letter(self._topic, message)
                if message.offset() >= end - 1:
                    self._consumer.unassign()
                    return


@contextmanager
def dead_letters(settings: Settings, topic: Topic) -> Iterator[DeadLetters]:
    """Open a topic's dead letters.

    Raises:
        AccessError: The broker refused the login or the right.
        UnavailableError: The broker did not answer.
    """
    watch = Watch.of(settings, "consumer")
    config: dict[str, Any] = client_config(settings) | {
        "group.id": GROUP,
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "error_cb": watch,
        "log_level": 0,
    }
    consumer = Consumer(config)
    try:
        yield DeadLetters(consumer, topic, watch)
    except KafkaException as error:
        said = f"Kafka at {settings.kafka_servers}: {error.args[0].str()}."
        raise watch.refusal or UnavailableError(said) from error
    finally:
        consumer.close()


def replay(
    letters: DeadLetters,
    topic: Topic,
    publisher: Publisher | None,
    *,
    is_again: bool = False,
    assume_start_ms: int | None = None,
    tick: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """Read the open letters by today's readers and publish their events; what is still refused stays a dead letter.

    The position moves after the broker has acknowledged the events, so a crash sends some twice and loses none; the
    lake knows them as repeats by their key.

    Args:
        letters: The topic's letters.
        topic: Where the events go.
        publisher: Sends them; null for a dry run, which moves no position.
        is_again: Begin at the first letter that the topic holds, also one that was replayed.
        assume_start_ms: Time of AIS messages that tell none.
        tick: Told of each chunk.
    """
    outcome = Outcome(topic.dead_letter.name)
    reading = letters.read(is_open=not is_again)
    while chunk := list(islice(reading, CHUNK_LETTERS)):
        found = [reread(letter, assume_start_ms=assume_start_ms) for letter in chunk]
        for one in found:
            outcome.add(one)
        if publisher is not None:
            _publish(publisher, found)
            for letter in _last_of_each_partition(chunk):
                letters.commit(letter)
        tick(outcome)
    return outcome


def _publish(publisher: Publisher, found: Sequence[Reread]) -> None:
    events = together(found)
    if events.values:
        publisher.send(events)
        publisher.flush()


def _last_of_each_partition(chunk: Sequence[DeadLetter]) -> list[DeadLetter]:
    return list({letter.partition: letter for letter in chunk}.values())


def _letter(topic: Topic, message: Message) -> DeadLetter:
    headers = {name: value or b"" for name, value in message.headers() or []}
    partition, offset = message.partition() or 0, message.offset() or 0
    return DeadLetter(topic, partition, offset, letter_at(message.timestamp()[1]), message.value() or b"", headers)
