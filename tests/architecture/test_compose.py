"""docker-compose.yml: lawful Compose, and the platform that the contracts describe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.settings import PREFIX, Settings
from infra.jars import locked
from maritime.cli import COMMANDS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services, with YAML's anchors resolved."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


def test_three_brokers_keep_three_copies(services: dict[str, Any]) -> None:
    brokers = {name: service["environment"] for name, service in services.items() if name.startswith("kafka")}

    assert {environment["KAFKA_NODE_ID"] for environment in brokers.values()} == {"1", "2", "3"}
    for environment in brokers.values():
        assert environment["KAFKA_DEFAULT_REPLICATION_FACTOR"] == "3"
        assert environment["KAFKA_MIN_INSYNC_REPLICAS"] == "2"
        assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert services["topics"]["environment"]["MARITIME_KAFKA_REPLICATION"] == "3"
    assert services["topics"]["command"] == ["topics", "create"]


def test_spark_mlflow_and_the_platform_are_there(services: dict[str, Any]) -> None:
    assert {"spark-master", "spark-worker", "mlflow", "platform"} <= set(services)


def test_every_setting_and_command_that_it_uses_exists(services: dict[str, Any]) -> None:
    names = {name for service in services.values() for name in service.get("environment", {})}
    used = {name.removeprefix(PREFIX).lower() for name in names if name.startswith(PREFIX)}
    commands = [
        service["command"][0] for service in services.values() if "entrypoint" not in service and "command" in service
    ]

    assert used <= set(Settings.model_fields)
    assert set(commands) <= set(COMMANDS)


def test_its_kafka_is_the_locked_one(services: dict[str, Any]) -> None:
    version = next(jar.version for jar in locked("kafka") if jar.artifact == "kafka_2.13")

    assert services["kafka1"]["image"] == f"apache/kafka:${{KAFKA_VERSION:-{version}}}"


def test_whatever_is_waited_for_is_a_service(services: dict[str, Any]) -> None:
    waited_for = {name for service in services.values() for name in service.get("depends_on", [])}

    assert waited_for <= set(services)


def test_nothing_is_served_beyond_this_machine(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_it_is_lawful_by_the_compose_specification() -> None:
    tool = Path(sys.executable).with_name("check-jsonschema")
    command = [str(tool), "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml")]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
