"""The dead letter topics on the broker: what lies in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from contracts.errors import ConfigurationError, UnavailableError
from contracts.settings import Settings
from contracts.topics import Topic
from infra.kafka import client_config
from infra.security.refusals import Watch
from producers.dead_letters import DeadLetter, letter_at

GROUP = "maritime-dead-letter-replay"
"""The client asks for a name; no position is kept under it: ``ops.dead_letters`` says what was replayed."""
ANSWER_SECONDS = 10.0


@contextmanager
def dead_letters(settings: Settings, topic: Topic) -> Iterator[Iterator[DeadLetter]]:
    """The letters of a topic in order, up to the end that it has when the reading begins.

    Raises:
        AccessError: The broker refused the login or the right.
        ConfigurationError: The topic is not there.
        UnavailableError: The broker did not answer, or stopped answering.
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
        yield _letters(consumer, topic, watch)
    except KafkaException as error:
        said = f"Kafka at {settings.kafka_servers}: {error.args[0].str()}."
        raise watch.refusal or UnavailableError(said) from error
    finally:
        consumer.close()


def _letters(consumer: Consumer, topic: Topic, watch: Watch) -> Iterator[DeadLetter]:
    name = topic.dead_letter.name
    known = consumer.list_topics(name, timeout=ANSWER_SECONDS).topics[name]
    if known.error is not None:
        raise ConfigurationError(f"Missing topic: {name}. Run `maritime topics create`.")
    for number in sorted(known.partitions):
        first, end = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=ANSWER_SECONDS)
        if first < end:
            consumer.assign([TopicPartition(name, number, first)])
            yield from _up_to(end, consumer, topic, watch)
            consumer.unassign()


def _up_to(end: int, consumer: Consumer, topic: Topic, watch: Watch) -> Iterator[DeadLetter]:
    """One by one: to ask for many is to wait for as many, or until the time to answer is over."""
    while True:
        message = consumer.poll(ANSWER_SECONDS)
        if message is None:
            raise watch.refusal or UnavailableError(
                f"{topic.dead_letter.name} has letters up to {end:,}, but the broker gave none."
            )
        if message.error():
            raise KafkaException(message.error())
        offset = message.offset() or 0
        if offset < end:
            yield _letter(topic, message)
        if offset >= end - 1:
            return


def _letter(topic: Topic, message: Message) -> DeadLetter:
    pairs = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    headers = {name: value or b"" for name, value in pairs}
    partition, offset = message.partition() or 0, message.offset() or 0
    return DeadLetter(topic, partition, offset, letter_at(message.timestamp()[1]), message.value() or b"", headers)
