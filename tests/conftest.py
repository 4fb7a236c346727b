"""Fixtures of all tests: one Spark and one real Kafka broker for the whole run, a fresh home for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from contracts.settings import Settings
from infra import broker as embedded
from infra.broker import Broker
from infra.kafka import admin
from infra.topics import create_topics, partitions
from lakehouse.session import spark_session

Eventually = Callable[..., None]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Small slices of real feeds that are kept beside the tests."""
    return Path(__file__).parent / "data"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a home of this test's own; no broker is there."""
    return Settings(home=tmp_path / "home", spark_shuffle_partitions=1)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The one Spark of the run: small, quiet, UTC."""
    session = spark_session(
        Settings(spark_shuffle_partitions=1, spark_driver_memory="2g"),
        "tests",
        spark__databricks__delta__snapshotPartitions="1",
    )
    yield session
    session.stop()


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A port that nobody listens on just now."""
    return embedded.free_port


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    """Wait until something is so, for what another process does in its own time."""

    def wait(is_so: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"not so within {seconds} s"
            time.sleep(0.1)

    return wait


@pytest.fixture(scope="session")
def kafka_settings(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Settings]:
    """Settings for a real broker: in a container where a Docker engine answers, else the embedded one."""
    home = tmp_path_factory.mktemp("kafka")
    if _docker_answers():
        yield from _container(home)
        return
    settings = Settings(home=home, kafka_servers=f"127.0.0.1:{free_port()}")
    broker = Broker(settings)
    broker.start()
    yield settings
    broker.stop()


@pytest.fixture(scope="session")
def empty_topics(kafka_settings: Settings, eventually: Eventually) -> Callable[[], Settings]:
    """Make every topic of the contract anew on the real broker; gives the broker's settings."""

    def make() -> Settings:
        with admin(kafka_settings) as client:
            ours = [name for name in partitions(kafka_settings) if name.startswith("maritime.")]
            if ours:
                for future in client.delete_topics(ours).values():
                    future.result()
                eventually(lambda: not set(ours) & set(partitions(kafka_settings)))
        create_topics(kafka_settings)
        return kafka_settings

    return make


@pytest.fixture
def kafka(empty_topics: Callable[[], Settings], tmp_path: Path) -> Settings:
    """The real broker with every topic of the contract there and empty, and a fresh home."""
    return empty_topics().model_copy(update={"home": tmp_path / "home", "spark_shuffle_partitions": 1})


def _docker_answers() -> bool:
    import docker  # heavy, and of use to this one question only

    try:
        docker.from_env(timeout=5).ping()
    except docker.errors.DockerException:
        return False
    return True


def _container(home: Path) -> Iterator[Settings]:
    from testcontainers.community.kafka import KafkaContainer

    container = KafkaContainer().with_kraft().with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
    with container as running:
        yield Settings(home=home, kafka_servers=running.get_bootstrap_server())
