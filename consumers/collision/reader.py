"""The Kafka side of the collision watch: the records of every partition, and the offsets of those that are judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.collision.begins import Begin, Start, begins, committable
from consumers.record_errors import Judge
from contracts.errors import DataLossError, LockedError
from contracts.settings import Settings
from contracts.topics import AIS, COLLISION_GROUP
from infra.kafka import consumer_config
from infra.security.refusals import Watch

MOST_RECORDS = 20_000
COMMIT_EVERY_SECONDS = 1.0
SMALL_FETCHES = {"max.partition.fetch.bytes": 65_536, "queued.min.messages": 1_000}
"""Little of a partition is fetched ahead, so that all go on in step where much is to be read: ships meet across two."""


@dataclass(frozen=True, slots=True)
class Records:
    """What was read at once. ``known`` lie before the place where judging begins and only fill the picture."""

    known: list[Message]
    new: list[Message]


class Reader:
    """Reads all partitions, since two ships that meet are mostly in two of them, and commits what is judged.

    The group has one static member: whoever comes second takes over, and the first one is told so and ends. Nothing
    new is handed out before the picture is filled from every partition.

    Args:
        settings: Where the broker is.
        start: Where judging begins.
        silent_after_s: How far back the picture is filled from, by Kafka's time.
        notify: Told of what passes by itself.
    """

    def __init__(self, settings: Settings, start: Start, silent_after_s: float, notify: Callable[[str], None]) -> None:
        self._start, self._silent_after_s, self._notify = start, silent_after_s, notify
        self._watch = Watch.of(settings, "consumer")
        self._judges = Judge(AIS.name, self._watch, notify, _lost, _taken_over())
        self._begins: dict[int, Begin] = {}
        self._filling: set[int] = set()
        self._at_end: set[int] = set()
        self._paused: list[TopicPartition] = []
        self._held: list[Message] = []
        self._handed: dict[int, TopicPartition] = {}
        self._to_commit: dict[int, TopicPartition] = {}
        self._committed_at = time.monotonic()
        group = {"group.instance.id": COLLISION_GROUP, "log_level": 0, "error_cb": self._on_error}
        self._consumer = Consumer({**consumer_config(settings, COLLISION_GROUP), **SMALL_FETCHES, **group})
        self._consumer.subscribe(
            [AIS.name], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    @property
    def is_filled(self) -> bool:
        """Whether every partition has been read up to where judging begins."""
        return bool(self._begins) and not self._filling

    @property
    def is_at_end(self) -> bool:
        """Whether all has been read and handed out."""
        return self.is_filled and not self._held and self._at_end >= self._begins.keys()

    @property
    def judged_ms(self) -> int:
        """Kafka's time before which all was judged when this reader began."""
        return min((begin.judged_ms for begin in self._begins.values()), default=0)

    def next(self, seconds: float) -> Records:
        """What comes within the time, or sooner if it is much. Rebalances are served here only.

        Raises:
            MaritimeError: Kafka refuses, has lost records, or another watch has taken over.
        """
        known: list[Message] = []
        for message in self._consumer.consume(MOST_RECORDS, seconds):
            partition, error = cast("int", message.partition()), message.error()
            if error is not None:
                self._judge(error, partition)
            elif partition in self._begins:
                self._take(message, partition, known)
        if self._watch.refusal is not None:
            raise self._watch.refusal
        if time.monotonic() - self._committed_at > COMMIT_EVERY_SECONDS:
            self.commit()
        if not self.is_filled:
            return Records(known, [])
        new, self._held = self._held, []
        self._resume()
        for message in new:
            number, offset = cast("int", message.partition()), cast("int", message.offset())
            self._handed[number] = committable(number, offset + 1, message.timestamp()[1])
        return Records(known, new)

    def done(self) -> None:
        """The effects of all that was handed out are durable, so its offsets may be committed."""
        self._to_commit |= self._handed
        self._handed.clear()

    def commit(self) -> None:
        """Commit what is done. Where the broker does not take it now, it is tried again with the next commit."""
        self._committed_at = time.monotonic()
        if not self._to_commit:
            return
        try:
            self._consumer.commit(offsets=list(self._to_commit.values()), asynchronous=False)
        except KafkaException as error:
            self._judges.judge_for_good(error.args[0])
            self._notify(f"offsets are not committed yet: {error.args[0].str()}")
            return
        self._to_commit.clear()

    def close(self) -> None:
        """Commit what is done and let go."""
        try:
            self.commit()
        finally:
            self._consumer.close()

    def _take(self, message: Message, partition: int, known: list[Message]) -> None:
        begin, offset = self._begins[partition], cast("int", message.offset())
        self._at_end.discard(partition)
        if offset < begin.judge_from:
            known.append(message)
        else:
            self._held.append(message)
        if self._filling and offset >= begin.judge_from - 1:
            self._fill_ended(partition)

    def _fill_ended(self, partition: int) -> None:
        """The partition waits for the others, if there are any that fill the picture still."""
        self._filling.discard(partition)
        place = TopicPartition(AIS.name, partition)
        if self._filling and place not in self._paused:
            self._paused.append(place)
            self._consumer.pause([place])

    def _resume(self) -> None:
        if self._paused:
            self._consumer.resume(self._paused)
            self._paused.clear()

    def _judge(self, error: KafkaError, partition: int) -> None:
        """An error that came in place of a record: most are states that pass."""
        if error.code() != KafkaError._PARTITION_EOF:
            self._judges.judge(error, partition)
            return
        self._at_end.add(partition)
        if self._filling:
            self._fill_ended(partition)

    def _on_error(self, error: KafkaError) -> None:
        """Trouble with a connection; but for a refusal, the client goes on trying by itself."""
        self._watch(error)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._notify("Kafka is away; the watch goes on when it is back")

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Go on before where judging begins; a second assignment goes on where this reader has come to."""
        found = begins(consumer, partitions, self._start, self._silent_after_s) if partitions else []
        self._begins |= {begin.partition: begin for begin in found}
        self._filling |= {begin.partition for begin in found if begin.read_from < begin.judge_from}
        self._at_end -= {begin.partition for begin in found}
        self._to_commit |= {begin.partition: begin.to_commit for begin in found}
        self._committed_at = 0.0  # where it begins is known before anything is judged, should it die at once
        if self._begins.keys() == set(range(AIS.partitions)):
            self._start = Start.LEFT_OFF
        consumer.incremental_assign([TopicPartition(AIS.name, begin.partition, begin.read_from) for begin in found])

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.commit()
        self._drop(partitions)

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Another one may own them already: a commit could take back what it has done."""
        self._drop(partitions)

    def _drop(self, partitions: list[TopicPartition]) -> None:
        gone = {place.partition for place in partitions}
        for known in (self._begins, self._handed, self._to_commit):
            for number in gone:
                known.pop(number, None)
        self._filling -= gone
        self._at_end -= gone
        self._paused = [place for place in self._paused if place.partition not in gone]
        self._held = [message for message in self._held if message.partition() not in gone]


def _lost(partition: int) -> DataLossError:
    return DataLossError(
        f"{AIS.name} partition {partition} has lost records that were not read: retention took them, or the "
        "topic was made anew. `maritime watch collisions --from now` goes on with what comes."
    )


def _taken_over() -> LockedError:
    return LockedError("Another collision watch has taken over: one sees all ships, so let that one run.")
