"""Takes records off topics so that nothing of them is left on the broker's disk.

Kafka cannot change a record. A topic whose records are all in the lake is emptied; a dead letter topic, whose letters
are nowhere else, is written anew behind its end without the ones to be erased. Offsets only grow, so every reader goes
on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from contracts.errors import UnavailableError
from contracts.settings import Settings
from infra.broker import Broker
from infra.erasure.segments import segment_files
from infra.kafka import ANSWER_SECONDS, admin
from infra.marks import TopicState, topic_states
from infra.topics import in_sync

HELD = {"min.insync.replicas": "1000"}
"""No topic has so many copies: producers with acks=all wait and try again, and nothing is lost."""
AT_ONCE = {"file.delete.delay.ms": "0"}
KEEP_NOTHING = {"retention.bytes": "0"}
NEW_SEGMENT = {"segment.ms": "1"}
"""The next record with a later time than the segment's first one begins a new segment."""
CLEARED_SECONDS = 660.0
"""A broker looks for what it may delete each 5 minutes by default, the embedded one each 5 s."""

Marks = Mapping[int, tuple[int, int]]


def empty(settings: Settings, topic: str, check: Callable[[Marks], None]) -> None:
    """Delete every record of the topic. Its writers wait meanwhile, so that none comes in unseen.

    Args:
        settings: The broker.
        topic: Its name.
        check: Is given the marks, once nobody can write any more; raises where something must not go yet.

    Raises:
        UnavailableError: The broker did not delete them in time; a second try goes on.
    """
    with configured(settings, topic, HELD | AT_ONCE):
        state = _settled(settings, topic)
        check(state.marks)
        with configured(settings, topic, KEEP_NOTHING):
            wait_until_gone(settings, topic, {partition: high for partition, (_, high) in state.marks.items()})


def delete_before(settings: Settings, topic: str, ends: Mapping[int, int]) -> None:
    """Delete the records before these offsets; a new segment begins at each of them.

    Raises:
        UnavailableError: The broker did not delete them in time; a second try goes on.
    """
    with configured(settings, topic, AT_ONCE):
        with admin(settings) as client:
            for future in client.delete_records([TopicPartition(topic, p, end) for p, end in ends.items()]).values():
                future.result()
        wait_until_gone(settings, topic, ends)


def wait_until_gone(settings: Settings, topic: str, ends: Mapping[int, int]) -> None:
    """Wait until no record before these offsets can be read, nor lies on the disk of the embedded broker."""
    deadline = time.monotonic() + CLEARED_SECONDS
    while not (_are_past(state_of(settings, topic).marks, ends) and not _files_before(settings, topic, ends)):
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"The broker has not deleted the records of {topic} within {CLEARED_SECONDS:.0f} s. Run the command "
                "again: it goes on where it was."
            )
        time.sleep(0.5)


def state_of(settings: Settings, topic: str) -> TopicState:
    """The topic, which must be there."""
    return topic_states(settings, [topic])[topic]


def release(settings: Settings, topic: str) -> None:
    """Take back what an erasure that was killed has left in the topic's settings."""
    with admin(settings) as client:
        if topic in client.list_topics(timeout=ANSWER_SECONDS).topics:
            ours = HELD | AT_ONCE | KEEP_NOTHING | NEW_SEGMENT
            left = [name for name, value in _own(client, topic).items() if ours.get(name) == value]
            if left:
                _alter(client, topic, {name: _contract(settings).get(name) for name in left})


@contextmanager
def configured(settings: Settings, topic: str, values: Mapping[str, str]) -> Iterator[None]:
    """The topic with these settings for the length of a block, and with its own afterwards.

    What a block that was killed has left behind is not taken for the topic's own: the broker's default, or for
    ``min.insync.replicas`` what the contract asks for, follows.
    """
    with admin(settings) as client:
        before = {
            name: None if value == values[name] else value
            for name, value in _own(client, topic).items()
            if name in values
        }
        _alter(client, topic, values)
    try:
        yield
    finally:
        with admin(settings) as client:
            _alter(client, topic, {name: before.get(name) or _contract(settings).get(name) for name in values})


def _contract(settings: Settings) -> dict[str, str]:
    """What the topic was made with, of the settings that are changed here; the others are the broker's defaults."""
    return {"min.insync.replicas": str(in_sync(settings))}


def _own(client: AdminClient, topic: str) -> dict[str, str]:
    """What was set for this topic, leaving out defaults."""
    resource = ConfigResource(ResourceType.TOPIC, topic)
    entries = client.describe_configs([resource], request_timeout=ANSWER_SECONDS)[resource].result()
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return {name: entry.value for name, entry in entries.items() if entry.source == own}


def _alter(client: AdminClient, topic: str, values: Mapping[str, str | None]) -> None:
    """Set these for the topic; null takes the setting away. The broker has them when this returns."""
    changes = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        if value is not None
        else ConfigEntry(name, "", incremental_operation=AlterConfigOpType.DELETE)
        for name, value in values.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=changes)
    client.incremental_alter_configs([resource], request_timeout=ANSWER_SECONDS)[resource].result()
    deadline = time.monotonic() + ANSWER_SECONDS
    while any(_own(client, topic).get(name) != value for name, value in values.items()):
        if time.monotonic() > deadline:
            raise UnavailableError(f"The broker has not taken over the settings of {topic}; run the command again.")
        time.sleep(0.1)


def _settled(settings: Settings, topic: str) -> TopicState:
    """The topic once no record comes in any more: what was under way when writers were held up has ended."""
    before = state_of(settings, topic)
    while True:
        time.sleep(1)
        now = state_of(settings, topic)
        if now.marks == before.marks:
            return now
        before = now


def _are_past(marks: Marks, ends: Mapping[int, int]) -> bool:
    return all(marks[partition][0] >= end for partition, end in ends.items())


def _files_before(settings: Settings, topic: str, ends: Mapping[int, int]) -> list[Path]:
    """Segments on this disk that begin before these offsets, or that wait for their deletion; none elsewhere."""
    return [
        path
        for path in segment_files(Broker(settings).data, topic)
        if path.suffix != ".log" or _begins_before(path, ends)
    ]


def _begins_before(path: Path, ends: Mapping[int, int]) -> bool:
    partition = path.parent.name.rpartition("-")[2]
    return not partition.isdigit() or int(path.stem) < ends.get(int(partition), 0)


def lagging_groups(settings: Settings, topic: str, marks: Marks) -> dict[str, int]:
    """Consumer groups that have read the topic, and not to its end: records that each would miss."""
    behind: dict[str, int] = {}
    with admin(settings) as client:
        groups = [
            group.group_id for group in client.list_consumer_groups(request_timeout=ANSWER_SECONDS).result().valid
        ]
        for group in groups:
            asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, partition) for partition in marks])
            places = client.list_consumer_group_offsets([asked])[group].result().topic_partitions
            missed = sum(
                max(0, marks[p.partition][1] - max(p.offset, marks[p.partition][0])) for p in places if p.offset >= 0
            )
            if missed:
                behind[group] = missed
    return behind
