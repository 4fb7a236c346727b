"""How our Kafka clients (librdkafka) are configured: in one place, from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contracts.errors import UnavailableError
from contracts.settings import Settings
from infra.security.material import Role, login
from infra.security.refusals import Watch
from infra.security.rights import GROUP_PREFIX

ANSWER_SECONDS = 10.0


def client_config(settings: Settings, role: Role = "consumer") -> dict[str, Any]:
    """What every client needs: where the brokers are, and who we are.

    Args:
        settings: Brokers, and the user where one is set.
        role: Which of the embedded broker's users to be, where it is secured and the settings name none.

    Raises:
        ConfigurationError: A user is set without a password, or its login cannot be read.
    """
    config: dict[str, Any] = {"bootstrap.servers": settings.kafka_servers, "client.id": "maritimeiq"}
    user = login(settings, role)
    if user is None:
        return config
    return config | {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user.username,
        "sasl.password": user.password.get_secret_value(),
        **({"ssl.ca.location": str(user.ca_file)} if user.ca_file else {}),
    }


def producer_config(settings: Settings) -> dict[str, Any]:
    """A producer that loses and repeats nothing: it retries on and on; its caller decides when to stop."""
    return client_config(settings, "producer") | {
        "acks": "all",
        "enable.idempotence": True,
        "compression.type": settings.kafka_compression,
        "batch.size": 32_768,
        "linger.ms": 20,
        "message.timeout.ms": 0,
        # A broker that stands still closes no connection: when it is given up another one leads, and is asked instead.
        # Who leads is asked often, since the client looks after what has timed out only when it has something to do.
        "socket.timeout.ms": 2_000,
        "topic.metadata.refresh.interval.ms": 300,
        "reconnect.backoff.max.ms": 1_000,
    }


def consumer_config(settings: Settings, group: str) -> dict[str, Any]:
    """A member of a group that commits by hand. A position that the broker no longer has is an error, never a jump."""
    return client_config(settings) | {
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",
        "enable.partition.eof": True,
        "session.timeout.ms": 10_000,  # what a killed member owned goes to another after this time
        "partition.assignment.strategy": "cooperative-sticky",  # a member that comes or goes stops only what moves
    }


@contextmanager
def admin(settings: Settings) -> Iterator[AdminClient]:
    """An admin client; a broker that does not answer, or refuses, becomes our own error.

    Raises:
        AccessError: The broker refused the login or the right, or its certificate is not trusted.
        UnavailableError: No broker answered, or it refused for another reason.
    """
    watch = Watch.of(settings, "admin")
    quiet = {"log_level": 0, "socket.connection.setup.timeout.ms": 5_000, "error_cb": watch}
    client = AdminClient(client_config(settings, "admin") | quiet)
    try:
        yield client
    except KafkaException as error:
        client.poll(0)  # serves the complaints that tell why
        refusal = watch.explain(error.args[0], "create or change topics") or watch.refusal
        if refusal is not None:
            raise refusal from error
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

    The authority's certificate goes along as text, so executors need no file of ours.

    Raises:
        ConfigurationError: A user is set without a password, or its login or the authority's file cannot be read.
    """
    options = {"kafka.bootstrap.servers": settings.kafka_servers, "groupIdPrefix": f"{GROUP_PREFIX}bronze"}
    user = login(settings, "consumer")
    if user is None:
        return options
    secret = _quoted(user.password.get_secret_value())
    who = f"username={_quoted(user.username)} password={secret}"
    options |= {
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "SCRAM-SHA-512",
        "kafka.sasl.jaas.config": f"org.apache.kafka.common.security.scram.ScramLoginModule required {who};",
    }
    if user.ca_file:
        options["kafka.ssl.truststore.type"] = "PEM"
        options["kafka.ssl.truststore.certificates"] = user.ca_file.read_text()
    return options


def _quoted(text: str) -> str:
    """A value in a JAAS line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
