"""The secured broker: who may write and read, and each refusal as one sentence that says what to do."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import deltalake
import psutil
import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, Producer
from confluent_kafka.cimpl import NewTopic
from pydantic import SecretStr
from pyspark.sql import SparkSession

import infra.broker
from consumers.bronze import BRONZE_FLOWS, read_topic
from contracts.errors import AccessError
from contracts.settings import Settings
from contracts.topics import ALERTS, CONSUMER_GROUP, Topic
from infra.broker import Broker
from infra.kafka import admin, client_config, producer_config
from infra.security import material
from infra.security.certificates import new_authority, read_authority, signed
from infra.security.refusals import Watch
from infra.topics import create_topics
from lakehouse.runner import run_flows
from maritime.cli import main
from producers.feeds.base import Batch, event_headers
from producers.publisher import Publisher, Wire

PAYROLL = Topic("company.payroll", "payroll", partitions=1, retention_days=1)
EVENT = b'{"rule": "x"}\n'  # not lawful, so it goes to the dead letter topic: both topics' rights are asked


@pytest.fixture(scope="module")
def new_home(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Callable[[], Settings]:
    """Settings for a broker of one's own."""

    def make() -> Settings:
        home = tmp_path_factory.mktemp("secured") / "home"
        servers = f"127.0.0.1:{free_port()}"
        return Settings(home=home, kafka_servers=servers, broker_heap_mb=256, spark_shuffle_partitions=1)

    return make


@pytest.fixture(scope="module")
def secured(new_home: Callable[[], Settings]) -> Iterator[Settings]:
    """A secured broker with the topics of the contract and one that is nobody's business."""
    settings = new_home()
    assert run(settings, "security", "init").exit_code == 0
    assert run(settings, "broker", "start").exit_code == 0
    try:
        create_topics(settings)
        with admin(settings) as client:
            client.create_topics([NewTopic(PAYROLL.name, 1, 1)])[PAYROLL.name].result()
        yield settings
    finally:
        Broker(settings).stop()


def run(settings: Settings, *arguments: str, **more: str) -> Result:
    """Run `maritime` with these settings."""
    environment = {"MARITIME_HOME": str(settings.home), "MARITIME_KAFKA_SERVERS": settings.kafka_servers}
    environment |= {"MARITIME_BROKER_HEAP_MB": "256", **more}
    return CliRunner().invoke(main, arguments, env=environment)


def login_as(username: str, given: str) -> dict[str, str]:
    """A login as the environment holds it."""
    return {"MARITIME_KAFKA_USERNAME": username, "MARITIME_KAFKA_PASSWORD": given}


def user(settings: Settings, name: material.Role) -> Settings:
    """The settings of somebody who was given this user's login and nothing else."""
    login = material.stored_login(settings, name)
    return settings.model_copy(update={"kafka_username": login.username, "kafka_password": login.password})


def publish(settings: Settings, topic: Topic = ALERTS) -> int:
    """Publish one event as `maritime produce` does."""
    watch = Watch.of(settings, "producer")
    wire = Producer({**producer_config(settings), "error_cb": watch, "log_level": 0})
    publisher = Publisher(
        cast("Wire", wire), topic, format_name="events", source="test", away_seconds=30, notify=print, watch=watch
    )
    headers = event_headers("test", "alert")
    try:
        publisher.send(Batch(values=["{}"], keys=["1"], headers=[headers], times_ms=[1], lines=[1], last_line=1))
        publisher.flush()
        return publisher.delivered
    finally:
        publisher.give_up()


def read_or_refusal(settings: Settings, group: str) -> bytes | AccessError | None:
    """The first record that a consumer group gets, or why it gets none."""
    watch = Watch.of(settings, "consumer")
    consumer = Consumer(
        {**client_config(settings), "group.id": group, "auto.offset.reset": "earliest", "error_cb": watch}
    )
    consumer.subscribe([ALERTS.name])
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            error = message.error() if message else None
            refusal = watch.explain(error) if error else watch.refusal
            if refusal:
                return refusal
            if message and error is None:
                return message.value()
        raise AssertionError("neither a record nor a refusal within 30 s")
    finally:
        consumer.close()


def test_the_producer_writes_and_the_platforms_group_reads(secured: Settings) -> None:
    assert publish(user(secured, "producer")) == 1

    assert isinstance(read_or_refusal(user(secured, "consumer"), CONSUMER_GROUP), bytes)


def test_the_producer_may_not_write_to_another_topic(secured: Settings) -> None:
    with pytest.raises(AccessError, match=f"user producer may not write to {PAYROLL.name}"):
        publish(user(secured, "producer"), PAYROLL)


def test_a_consumer_may_not_write(secured: Settings) -> None:
    with pytest.raises(AccessError, match="user consumer may not write"):
        publish(user(secured, "consumer"))


