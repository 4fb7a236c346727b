"""Alerts of the watch to ``maritime.alerts``, and those that it told before, from there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.collision.watch import RULE, SOURCE
from consumers.dispatch.alerts import ReadAlert, read_alert
from consumers.dispatch.dead_letters import Wire
from contracts.errors import MaritimeError, UnavailableError
from contracts.events import HEADER_EVENT_TYPE, HEADER_SCHEMA_VERSION, HEADER_SOURCE, SCHEMA_VERSION, Alert
from contracts.settings import Settings
from contracts.topics import ALERTS, COLLISION_GROUP
from infra.kafka import ANSWER_SECONDS, consumer_config
from infra.security.refusals import Watch

HEADERS = [
    (HEADER_SOURCE, SOURCE.encode()),
    (HEADER_EVENT_TYPE, b"alert"),
    (HEADER_SCHEMA_VERSION, str(SCHEMA_VERSION).encode()),
]
POLL_SECONDS = 0.1


class Teller:
    """Publishes alerts and waits until the broker has them.

    Args:
        wire: An idempotent producer.
        away_seconds: How long to wait for a broker that is away.
        watch: Listens to the producer's errors.
    """

    def __init__(self, wire: Wire, away_seconds: float, watch: Watch) -> None:
        self._wire, self._away_seconds, self._watch = wire, away_seconds, watch

    def tell(self, alerts: Sequence[Alert]) -> None:
        """Publish; when this returns, they are acknowledged.

        Raises:
            AccessError: The broker refuses our login or right.
            UnavailableError: They were not acknowledged in time.
        """
        answers: list[KafkaError | None] = []
        for alert in alerts:
            self._wire.produce(
                ALERTS.name,
                key=alert.key,
                value=alert.model_dump_json(exclude_none=True),
                headers=HEADERS,
                on_delivery=lambda failure, _message: answers.append(failure),
            )
        deadline = time.monotonic() + self._away_seconds
        while len(answers) < len(alerts) and time.monotonic() < deadline and self._watch.refusal is None:
            self._wire.poll(POLL_SECONDS)
        if len(answers) < len(alerts) or any(answers):
            raise self._refused(next(filter(None, answers), None))

    def _refused(self, failure: KafkaError | None) -> MaritimeError:
        refusal = self._watch.explain(failure, f"write to {ALERTS.name}") if failure is not None else None
        why = failure.str() if failure is not None else f"no answer for {self._away_seconds:.0f} s"
        return refusal or self._watch.refusal or UnavailableError(
            f"Alerts were not acknowledged by {ALERTS.name}: {why}. Nothing that they rest on is committed; start "
            "again when the broker is back."
        )  # fmt: skip


def told_since(settings: Settings, since_ms: int) -> Iterator[Alert]:
    """The watch's own alerts that came into the topic at or after a time of Kafka's, each pair's in order.

    Raises:
        UnavailableError: Kafka did not answer.
    """
    consumer = Consumer({**consumer_config(settings, COLLISION_GROUP), "log_level": 0})
    asked = [TopicPartition(ALERTS.name, number, max(0, since_ms)) for number in range(ALERTS.partitions)]
    try:
        places = [place for place in consumer.offsets_for_times(asked, timeout=ANSWER_SECONDS) if place.offset >= 0]
        consumer.assign(places)
        yield from _read_to_end(consumer, {place.partition for place in places}, settings.broker_away_seconds)
    except KafkaException as error:
        raise UnavailableError(f"Kafka did not give the alerts of before: {error.args[0].str()}.") from error
    finally:
        consumer.close()


def _read_to_end(consumer: Consumer, left: set[int | None], away_seconds: float) -> Iterator[Alert]:
    deadline = time.monotonic() + away_seconds
    while left:
        if time.monotonic() > deadline:
            raise UnavailableError(f"{ALERTS.name} could not be read to its end: start again when Kafka is back.")
        for message in consumer.consume(1_000, POLL_SECONDS):
            error = message.error()
            if error is None:
                alert = read_alert(message.value())
                if isinstance(alert, ReadAlert) and (alert.rule, alert.source) == (RULE, SOURCE):
                    yield alert
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition())
            elif error.fatal() or not error.retriable():
                raise KafkaException(error)
