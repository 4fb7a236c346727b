"""Where the watch begins in each partition: where it goes on judging, and how far before that it fills its picture."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum

from confluent_kafka import Consumer, KafkaException, TopicPartition

from contracts.errors import DataLossError, UnavailableError
from contracts.topics import AIS
from infra.kafka import ANSWER_SECONDS

MS_PER_S = 1_000
EVER_MS = 0


class Start(StrEnum):
    """Where judging begins: where the group has left off (at the first start: now), now, or with the oldest record."""

    LEFT_OFF = "left-off"
    NOW = "now"
    BEGINNING = "beginning"


@dataclass(frozen=True, slots=True)
class Begin:
    """A partition's offsets to read from and to judge from; by Kafka's time, all before ``judged_ms`` is judged."""

    partition: int
    read_from: int
    judge_from: int
    judged_ms: int

    @property
    def to_commit(self) -> TopicPartition:
        """The offset with the time, so that the next start knows how far back to read."""
        return committable(self.partition, self.judge_from, self.judged_ms)


def committable(partition: int, offset: int, judged_ms: int) -> TopicPartition:
    """An offset of the group. Its metadata is the time: an offset alone does not tell which ones came minutes ago."""
    return TopicPartition(AIS.name, partition, offset, metadata=str(judged_ms))


def begins(consumer: Consumer, partitions: list[TopicPartition], start: Start, silent_after_s: float) -> list[Begin]:
    """Where to begin in each partition.

    Args:
        consumer: A member of the group.
        partitions: What it was given.
        start: Where judging begins.
        silent_after_s: How far before that a vessel's last report may lie and still be believed.

    Raises:
        DataLossError: The record that comes next is gone from the broker, or was never there.
        UnavailableError: Kafka did not answer.
    """
    try:
        committed = consumer.committed(partitions, timeout=ANSWER_SECONDS)
        found = [_judge_from(consumer, place, start) for place in committed]
        since_ms = [max(EVER_MS, round(judged_ms - silent_after_s * MS_PER_S)) for _, _, judged_ms in found]
        asked = [TopicPartition(AIS.name, number, ms) for (number, _, _), ms in zip(found, since_ms, strict=True)]
        heard = {place.partition: place.offset for place in consumer.offsets_for_times(asked, timeout=ANSWER_SECONDS)}
    except KafkaException as error:
        raise UnavailableError(f"Kafka did not tell where the watch left off: {error.args[0].str()}.") from error
    return [
        Begin(number, min(offset, heard[number]) if heard[number] >= 0 else offset, offset, judged_ms)
        for number, offset, judged_ms in found
    ]


def _judge_from(consumer: Consumer, committed: TopicPartition, start: Start) -> tuple[int, int, int]:
    """Partition, offset to judge from, and Kafka's time up to which all is judged."""
    number, offset = committed.partition, committed.offset
    low, high = consumer.get_watermark_offsets(TopicPartition(AIS.name, number), timeout=ANSWER_SECONDS)
    if start is Start.BEGINNING:
        return number, low, EVER_MS
    now_ms = time.time_ns() // 1_000_000
    if start is Start.NOW or offset < 0:
        return number, high, now_ms
    if not low <= offset <= high:
        raise DataLossError(
            f"{AIS.name} partition {number} no longer has the record that comes next: retention took it, or the topic "
            "was made anew. `maritime watch collisions --from now` goes on with what comes."
        )
    told = committed.metadata or ""
    return number, offset, int(told) if told.isdigit() else now_ms  # an offset that was set by hand has no time
