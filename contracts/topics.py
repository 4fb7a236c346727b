"""The Kafka topics. The partition count is part of the contract: it decides which vessel is ordered with which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CONSUMER_GROUP = "maritime-platform-consumers"
COLLISION_GROUP = "maritime-collision-watch"
"""The collision watch has a group of its own: it needs every vessel, so it shares the partitions with nobody."""

ContractMode = Literal["evolve", "freeze", "discard-with-quarantine"]
"""What a topic's contract does with what it does not know.

``evolve``: a new optional field or event version is taken up by the first producer that brings it, and unknown fields
are kept in ``extra``. ``freeze``: nothing new is published before it is applied. ``discard-with-quarantine``: what is
new may be published, but a record with an unknown field goes to quarantine whole. Under ``freeze`` it does so too: it
came from a program that asked nobody.
"""


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic. Messages are keyed by MMSI, so one vessel's events stay in order."""

    name: str
    short: str
    partitions: int
    retention_days: int

    @property
    def dead_letter(self) -> Topic:
        """Where records go that break this topic's contract: raw bytes, with the reason in the headers."""
        return Topic(f"{self.name}.dlq", f"{self.short}_dlq", partitions=1, retention_days=30)


AIS = Topic("maritime.ais.data", "ais", partitions=12, retention_days=7)
SENSORS = Topic("maritime.environmental.sensors", "sensors", partitions=6, retention_days=7)
ALERTS = Topic("maritime.alerts", "alerts", partitions=3, retention_days=30)
VOYAGE_EVENTS = Topic("maritime.voyage.events", "voyage_events", partitions=6, retention_days=30)

TOPICS = (AIS, SENSORS, ALERTS, VOYAGE_EVENTS)


def topic_named(short: str) -> Topic:
    """The topic whose short name this is, for example ``ais``.

    Raises:
        KeyError: No topic has that short name.
    """
    return {topic.short: topic for topic in TOPICS}[short]
