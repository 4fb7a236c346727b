"""How dispatch stands: each dispatcher by its own word, and the group's committed offsets by the broker's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from consumers.dispatch.journal import Member, journal_file, members
from contracts.settings import Settings
from contracts.topics import ALERTS, CONSUMER_GROUP
from infra.kafka import client_config

ANSWER_SECONDS = 5.0
SILENT_AFTER_SECONDS = 90.0
"""A dispatcher tells of itself every 5 s, but not while an answer of its sink, of 60 s at most, is awaited."""


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """A partition of the alerts: what the group has committed (null: nothing yet), its end, and what lies between."""

    partition: int
    committed: int | None
    end: int
    lag_records: int


@dataclass(frozen=True, slots=True)
class DispatchStatus:
    """Dispatchers of this home, and the whole group's position; no partitions when the broker was not asked."""

    members: list[Member]
    partitions: list[PartitionStatus]

    @property
    def lag_records(self) -> int:
        """Alerts that wait."""
        return sum(partition.lag_records for partition in self.partitions)

    @property
    def is_used(self) -> bool:
        """Whether anybody has ever dispatched from here, or in this group."""
        return bool(self.members) or any(partition.committed is not None for partition in self.partitions)

    def as_json(self, now: datetime) -> dict[str, Any]:
        """For machines."""
        return {
            "dispatchers": [_member_json(member, now) for member in self.members],
            "partitions": [
                {"partition": p.partition, "committed": p.committed, "end": p.end, "lag_records": p.lag_records}
                for p in self.partitions
            ],
            "lag_records": self.lag_records if self.partitions else None,
        }


def dispatch_status(settings: Settings, *, ask_broker: bool = True) -> DispatchStatus:
    """Look at dispatch; a broker that is away is a state, not an error.

    Raises:
        UnavailableError: The journal cannot be read.
    """
    return DispatchStatus(members(journal_file(settings)), _partitions(settings) if ask_broker else [])


def condition_of(member: Member, now: datetime) -> str:
    """Whether a dispatcher runs: ``running``, ``ended`` in order, or ``silent`` (killed, or cut off)."""
    if member.has_left:
        return "ended"
    return "silent" if (now - member.seen_at).total_seconds() > SILENT_AFTER_SECONDS else "running"


def _member_json(member: Member, now: datetime) -> dict[str, Any]:
    return {
        "dispatcher": member.member,
        "condition": condition_of(member, now),
        "sink": member.sink,
        "breaker": member.breaker.state.value,
        "since": member.breaker.since,
        "failures": member.breaker.failures,
        "last_error": member.breaker.last_error,
        "seen_at": member.seen_at,
    }


def _partitions(settings: Settings) -> list[PartitionStatus]:
    """Asks for the group's offsets without joining it, so that nobody is rebalanced."""
    config = {
        **client_config(settings),
        "group.id": CONSUMER_GROUP,
        "enable.auto.commit": False,
        "log_level": 0,
        "error_cb": lambda _error: None,
    }
    consumer = Consumer(config)
    places = [TopicPartition(ALERTS.name, number) for number in range(ALERTS.partitions)]
    try:
        return [_partition(consumer, place) for place in consumer.committed(places, timeout=ANSWER_SECONDS)]
    except KafkaException:
        return []
    finally:
        consumer.close()


def _partition(consumer: Consumer, place: TopicPartition) -> PartitionStatus:
    low, high = consumer.get_watermark_offsets(place, timeout=ANSWER_SECONDS)
    committed = place.offset if place.offset >= 0 else None
    return PartitionStatus(place.partition, committed, high, max(0, high - (low if committed is None else committed)))
