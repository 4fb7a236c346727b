"""The Kafka side of dispatch: the records that this member of the group owns, and their offsets once they are done."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.record_errors import Judge
from contracts.errors import DataLossError, UnavailableError
from contracts.settings import Settings
from contracts.topics import Topic
from infra.kafka import ANSWER_SECONDS, consumer_config
from infra.security.refusals import Watch

BATCH_RECORDS = 100
COMMIT_EVERY_SECONDS = 1.0
SERVE_SECONDS = 0.1

Headers = list[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Record:
    """A record and the ownership under which it was read: after a rebalance that is another one."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    ownership: int

    @property
    def place(self) -> str:
        """For people."""
        return f"{self.topic} partition {self.partition} offset {self.offset}"


class Reader:
    """Hands out records in the order of their partitions, and commits those that are done.

    Nothing is committed that is not done, and nothing handed out that another member may own by now.

    Args:
        settings: Where the broker is.
        topic: What to read.
        group: The consumer group.
        notify: Told of what passes by itself.
        skip_lost: Where unread records are gone from the broker, go on at the oldest that is left.
    """

    def __init__(
        self, settings: Settings, topic: Topic, group: str, notify: Callable[[str], None], *, skip_lost: bool = False
    ) -> None:
        self._notify = notify
        self._topic = topic.name
        self._watch = Watch.of(settings, "consumer")
        self._judges = Judge(topic.name, self._watch, notify, self._lost)
        config = {**consumer_config(settings, group), "log_level": 0, "error_cb": self._on_error}
        if skip_lost:
            config["auto.offset.reset"] = "earliest"
        self._consumer = Consumer(config)
        self._pending: deque[Record] = deque()
        self._ownership: dict[int, int] = {}
        self._count = itertools.count(1)
        self._done: dict[int, int] = {}
        self._at_end: set[int] = set()
        self._is_paused = self._was_assigned = False
        self._committed_at = time.monotonic()
        self._consumer.subscribe(
            [topic.name], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    @property
    def partitions(self) -> list[int]:
        """The partitions that this member owns."""
        return sorted(self._ownership)

    @property
    def is_at_end(self) -> bool:
        """Whether every partition that this member owns has been read to its end."""
        return self._was_assigned and not self._pending and self._at_end >= self._ownership.keys()

    def owns(self, record: Record) -> bool:
        """Whether the record is still this member's to deliver and to commit."""
        return self._ownership.get(record.partition) == record.ownership

    def next(self, seconds: float) -> Record | None:
        """The next record, or nothing within the time. Rebalances are served here and in ``wait`` only.

        Raises:
            DataLossError: Records that were not read are gone from the broker.
            ConfigurationError: The topic is not there.
            AccessError: The broker refuses our login or right.
        """
        wait = 0.0 if self._pending else seconds
        while len(self._pending) < BATCH_RECORDS and (message := self._consumer.poll(wait)) is not None:
            self._take(message)
            wait = 0.0
        if self._watch.refusal is not None:
            raise self._watch.refusal
        if not self._pending or time.monotonic() - self._committed_at > COMMIT_EVERY_SECONDS:
            self.commit()
        return self._pending.popleft() if self._pending else None

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Let time pass without reading on, and stay a member of the group meanwhile.

        Raises:
            MaritimeError: As ``next``.
        """
        self.commit()
        self._pause()
        try:
            deadline = time.monotonic() + seconds
            while not is_over() and (left := deadline - time.monotonic()) > 0:
                message = self._consumer.poll(min(left, SERVE_SECONDS))
                if message is not None:  # fetched before the pause took hold
                    self._take(message)
        finally:
            self._resume()

    def done(self, record: Record) -> None:
        """The record's effect is durable, so its offset may be committed; not when it has another owner."""
        if self.owns(record):
            self._done[record.partition] = record.offset + 1

    def commit(self) -> None:
        """Commit what is done. Where the broker does not take it now, it is tried again with the next commit."""
        self._committed_at = time.monotonic()
        offsets = [TopicPartition(self._topic, number, offset) for number, offset in self._done.items()]
        if not offsets:
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            self._judges.judge_for_good(error.args[0])
            self._notify(f"offsets are not committed yet: {error.args[0].str()}")
            return
        self._done.clear()

    def close(self) -> None:
        """Commit what is done and leave the group, so that others go on at once."""
        try:
            self.commit()
        finally:
            self._consumer.close()

    def _take(self, message: Message) -> None:
        error, partition = message.error(), cast("int", message.partition())
        if error is not None:
            self._judge(error, partition)
            return
        self._at_end.discard(partition)
        if partition not in self._ownership:
            return  # of a partition that went while the message was on its way; its new owner reads it
        self._pending.append(
            Record(
                topic=self._topic,
                partition=partition,
                offset=cast("int", message.offset()),
                key=message.key(),
                value=message.value(),
                headers=cast("Headers", message.headers() or []),
                ownership=self._ownership[partition],
            )
        )

    def _judge(self, error: KafkaError, partition: int) -> None:
        """An error that came in place of a record: most are states that pass."""
        if error.code() == KafkaError._PARTITION_EOF:
            self._at_end.add(partition)
        else:
            self._judges.judge(error, partition)

    def _lost(self, partition: int) -> DataLossError:
        return DataLossError(
            f"{self._topic} partition {partition} no longer has the record that comes next: retention took it, or "
            "the topic was made anew. `maritime dispatch --skip-lost` goes on with what is there."
        )

    def _on_error(self, error: KafkaError) -> None:
        """Trouble with a connection; but for a refusal, the client goes on trying by itself."""
        self._watch(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._notify("Kafka is away; dispatch goes on when it is back")

    def _on_assign(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """New partitions start where the group has committed, and at their beginning where it never has."""
        self._was_assigned = True
        try:
            known = self._consumer.committed(partitions, timeout=ANSWER_SECONDS) if partitions else []
        except KafkaException as error:
            raise UnavailableError(f"Kafka did not tell the group's offsets: {error.args[0].str()}.") from error
        for place in known:
            place.offset = place.offset if place.offset >= 0 else OFFSET_BEGINNING
            self._ownership[place.partition] = next(self._count)
            self._at_end.discard(place.partition)
        self._consumer.incremental_assign(known)
        if self._is_paused and known:
            self._consumer.pause(known)

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Commit what is done while the partitions are still ours; what is in flight is for the next owner."""
        self.commit()
        self._drop(partitions)

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Others may own them already: a commit could take back what those have done."""
        self._drop(partitions)

    def _drop(self, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._ownership.pop(place.partition, None)
            self._done.pop(place.partition, None)
            self._at_end.discard(place.partition)
        self._pending = deque(record for record in self._pending if self.owns(record))

    def _pause(self) -> None:
        self._is_paused = True
        self._consumer.pause(self._consumer.assignment())

    def _resume(self) -> None:
        self._is_paused = False
        self._consumer.resume(self._consumer.assignment())
