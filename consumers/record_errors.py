"""Errors that Kafka gives in place of a record: which pass by themselves, and what the others ask of the operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import KafkaError

from contracts.errors import ConfigurationError, DataLossError, LockedError, UnavailableError
from infra.security.refusals import Watch

FENCED = KafkaError(KafkaError.FENCED_INSTANCE_ID).str()


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the errors of one consumer.

    Attributes:
        topic: What it reads.
        watch: Sees refusals of the broker.
        notify: Told of what passes by itself.
        lost: Says that records of a partition which were not read are gone, and what to do.
        fenced: Says that another member has this one's name; only a static member can meet it.
    """

    topic: str
    watch: Watch
    notify: Callable[[str], None]
    lost: Callable[[int], DataLossError]
    fenced: LockedError | None = None

    def judge(self, error: KafkaError, partition: int) -> None:
        """Tell of an error that passes, and raise any other.

        Raises:
            DataLossError: Records that were not read are gone.
            ConfigurationError: The topic is not there.
            AccessError: The broker refuses our login or right.
            LockedError: Another member has taken over.
            UnavailableError: The client cannot go on.
        """
        self.judge_for_good(error)
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise self.lost(partition)
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise ConfigurationError(f"{self.topic} is not there. Run `maritime topics create`.")
        if (refusal := self.watch.explain(error, "read these topics")) is not None:
            raise refusal
        self.notify(f"Kafka: {error.str()}")

    def judge_for_good(self, error: KafkaError) -> None:
        """Raise an error after which this client can do nothing more, also where a commit met it.

        Raises:
            LockedError: Another member has taken over.
            UnavailableError: The client cannot go on.
        """
        if self.fenced and (error.code() == KafkaError.FENCED_INSTANCE_ID or FENCED in error.str()):
            raise self.fenced  # it comes inside of a fatal one
        if error.code() == KafkaError._FATAL or error.fatal():
            raise UnavailableError(f"The Kafka client cannot go on: {error.str()}. Start again.")
