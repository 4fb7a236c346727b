"""The contract's topics on a real broker."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from contracts.errors import ConfigurationError, ContractError, UnavailableError
from contracts.settings import Settings
from contracts.topics import AIS, ALERTS, TOPICS
from infra.kafka import admin
from infra.topics import check_topics, create_topics, partitions

Eventually = Callable[..., None]


def test_every_topic_and_its_dead_letter_is_there_as_the_contract_says(kafka: Settings) -> None:
    found = partitions(kafka)

    assert {topic.name: found.get(topic.name) for topic in TOPICS} == {t.name: t.partitions for t in TOPICS}
    assert all(found.get(topic.dead_letter.name) == 1 for topic in TOPICS)


def test_creating_twice_is_creating_once(kafka: Settings) -> None:
    assert create_topics(kafka) == []


def test_retention_and_in_sync_copies_come_from_the_contract(kafka: Settings) -> None:
    resource = ConfigResource(ResourceType.TOPIC, AIS.name)
    with admin(kafka) as client:
        config = client.describe_configs([resource])[resource].result()

    assert config["retention.ms"].value == str(7 * 24 * 3600 * 1000)
    assert config["min.insync.replicas"].value == "1"


def test_another_partition_count_stops_the_program(kafka: Settings, eventually: Eventually) -> None:
    with admin(kafka) as client:
        client.delete_topics([ALERTS.name])[ALERTS.name].result()
        eventually(lambda: ALERTS.name not in partitions(kafka))
        client.create_topics([NewTopic(ALERTS.name, 5, 1)])[ALERTS.name].result()
    eventually(lambda: ALERTS.name in partitions(kafka))

    with pytest.raises(ContractError, match="has 5 partitions, the contract says 3"):
        check_topics(kafka)


def test_a_missing_topic_is_named_with_the_command_that_makes_it(kafka: Settings, eventually: Eventually) -> None:
    with admin(kafka) as client:
        client.delete_topics([ALERTS.name])[ALERTS.name].result()
    eventually(lambda: ALERTS.name not in partitions(kafka))

    with pytest.raises(ConfigurationError, match=r"maritime\.alerts.*maritime topics create"):
        check_topics(kafka)


def test_a_broker_that_is_away_is_said_in_one_sentence(settings: Settings) -> None:
    away = settings.model_copy(update={"kafka_servers": "127.0.0.1:1"})

    with pytest.raises(UnavailableError, match="maritime broker start"):
        check_topics(away)
