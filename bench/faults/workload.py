"""Writing numbered records all the time, and reading back what is there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from threading import Event, Thread
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from bench.faults.checker import Held, Sent, key_of
from contracts.errors import UnavailableError
from contracts.settings import Settings
from infra.kafka import ANSWER_SECONDS, client_config, producer_config

RECORDS_PER_S = 600
TURN_SECONDS = 0.05
"""Records go out in small bursts: what many more requests cost would slow the brokers' answers to a fault."""
FLUSH_SECONDS = 60.0
READ_SECONDS = 60.0


class Writer:
    """The platform's own producer with a steady stream of numbered records, in a thread.

    Args:
        settings: Where the brokers are.
        topic: What to write to.
        overrides: Producer settings taken out or changed, for a control.
    """

    def __init__(self, settings: Settings, topic: str, overrides: Mapping[str, object] | None = None) -> None:
        config = {**producer_config(settings), "log_level": 0, "error_cb": lambda _: None}
        self._producer = Producer({**config, **(overrides or {})})
        self._topic = topic
        self._acknowledged: dict[int, tuple[int, int]] = {}
        self._times_s: dict[int, list[float]] = {}
        self._count = 0
        self._stopping = Event()
        self._thread = Thread(target=self._write, daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def acknowledged(self) -> int:
        """Records acknowledged so far."""
        return len(self._acknowledged)

    def stop(self) -> Sent:
        """Send no more, wait for what is on its way, and tell everything."""
        self._stopping.set()
        self._thread.join()
        self._producer.flush(FLUSH_SECONDS)
        self._producer.purge()
        return Sent(self._count, self._acknowledged, self._times_s)

    def _write(self) -> None:
        began = time.monotonic()
        while not self._stopping.wait(TURN_SECONDS):
            due = int((time.monotonic() - began) * RECORDS_PER_S)
            while self._count < due and self._produce():
                self._count += 1
            self._producer.poll(0)

    def _produce(self) -> bool:
        try:
            self._producer.produce(
                self._topic,
                key=key_of(self._count),
                value=str(self._count),
                on_delivery=partial(self._note, self._count),
            )
        except BufferError:  # the queue is full while the brokers are away: the same record again, later
            return False
        return True

    def _note(self, number: int, error: KafkaError | None, message: Message) -> None:
        if error is None:
            partition, offset = message.partition(), message.offset()
            assert partition is not None
            # No offset is told of a record whose own answer was lost, and that a later one proves to be there.
            self._acknowledged[number] = (partition, -1 if offset is None else offset)
            self._times_s.setdefault(partition, []).append(time.monotonic())


def read_all(settings: Settings, topic: str) -> list[Held]:
    """Every record of the topic that readers may see.

    Raises:
        UnavailableError: The end was not reached in time.
    """
    consumer = Consumer({**client_config(settings), "group.id": "faults", "enable.auto.commit": False, "log_level": 0})
    try:
        numbers = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].partitions
        ends = {n: consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=ANSWER_SECONDS)[1] for n in numbers}
        consumer.assign([TopicPartition(topic, n, 0) for n in numbers])
        return _read_to(consumer, ends)
    except KafkaException as error:
        raise UnavailableError(f"{topic} cannot be read: {error.args[0].str()}") from error
    finally:
        consumer.close()


def _read_to(consumer: Consumer, ends: dict[int, int]) -> list[Held]:
    held: list[Held] = []
    left = {number for number, end in ends.items() if end > 0}
    deadline = time.monotonic() + READ_SECONDS
    while left:
        for message in consumer.consume(1_000, timeout=0.5):
            if message.error() is None:
                held.append(_held(message))
                if held[-1].offset == ends[held[-1].partition] - 1:
                    left.discard(held[-1].partition)
        if time.monotonic() > deadline:
            raise UnavailableError(f"Partitions {sorted(left)} were not read to the end in {READ_SECONDS:.0f} s.")
    return held


def _held(message: Any) -> Held:  # noqa: ANN401  the client's types say that all of this may be null
    return Held(message.partition(), message.offset(), message.key().decode(), int(message.value()))
