"""Alerts that could not be delivered: to ``maritime.alerts.dlq``, with the reason and the place that they came from."""

from __future__ import annotations

import time
from typing import Any, Protocol

from consumers.dispatch.reader import Record
from contracts import dead_letters as d
from contracts.errors import UnavailableError
from contracts.topics import Topic

FORMAT = "events"
"""The feed that reads such bytes: JSON of our own events. So they are replayed like a refused line of that feed."""
ERROR_CHARACTERS = 500


class Wire(Protocol):
    """What we need of a Kafka client; ``confluent_kafka.Producer`` has it."""

    def produce(self, topic: str, **message: Any) -> None:  # noqa: ANN401  the client's own signature
        """Queue a message."""
        ...

    def poll(self, timeout: float) -> int:
        """Serve delivery reports."""
        ...


class DeadLetters:
    """Writes dead letters, one by one; each is acknowledged before its record counts as done."""

    def __init__(self, wire: Wire, topic: Topic, away_seconds: float) -> None:
        self._wire, self._topic, self._away_seconds = wire, topic, away_seconds

    def bury(self, record: Record, reason: str, attempts: int, error: str) -> None:
        """Write one and wait until the broker has it.

        Raises:
            UnavailableError: It was not acknowledged in time, or was refused.
        """
        answers: list[str | None] = []
        raw = record.value
        self._wire.produce(
            self._topic.dead_letter.name,
            key=record.key,
            value=None if raw is None else raw[: d.LARGEST_BYTES],
            headers=headers(record, reason, attempts, error),
            on_delivery=lambda failure, _message: answers.append(str(failure) if failure else None),
        )
        deadline = time.monotonic() + self._away_seconds
        while not answers and time.monotonic() < deadline:
            self._wire.poll(0.1)
        if not answers or answers[0] is not None:
            why = (answers[0] if answers else None) or f"no answer for {self._away_seconds:.0f} s"
            raise UnavailableError(
                f"The dead letter of {record.place} was not acknowledged: {why}. Its offset is not committed; "
                "start again when the broker is back."
            )


def headers(record: Record, reason: str, attempts: int, error: str) -> list[tuple[str, bytes | None]]:
    """The record's own headers, then why and where it was refused."""
    told = {
        d.HEADER_REASON: reason,
        d.HEADER_FORMAT: FORMAT,
        d.HEADER_ATTEMPTS: str(attempts),
        d.HEADER_TOPIC: record.topic,
        d.HEADER_PARTITION: str(record.partition),
        d.HEADER_OFFSET: str(record.offset),
    }
    if error:
        told[d.HEADER_ERROR] = error[:ERROR_CHARACTERS]
    if len(record.value or b"") > d.LARGEST_BYTES:
        told[d.HEADER_SIZE] = str(len(record.value or b""))
    return [*record.headers, *((name, text.encode()) for name, text in told.items())]
