"""Reads topics whole, to find who is named in them: through the broker, and on the disk of the embedded one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from contracts.errors import UnavailableError
from contracts.settings import Settings
from infra.broker import Broker
from infra.erasure.segments import records_in, segment_files
from infra.erasure.subject import Subject
from infra.kafka import ANSWER_SECONDS, client_config
from infra.marks import TopicState
from infra.security.refusals import Watch
from infra.topics import EVERY

GROUP = "maritime-erase"
CHUNK = 5_000
PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a consumer gets it."""

    partition: int
    offset: int
    published_at_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    def names(self, subject: Subject) -> bool:
        """Whether key, value or a header names the vessel."""
        return any(map(subject.is_named_in, (self.key, self.value, *(value for _, value in self.headers))))


def records(settings: Settings, state: TopicState) -> Iterator[Record]:
    """Every record of the topic that a consumer can read, up to the end that it has now.

    Raises:
        AccessError: The broker refused the login or the right.
        UnavailableError: The broker did not answer.
    """
    watch = Watch.of(settings, "consumer")
    config = {"group.id": GROUP, "enable.auto.commit": False, "auto.offset.reset": "error", "log_level": 0}
    consumer = Consumer(client_config(settings) | config | {"error_cb": watch})
    try:
        for partition, (low, high) in sorted(state.marks.items()):
            if low < high:
                consumer.assign([TopicPartition(state.name, partition, low)])
                yield from _up_to(consumer, state.name, high)
    except KafkaException as error:
        said = f"Kafka at {settings.kafka_servers}: {error.args[0].str()}."
        raise watch.refusal or UnavailableError(said) from error
    finally:
        consumer.close()


def named_by_topic(settings: Settings, subject: Subject, states: Mapping[str, TopicState]) -> dict[str, int]:
    """Records that name the vessel, by topic; only topics that have any."""
    found = {name: sum(record.names(subject) for record in records(settings, state)) for name, state in states.items()}
    return {name: count for name, count in found.items() if count}


def named_on_disk(settings: Settings, subject: Subject) -> dict[str, int]:
    """Records in the embedded broker's segment files that name the vessel, by file; only files that have any.

    A file that the broker deletes meanwhile is gone, and has none.

    Raises:
        ContractError: A segment is of a format that we cannot read.
    """
    found: dict[str, int] = {}
    for topic in EVERY:
        for path in segment_files(Broker(settings).data, topic.name):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue
            if count := sum(map(subject.is_named_in, records_in(content))):
                found[str(path)] = count
    return found


def _up_to(consumer: Consumer, topic: str, end: int) -> Iterator[Record]:
    heard_at = time.monotonic()
    while time.monotonic() - heard_at < ANSWER_SECONDS:
        messages = consumer.consume(CHUNK, timeout=PAUSE_SECONDS)  # it waits for so long where there are fewer
        for message in messages:
            if message.error():
                raise KafkaException(message.error())
            record = _record(message)
            if record.offset < end:
                yield record
            if record.offset >= end - 1:
                return
        heard_at = time.monotonic() if messages else heard_at
    raise UnavailableError(f"{topic} has records up to {end:,}, but the broker gave none.")


def _record(message: Message) -> Record:
    given = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    headers = tuple((name, value or b"") for name, value in given)
    place = message.partition() or 0, message.offset() or 0
    return Record(*place, message.timestamp()[1], message.key(), message.value(), headers)