def test_a_wrong_password_is_refused_in_seconds(secured: Settings) -> None:
    wrong = user(secured, "producer").model_copy(update={"kafka_password": SecretStr("not it")})
    began_at = time.monotonic()

    with pytest.raises(AccessError, match="does not know user producer with this password"):
        publish(wrong)

    assert time.monotonic() - began_at < 15


def test_a_broker_that_another_authority_signed_is_not_trusted(secured: Settings, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(new_authority("somebody else", datetime.now(UTC)).certificate_pem)

    with pytest.raises(AccessError, match="not signed by an authority that we trust"):
        publish(user(secured, "producer").model_copy(update={"kafka_ca_file": other}))


def test_plaintext_is_refused(secured: Settings, tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="wants a login over TLS"):
        publish(Settings(home=tmp_path, kafka_servers=secured.kafka_servers))


def test_a_login_at_an_open_broker_is_told(kafka: Settings) -> None:
    login = {"kafka_username": "producer", "kafka_password": SecretStr("any")}

    with pytest.raises(AccessError, match="does not speak TLS"):
        publish(kafka.model_copy(update=login))


def test_another_group_is_refused(secured: Settings) -> None:
    refusal = read_or_refusal(user(secured, "consumer"), "intruders")

    assert "user consumer may not read in this consumer group" in str(refusal)


def test_the_producer_may_not_read(secured: Settings) -> None:
    refusal = read_or_refusal(user(secured, "producer"), CONSUMER_GROUP)

    assert "user producer may not read in this consumer group" in str(refusal)


def test_an_expired_certificate_is_refused_by_the_broker_and_by_its_clients_until_it_is_renewed(
    new_home: Callable[[], Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = new_home()
    run(settings, "security", "init")
    home = settings.security_home
    authority = read_authority((home / "ca.pem").read_bytes(), (home / "ca.key").read_bytes())
    long_ago = datetime.now(UTC) - timedelta(days=30)
    (home / "server.pem").write_bytes(signed(authority, "maritime-broker", ("127.0.0.1",), long_ago, timedelta(days=1)))
    try:
        refused = run(settings, "broker", "start")
        assert (refused.exit_code, Broker(settings).status().running) == (2, False)
        assert "has expired" in refused.stderr

        with monkeypatch.context() as patch:  # one that expires while it runs
            patch.setattr(infra.broker, "refuse_expired", lambda *_: None)
            patch.setattr(Broker, "_check_identity", lambda _: None)
            Broker(settings).start()
        with pytest.raises(AccessError, match="its certificate has expired"):
            publish(settings)

        Broker(settings).stop()
        assert run(settings, "security", "renew").exit_code == 0
        Broker(settings).start()
        create_topics(settings)
        assert publish(settings) == 1
    finally:
        Broker(settings).stop()


@pytest.mark.parametrize(
    ("arguments", "login"),
    [
        (("topics", "check"), login_as("admin", "not-it")),
        (("produce", "alerts", "--from", "events"), login_as("producer", "not-it-either")),
    ],
)
def test_a_command_that_is_refused_says_one_sentence_and_ends_with_7(
    secured: Settings, tmp_path: Path, arguments: tuple[str, ...], login: dict[str, str]
) -> None:
    feed = tmp_path / "alerts.jsonl"
    feed.write_bytes(EVENT)
    paths = [str(feed)] if arguments[0] == "produce" else []

    done = run(secured, *arguments, *paths, **login)

    assert done.exit_code == 7, done.output
    assert len(done.stderr.strip().splitlines()) == 1
    assert f"does not know user {login['MARITIME_KAFKA_USERNAME']} with this password" in done.stderr
    assert login["MARITIME_KAFKA_PASSWORD"] not in done.output


def test_status_tells_a_refused_login_from_a_broker_that_is_away(secured: Settings) -> None:
    told = json.loads(run(secured, "status", "--json", **login_as("consumer", "not-it")).stdout)["broker"]

    assert "does not know user consumer with this password" in told


def test_a_producer_that_may_not_create_topics_publishes_to_those_that_are_there(
    secured: Settings, tmp_path: Path
) -> None:
    feed = tmp_path / "alerts.jsonl"
    feed.write_bytes(EVENT)
    login = material.stored_login(secured, "producer")

    known = login_as(login.username, login.password.get_secret_value())
    done = run(secured, "produce", "alerts", "--from", "events", str(feed), "--json", **known)

    assert (done.exit_code, json.loads(done.stdout)["rejected"]) == (0, 1)


def test_only_the_admin_creates_topics(secured: Settings) -> None:
    with (
        pytest.raises(AccessError, match="user producer may not create or change topics"),
        admin(user(secured, "producer")) as client,
    ):
        client.create_topics([NewTopic("company.more", 1, 1)])["company.more"].result()


def test_the_brokers_own_ports_are_open_to_nobody_without_its_certificate(secured: Settings) -> None:
    lines = (secured.broker_home / "server.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    listeners = dict(listener.split("://") for listener in properties["listeners"].split(","))
    anyone = ssl.create_default_context(cafile=str(secured.security_home / "ca.pem"))

    assert set(listeners) == {"CLIENTS", "NODE", "CONTROLLER"}
    for name in ("NODE", "CONTROLLER"):
        host, _, port = listeners[name].rpartition(":")
        assert host == "127.0.0.1"
        assert answer(host, int(port), None) in (b"", b"\x15")  # closed, or a TLS alert
        assert answer(host, int(port), anyone) == b""
    assert "ANONYMOUS" not in properties["super.users"]


def test_an_open_broker_is_secured_with_its_records_kept(new_home: Callable[[], Settings]) -> None:
    settings = new_home()
    try:
        Broker(settings).start()
        create_topics(settings)
        publish(settings)
        while_running = run(settings, "security", "init")
        assert (while_running.exit_code, "maritime broker stop" in while_running.stderr) == (2, True)

        Broker(settings).stop()
        run(settings, "security", "init")
        Broker(settings).start()

        assert read_or_refusal(settings, CONSUMER_GROUP) == b"{}"
        run(settings, "security", "password", "consumer")
        assert isinstance(read_or_refusal(settings, CONSUMER_GROUP), AccessError)
        Broker(settings).start()
        assert read_or_refusal(settings, "maritime-another") == b"{}"
    finally:
        Broker(settings).stop()


def test_bronze_reads_over_tls_and_tells_when_it_may_not(secured: Settings, spark: SparkSession) -> None:
    publish(secured)
    alerts = BRONZE_FLOWS[2]

    run_flows([alerts], secured, once=True)
    refused = user(secured, "producer").model_copy(update={"home": secured.home / "refused"})
    with pytest.raises(AccessError, match="may not read"):
        run_flows([alerts], refused.model_copy(update={"kafka_ca_file": secured.security_home / "ca.pem"}), once=True)

    assert deltalake.DeltaTable(f"{secured.lake}/bronze/alerts").to_pyarrow_table().num_rows >= 1


def test_no_password_is_in_logs_tables_output_or_what_spark_shows(
    secured: Settings, spark: SparkSession, tmp_path: Path
) -> None:
    feed = tmp_path / "alerts.jsonl"
    feed.write_bytes(EVENT)
    said = [
        run(secured, "produce", "alerts", "--from", "events", str(feed), "--json").output,
        run(secured, "status", "--json").output,
        run(secured, "topics", "check", "--json").output,
        run(secured, "security", "show").output,
        run(secured, "broker", "status", "--json").output,
        run(secured, "verify", "audit", "--json").output,
    ]
    run_flows([BRONZE_FLOWS[2]], secured, once=True)
    plan = spark_plan(read_topic(ALERTS)(spark, secured))
    pid = Broker(secured).status().pid
    said += [plan, str(spark.sparkContext.getConf().getAll()), str(psutil.Process(pid).cmdline())]

    secrets = [material.stored_login(secured, name).password.get_secret_value() for name in material.USERS]
    keys = [(secured.security_home / name).read_text().splitlines()[1] for name in ("ca.key", "node.pem", "server.pem")]
    everywhere = [*said, *tables(secured), *files(secured)]
    assert len(everywhere) > 20
    assert [secret for secret in secrets + keys if any(secret in text for text in everywhere)] == []


def answer(host: str, port: int, tls: ssl.SSLContext | None) -> bytes:
    """First byte of what a port answers to Kafka's first question, asked without a certificate."""
    try:
        with socket.create_connection((host, port), timeout=10) as connection:
            line = tls.wrap_socket(connection, server_hostname=host) if tls else connection
            line.sendall(b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\x00\x00")  # ApiVersions
            return line.recv(1)
    except (ssl.SSLError, ConnectionError):
        return b""


def spark_plan(rows: Any) -> str:
    return str(rows._jdf.queryExecution().toString())


def tables(settings: Settings) -> list[str]:
    """All rows of the lake, since Parquet's compression would hide a word from a search through the files."""
    logs = Path(settings.lake).rglob("_delta_log")
    return [str(deltalake.DeltaTable(str(log.parent)).to_pyarrow_table().to_pylist()) for log in logs]


def files(settings: Settings) -> list[str]:
    """Every file of the home but the logins themselves: logs, properties, checkpoints, Delta logs, audit log."""
    paths = [path for path in settings.home.rglob("*") if path.is_file()]
    return [path.read_bytes().decode("latin1") for path in paths if path.parent != settings.security_home]
