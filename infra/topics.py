"""The topics of the contract on a real broker: made once, and compared at start-up."""

from __future__ import annotations

import time
from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contracts.errors import ConfigurationError, ContractError, UnavailableError
from contracts.settings import Settings
from contracts.topics import TOPICS, Topic
from infra.kafka import ANSWER_SECONDS, admin

MS_PER_DAY = 86_400_000
EVERY = tuple(topic for pair in ((topic, topic.dead_letter) for topic in TOPICS) for topic in pair)
"""Each topic with its dead letter topic."""


def create_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing; doing it twice changes nothing.

    Returns:
        Names of the topics that were made.

    Raises:
        ContractError: A topic is there with another number of partitions.
        UnavailableError: The broker did not answer, or refused.
    """
    with admin(settings) as client:
        futures = client.create_topics([_new_topic(t, settings) for t in EVERY], request_timeout=ANSWER_SECONDS)
        made = [name for name, future in futures.items() if _was_made(future)]
        _wait_until_known(client, [topic.name for topic in EVERY])
    check_topics(settings)
    return made


def check_topics(settings: Settings) -> None:
    """Compare the topics on the broker with the contract.

    Raises:
        ConfigurationError: A topic is missing.
        ContractError: A partition count is not the contract's: vessels would no longer be in order.
        UnavailableError: The broker did not answer.
    """
    found = partitions(settings)
    missing = [topic.name for topic in EVERY if topic.name not in found]
    if missing:
        raise ConfigurationError(f"Missing topics: {', '.join(missing)}. Run `maritime topics create`.")
    for topic in EVERY:
        if found[topic.name] != topic.partitions:
            raise ContractError(
                f"{topic.name} has {found[topic.name]} partitions, the contract says {topic.partitions}: "
                "move its records to a new topic, or change contracts/topics.py."
            )


def partitions(settings: Settings) -> dict[str, int]:
    """Partition count of every topic on the broker, by name."""
    with admin(settings) as client:
        topics = client.list_topics(timeout=ANSWER_SECONDS).topics
        return {name: len(topic.partitions) for name, topic in topics.items()}


def _new_topic(topic: Topic, settings: Settings) -> NewTopic:
    # Two of three copies must have a record before it counts as written; one broker has but one.
    in_sync = 2 if settings.kafka_replication >= 3 else 1
    config = {"retention.ms": str(topic.retention_days * MS_PER_DAY), "min.insync.replicas": str(in_sync)}
    return NewTopic(topic.name, topic.partitions, settings.kafka_replication, config=config)


def _was_made(future: object) -> bool:
    try:
        future.result()  # type: ignore[attr-defined]
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise
    return True


def _wait_until_known(client: AdminClient, names: Sequence[str]) -> None:
    """A topic is made before every broker tells of it."""
    deadline = time.monotonic() + 30
    while not set(names) <= set(client.list_topics(timeout=ANSWER_SECONDS).topics):
        if time.monotonic() > deadline:
            raise UnavailableError("The topics were made, but the brokers do not list them yet; try again.")
        time.sleep(0.1)
