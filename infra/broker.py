"""The embedded broker: a real Kafka in KRaft mode as a child process, for machines without Docker.

It outlives the program that started it. A running broker is recognised by its command line, which names its
own configuration file, and never by a stored process id: so an id left by a crash can harm no other process.
"""

from __future__ import annotations

import base64
import random
import shlex
import shutil
import socket
import subprocess
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from contracts.errors import ConfigurationError, UnavailableError
from contracts.settings import Settings
from infra.class_archive import java_options
from infra.jars import kafka_jars
from infra.kafka import cluster_id
from infra.lock import single_writer
from infra.prerequisites import find_java
from infra.security.listeners import secured
from infra.security.material import is_secured, refuse_expired
from infra.security.rights import provision

LOOPBACK = ("127.0.0.1", "localhost")
START_SECONDS = 120
STOP_SECONDS = 30
LOG4J = Path(__file__).with_name("broker-log4j2.xml")


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    """What the embedded broker is doing. ``cluster_id`` is null before its first start."""

    running: bool
    pid: int | None
    port: int
    cluster_id: str | None
    started_at: datetime | None
    data_bytes: int
    log: Path


class Broker:
    """The embedded broker of one data folder."""

    def __init__(self, settings: Settings) -> None:
        """Take port and folder from the settings; nothing is started or written yet."""
        self.settings = settings
        self.home = settings.broker_home
        self.data = self.home / "data"
        self.config = self.home / "server.properties"
        self.log = self.home / "broker.log"

    def start(self) -> BrokerStatus:
        """Start it, or find it running, and wait until it answers.

        Raises:
            ConfigurationError: The port is taken or not on this machine, it already runs on another port or in
                another state of security, or its certificate has expired.
            UnavailableError: It ended, or did not answer in time.
        """
        self._port_from_settings()
        with single_writer(self.home, "broker"):
            process = self._process()
            if process is None:
                process = self._launch()
            elif self._written_port() != self._port_from_settings():
                raise ConfigurationError(
                    f"The broker of {self.home} already runs on port {self._written_port()}: stop it first, "
                    f"or set MARITIME_KAFKA_SERVERS=127.0.0.1:{self._written_port()}."
                )
            elif is_secured(self.settings) != (self._node_port() is not None):
                raise ConfigurationError(
                    "The broker runs as it was before its home was secured or opened: `maritime broker stop`, then "
                    "start it again."
                )
            self._wait_until_it_answers(process)
        return self.status()

    def stop(self) -> bool:
        """End it in an orderly way; False when it was not running.

        Raises:
            ConfigurationError: It belongs to another user.
        """
        process = self._process()
        if process is None:
            return False
        try:
            process.terminate()
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()  # its log is recovered at the next start, as after a power cut
            process.wait(STOP_SECONDS)
        except psutil.AccessDenied as error:
            message = f"The broker of {self.home} was started by another user, who alone may stop it."
            raise ConfigurationError(message) from error
        return True

    def reset(self) -> None:
        """Stop it and delete its records, so that the next start begins with a new cluster."""
        self.stop()
        if self.data.exists():
            shutil.rmtree(self.data)

    def status(self) -> BrokerStatus:
        """What is known without asking the broker itself."""
        process = self._process()
        return BrokerStatus(
            running=process is not None,
            pid=process.pid if process else None,
            port=self._written_port() if process else self._port_from_settings(),
            cluster_id=self._cluster_id(),
            started_at=datetime.fromtimestamp(process.create_time(), UTC) if process else None,
            data_bytes=_disk_bytes(self.data),
            log=self.log,
        )

    def _process(self) -> psutil.Process | None:
        for process in psutil.process_iter(["cmdline", "status"]):
            command = process.info["cmdline"] or []
            is_ours = "kafka.Kafka" in command and command[-1] == str(self.config)
            if is_ours and process.info["status"] != psutil.STATUS_ZOMBIE:
                return process
        return None

    def _launch(self) -> psutil.Process:
        port = self._port_from_settings()
        _refuse_taken_port(port)
        self.home.mkdir(parents=True, exist_ok=True)
        self.config.write_text(self._listeners(port) + _properties(port, self.data))
        if not (self.data / "meta.properties").exists():
            self._format()
        command = self._java("kafka.Kafka", str(self.config))
        with (self.home / "broker.out").open("ab") as output:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        return psutil.Process(child.pid)

    def _listeners(self, port: int) -> str:
        """Open on the loopback address, or behind TLS, logins and rights where the home is secured."""
        controller_port = free_port()
        if is_secured(self.settings):
            refuse_expired(self.settings, datetime.now(UTC))
            home = self.settings.security_home
            return secured(port, free_port(), controller_port, home) + _controller(controller_port)
        return _open(port, controller_port) + _controller(controller_port)

    def _format(self) -> None:
        """Give the data folder its identity; a format cut short is simply done again."""
        shutil.rmtree(self.data, ignore_errors=True)
        new_id = base64.urlsafe_b64encode(b"m" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        command = self._java("kafka.tools.StorageTool", "format", "-t", new_id, "-c", str(self.config))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise UnavailableError(f"The broker's data folder could not be made: {done.stderr.strip()}")

    def _java(self, main_class: str, *arguments: str) -> list[str]:
        class_path = ":".join(map(str, kafka_jars(self.settings)))
        heap = f"{self.settings.broker_heap_mb}m"
        return [
            str(find_java(self.settings.java_home)),
            f"-Xmx{heap}",
            "-XX:+ExitOnOutOfMemoryError",
            *java_options(self.settings, "kafka"),
            *shlex.split(self.settings.broker_java_options),
            f"-Dlog4j2.configurationFile={LOG4J}",
            f"-Dbroker.log={self.log}",
            "-cp",
            class_path,
            main_class,
            *arguments,
        ]

    def _wait_until_it_answers(self, process: psutil.Process) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not _is_alive(process):
                raise UnavailableError(f"The broker ended at once; {self.log} and broker.out beside it say why.")
            if _is_listening(self._port_from_settings()):
                node_port = self._node_port()
                if node_port is not None:
                    provision(self.settings, node_port)
                self._check_identity()
                return
            time.sleep(0.1)
        raise UnavailableError(f"The broker did not answer within {START_SECONDS} s; its log is {self.log}.")

    def _check_identity(self) -> None:
        found = cluster_id(self.settings)
        if found != self._cluster_id():
            raise ConfigurationError(
                f"{self.settings.kafka_servers} is another Kafka cluster ({found}): choose another port with "
                "MARITIME_KAFKA_SERVERS."
            )

    def _port_from_settings(self) -> int:
        first = self.settings.kafka_servers.split(",")[0].strip()
        host, _, port = first.rpartition(":")
        if host not in LOOPBACK or not port.isdecimal():
            raise ConfigurationError(
                f"MARITIME_KAFKA_SERVERS begins with {first}; the embedded broker serves this machine only, "
                "so it needs 127.0.0.1:PORT."
            )
        return int(port)

    def _written_port(self) -> int:
        return int(_read_properties(self.config)["maritime.port"])

    def _node_port(self) -> int | None:
        """Port on which a secured broker takes its own certificate; null where it is open."""
        port = _read_properties(self.config).get("maritime.node.port")
        return int(port) if port else None

    def _cluster_id(self) -> str | None:
        return _read_properties(self.data / "meta.properties").get("cluster.id")


def _controller(port: int) -> str:
    return f"controller.listener.names=CONTROLLER\ncontroller.quorum.voters=1@127.0.0.1:{port}\n"


def _open(port: int, controller_port: int) -> str:
    return f"""\
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
inter.broker.listener.name=PLAINTEXT
"""


def _properties(port: int, data: Path) -> str:
    """One small node, broker and controller. The last line is ours: Kafka ignores names it does not know."""
    return f"""\
process.roles=broker,controller
node.id=1
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
log.cleaner.dedupe.buffer.size=16777216
log.retention.check.interval.ms=5000
maritime.port={port}
"""


def _read_properties(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = [line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#")]
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, _, value in pairs}


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(
                f"Port {port} is taken by another program: stop that, or choose another port with "
                f"MARITIME_KAFKA_SERVERS=127.0.0.1:{port + 1}."
            ) from error


def free_port() -> int:
    """A port that nobody listens on just now, below those from which the system takes the ends of connections.

    Raises:
        UnavailableError: A hundred were tried, and all are taken.
    """
    for port in random.sample(range(15_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise UnavailableError("No port is free below 32000. Stop programs that listen there.")


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _disk_bytes(folder: Path) -> int:
    """Bytes on the disk; index files are made larger than they are filled."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except FileNotFoundError:  # the broker deletes segments while we look
            continue
    return total
