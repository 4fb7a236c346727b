"""The embedded broker: started, found, stopped, killed, started again; and never in another program's way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer

from contracts.errors import ConfigurationError
from contracts.settings import Settings
from contracts.topics import ALERTS
from infra import commands
from infra.broker import Broker
from infra.kafka import client_config, producer_config
from infra.topics import create_topics


@pytest.fixture
def here(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Settings]:
    """A folder and a port for a broker of this test's own."""
    settings = Settings(home=tmp_path, kafka_servers=f"127.0.0.1:{free_port()}", broker_heap_mb=256)
    yield settings
    Broker(settings).stop()


def _publish(settings: Settings, value: bytes) -> None:
    producer = Producer(producer_config(settings))
    producer.produce(ALERTS.name, value)
    assert producer.flush(30) == 0


def _read(settings: Settings, count: int) -> list[bytes | None]:
    consumer = Consumer(client_config(settings) | {"group.id": "test", "auto.offset.reset": "earliest"})
    consumer.subscribe([ALERTS.name])
    values: list[bytes | None] = []
    deadline = time.monotonic() + 30
    while len(values) < count and time.monotonic() < deadline:
        values += [message.value() for message in consumer.consume(count, timeout=1) if not message.error()]
    consumer.close()
    return values


def test_a_started_broker_is_found_again_and_outlives_the_program_that_started_it(here: Settings) -> None:
    script = f"""
from contracts.settings import Settings
from infra.broker import Broker
print(Broker(Settings.model_validate_json({here.model_dump_json()!r})).start().pid)"""
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    status = Broker(here).start()

    assert status.running
    assert status.pid == int(child.stdout)
    assert status.pid is not None
    assert os.getsid(status.pid) == status.pid  # Ctrl-C in the terminal does not reach it
    assert status.log.stat().st_size > 0


def test_a_killed_broker_starts_again_with_its_records(here: Settings) -> None:
    broker = Broker(here)
    before = broker.start()
    create_topics(here)
    _publish(here, b"before the crash")
    assert before.pid is not None

    psutil.Process(before.pid).send_signal(signal.SIGKILL)
    psutil.wait_procs([psutil.Process(before.pid)] if psutil.pid_exists(before.pid) else [], timeout=10)
    assert not broker.status().running
    after = broker.start()
    _publish(here, b"after the crash")

    assert after.pid != before.pid
    assert after.cluster_id == before.cluster_id
    assert sorted(value or b"" for value in _read(here, 2)) == [b"after the crash", b"before the crash"]


def test_reset_deletes_the_records_and_the_next_start_is_a_new_cluster(here: Settings) -> None:
    broker = Broker(here)
    before = broker.start()
    assert before.data_bytes > 0

    broker.reset()

    assert not broker.status().running
    assert broker.status().data_bytes == 0
    assert broker.start().cluster_id != before.cluster_id


def test_a_port_that_another_program_holds_is_a_clear_error(here: Settings) -> None:
    port = int(here.kafka_servers.rpartition(":")[2])
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()

        with pytest.raises(ConfigurationError, match=f"Port {port} is taken by another program"):
            Broker(here).start()

    assert not Broker(here).status().running


def test_a_running_broker_is_not_started_a_second_time_on_another_port(
    here: Settings, free_port: Callable[[], int]
) -> None:
    Broker(here).start()
    moved = here.model_copy(update={"kafka_servers": f"127.0.0.1:{free_port()}"})

    with pytest.raises(ConfigurationError, match="already runs on port"):
        Broker(moved).start()


def test_stop_ends_the_broker_of_its_own_folder_and_no_other_process(here: Settings, tmp_path: Path) -> None:
    look_alike = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "kafka.Kafka", "other"])
    try:
        assert not Broker(here).stop()

        assert look_alike.poll() is None
    finally:
        look_alike.kill()
        look_alike.wait()


def test_two_folders_have_two_brokers(here: Settings, tmp_path: Path, free_port: Callable[[], int]) -> None:
    other = Settings(home=tmp_path / "other", kafka_servers=f"127.0.0.1:{free_port()}", broker_heap_mb=256)
    Broker(here).start()
    try:
        Broker(other).start()

        Broker(here).stop()

        assert Broker(other).status().running
    finally:
        Broker(other).stop()


def test_the_broker_serves_this_machine_only(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="this machine only"):
        Broker(Settings(home=tmp_path, kafka_servers="kafka.example.org:9092")).start()


def test_the_commands_speak_json_and_reset_asks_first(here: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(here.home))
    monkeypatch.setenv("MARITIME_KAFKA_SERVERS", here.kafka_servers)
    run = CliRunner().invoke

    started = json.loads(run(commands.broker, ["start", "--json"]).stdout)
    refused = run(commands.broker, ["reset"], input="n\n")
    after_refusal = json.loads(run(commands.broker, ["status", "--json"]).stdout)
    stopped = json.loads(run(commands.broker, ["stop", "--json"]).stdout)

    assert started["running"]
    assert refused.exit_code == 1
    assert after_refusal["pid"] == started["pid"]
    assert not stopped["running"]
    assert stopped["data_bytes"] > 0
