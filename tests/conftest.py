"""Fixtures of all tests: one Spark and one real Kafka broker for the whole run, a fresh home for each."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import deltalake
import pytest
from pyspark.sql import SparkSession

from contracts.settings import Settings
from contracts.tables import TABLES
from infra import broker as embedded
from infra.broker import Broker
from infra.class_archive import QUICK_START
from infra.kafka import admin
from infra.topics import create_topics, partitions
from lakehouse.session import spark_session
from tests.workers import pytest_xdist_make_scheduler

__all__ = ["pytest_xdist_make_scheduler"]  # a hook

Eventually = Callable[..., None]
Contents = Callable[[Settings], dict[str, str]]


# Each program that a test starts has a JVM of its own, for less time than Java's second compiler needs to pay off.
os.environ |= {"MARITIME_SPARK_JAVA_OPTIONS": QUICK_START, "MARITIME_BROKER_JAVA_OPTIONS": QUICK_START}
# The Spark of all tests runs thousands of plans once. With Java's own thresholds a sixth of its time went to compiling
# what was soon left, and a twelfth to clearing a heap that was too small.
TIER_4 = {"Invocation": 20_000, "MinInvocation": 2_400, "Compile": 60_000, "BackEdge": 160_000}
LONG_RUN = " ".join(["-Xmn2g", *(f"-XX:Tier4{name}Threshold={least}" for name, least in TIER_4.items())])


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
    """The one Spark of the run: small, quiet, UTC, and no adaptive plans, which the programs that are started have."""
    session = spark_session(
        Settings(spark_shuffle_partitions=1, spark_driver_memory="5g", spark_java_options=LONG_RUN),
        "tests",
        spark__databricks__delta__snapshotPartitions="1",
        spark__sql__adaptive__enabled="false",  # a job per shuffle, for rows that fit on a page
    )
    yield session
    session.stop()


@pytest.fixture(autouse=True)
def forget_tables(request: pytest.FixtureRequest) -> Iterator[None]:
    """Delta keeps what it read of each table for an hour, which is for one lake and not for hundreds of them."""
    yield
    if "spark" in request.fixturenames:
        session = request.getfixturevalue("spark")
        session._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()
        session.catalog.clearCache()  # what a test that breaks a batch off leaves in memory


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A port that nobody listens on just now."""
    return embedded.free_port


@pytest.fixture(scope="session")
def eventually() -> Eventually:
    """Wait until something is so, for what another process does in its own time."""

    def wait(is_so: Callable[[], bool], seconds: float = 90) -> None:
        deadline = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < deadline, f"not so within {seconds} s"
            time.sleep(0.1)

    return wait


@pytest.fixture(scope="session")
def contents() -> Contents:
    """A hash over the sorted rows of every table of a lake, in whatever files they are."""

    def hashes(settings: Settings) -> dict[str, str]:
        found = {}
        for table in TABLES:
            path = f"{settings.lake}/{table.path}"
            if deltalake.DeltaTable.is_deltatable(path):
                rows = deltalake.DeltaTable(path).to_pyarrow_table().to_pylist()
                found[table.name] = hashlib.sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()
        return found

    return hashes


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


@dataclass
class Receiver:
    """A real web server that takes webhooks: what came, and what it answers, by idempotency key."""

    server: ThreadingHTTPServer
    came: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    answer: Callable[[str], int] = lambda _key: 200

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def keys(self) -> list[str]:
        return [key for key, _body, _headers in self.came]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A web server of this test's own on a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            key = self.headers["Idempotency-Key"]
            found.came.append((key, body, dict(self.headers)))
            status = found.answer(key)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Location", f"http://127.0.0.1:{found.port}/elsewhere")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    found = Receiver(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()


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
