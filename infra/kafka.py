"""How our Kafka clients (librdkafka) are configured: in one place, from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contracts.errors import ConfigurationError, UnavailableError
from contracts.settings import Settings

ANSWER_SECONDS = 10.0


def client_config(settings: Settings) -> dict[str, Any]:
    """What every client needs: where the brokers are, and who we are.

    Raises:
        ConfigurationError: A user is set without a password.
    """
    config: dict[str, Any] = {"bootstrap.servers": settings.kafka_servers, "client.id": "maritimeiq"}
    if settings.kafka_username is None:
        return config
    if settings.kafka_password is None:
        raise ConfigurationError("MARITIME_KAFKA_USERNAME is set without MARITIME_KAFKA_PASSWORD; set both.")
    return config | {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": settings.kafka_username,
        "sasl.password": settings.kafka_password.get_secret_value(),
    }


def producer_config(settings: Settings) -> dict[str, Any]:
    """A producer that loses and repeats nothing: it retries on and on; its caller decides when to stop."""
    return client_config(settings) | {
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": settings.kafka_compression,
        "batch.size": 32_768,
        "linger.ms": 20,
        "message.timeout.ms": 0,
    }


@contextmanager
def admin(settings: Settings) -> Iterator[AdminClient]:
    """An admin client; a broker that does not answer becomes our own error.

    Raises:
        UnavailableError: No broker answered, or it refused.
    """
    quiet = {"log_level": 0, "socket.connection.setup.timeout.ms": 5_000}
    try:
        yield AdminClient(client_config(settings) | quiet)
    except KafkaException as error:
        raise UnavailableError(
            f"Kafka at {settings.kafka_servers}: {error.args[0].str()}. Is it up? `maritime broker start` "
            "starts the embedded one."
        ) from error


def cluster_id(settings: Settings) -> str | None:
    """Identity of the cluster that answers.

    Raises:
        UnavailableError: None answers.
    """
    with admin(settings) as client:
        return client.list_topics(timeout=ANSWER_SECONDS).cluster_id


def spark_options(settings: Settings) -> dict[str, str]:
    """The same connection for Spark's Kafka source, whose names are the Java client's.

    Raises:
        ConfigurationError: A user is set without a password.
    """
    config = client_config(settings)
    options = {"kafka.bootstrap.servers": settings.kafka_servers}
    if "sasl.password" not in config:
        return options
    login = f'username="{config["sasl.username"]}" password="{config["sasl.password"]}"'
    return options | {
        "kafka.security.protocol": config["security.protocol"],
        "kafka.sasl.mechanism": config["sasl.mechanism"],
        "kafka.sasl.jaas.config": f"org.apache.kafka.common.security.scram.ScramLoginModule required {login};",
    }
