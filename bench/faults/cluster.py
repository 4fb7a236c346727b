"""Three Kafka nodes, each broker and controller, each in a network namespace and on a small disk of its own."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from confluent_kafka.cimpl import NewTopic

from bench.faults.sandbox import HOST, NODES, address, remove_disk, small_disk
from contracts.errors import UnavailableError
from contracts.settings import Settings
from infra.broker import LOG4J
from infra.class_archive import QUICK_START, java_options
from infra.jars import kafka_jars
from infra.kafka import ANSWER_SECONDS, admin
from infra.prerequisites import find_java

CLUSTER_ID = "bWFyaXRpbWUtZmF1bHRzMQ"
DISK_MB = 96
START_SECONDS = 90.0
STOP_SECONDS = 30.0
CLIENT_PORT, CONTROLLER_PORT, PROXIED_PORT = 9092, 9093, 9094

FAILOVER = """\
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
replica.lag.time.max.ms=2000
replica.socket.timeout.ms=1500
controller.socket.timeout.ms=1000
controller.quorum.fetch.timeout.ms=800
controller.quorum.request.timeout.ms=800
controller.quorum.election.timeout.ms=400
controller.quorum.election.backoff.max.ms=400
"""
"""What brings a fault of one broker below five seconds; Kafka's own values bring it to nine and more."""


class Node:
    """One broker and controller."""

    def __init__(self, number: int, home: Path, java: Sequence[str]) -> None:
        self.number, self.home, self._java = number, home / f"node{number}", java
        self.disk = self.home / "disk"
        self.data = self.disk / "data"
        self.log = self.home / "broker.log"
        self._config = self.home / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        small_disk(self.disk, DISK_MB)
        self._config.write_text(_properties(number, self.data))

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def format(self) -> subprocess.Popen[bytes]:
        """Begin to give its disk the cluster's identity."""
        return self._run("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self._config))

    def start(self) -> None:
        """Start it where it does not run."""
        if not self.is_running:
            self._process = self._run("kafka.Kafka", str(self._config))

    def send(self, number: int) -> None:
        """Send its process a signal."""
        if self._process is not None:
            self._process.send_signal(number)

    def stop(self, how: int) -> None:
        """End it with a signal and wait until it is gone."""
        if self._process is None:
            return
        self.send(how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self._process.wait(STOP_SECONDS)

    def answers(self) -> bool:
        """Whether it takes connections."""
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((address(self.number), CLIENT_PORT)) == 0

    def leader_seen(self) -> tuple[int, int]:
        """Epoch and number of the active controller, by this node's own record; -1 where it knows none."""
        path = self.data / "__cluster_metadata-0" / "quorum-state"
        try:
            state = json.loads(path.read_text())
        except (FileNotFoundError, json.JSONDecodeError):  # being written just now
            return -1, -1
        return state["leaderEpoch"], state["leaderId"]

    def _run(self, main: str, *arguments: str) -> subprocess.Popen[bytes]:
        inside = ["nsenter", f"--net=/run/netns/node{self.number}"]
        options = [f"-Dlog4j2.configurationFile={LOG4J}", f"-Dbroker.log={self.log}"]
        java, *rest = self._java
        with (self.home / "broker.out").open("ab") as output:
            command = [*inside, java, *options, *rest, main, *arguments]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


class Cluster:
    """The three nodes; started when entered, killed when left."""

    def __init__(self, settings: Settings, home: Path) -> None:
        servers = ",".join(f"{address(n)}:{CLIENT_PORT}" for n in NODES)
        self.settings = settings.model_copy(update={"kafka_servers": servers, "kafka_replication": len(NODES)})
        self.nodes: Mapping[int, Node] = {n: Node(n, home, _java(settings)) for n in NODES}

    def __enter__(self) -> Cluster:
        try:
            if any(formatting.wait() for formatting in [node.format() for node in self.nodes.values()]):
                raise UnavailableError("A broker's disk could not be made; broker.out beside it says why.")
            self.mend()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes.values():
            node.stop(signal.SIGKILL)
            remove_disk(node.disk)

    def mend(self) -> None:
        """Start what does not run, and wait until all three are one cluster.

        Raises:
            UnavailableError: They did not come together.
        """
        for node in self.nodes.values():
            node.start()
        wait_until(lambda: all(node.answers() for node in self.nodes.values()), "a broker does not answer")
        wait_until(lambda: self._brokers_known() == len(NODES), "a broker does not join the others")

    def controller(self) -> int:
        """Number of the active controller.

        Raises:
            UnavailableError: There is none.
        """
        found: list[int] = []

        def is_known() -> bool:
            found[:] = [max(node.leader_seen() for node in self.nodes.values())[1]]
            return found[0] > 0

        wait_until(is_known, "there is no active controller")
        return found[0]

    def create(self, topic: str, replicas: Sequence[Sequence[int]]) -> None:
        """Make a topic with these replicas of each partition, the first of which leads."""
        with admin(self.settings) as client:
            config = {"min.insync.replicas": "2"}
            made = client.create_topics(
                [NewTopic(topic, len(replicas), replica_assignment=[list(of) for of in replicas], config=config)]
            )
            made[topic].result()
        self.wait_until_whole(topic)

    def delete(self, topic: str) -> None:
        """Delete a topic, so that its records leave the small disks."""
        with admin(self.settings) as client:
            client.delete_topics([topic])[topic].result()

    def wait_until_whole(self, topic: str) -> None:
        """Wait until every partition has a leader and all replicas are in sync.

        Raises:
            UnavailableError: They are not in time.
        """
        wait_until(lambda: self._is_whole(topic), f"replicas of {topic} are not in sync")

    def _is_whole(self, topic: str) -> bool:
        try:
            with admin(self.settings) as client:
                found = client.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic]
        except UnavailableError:
            return False
        parts = found.partitions.values()
        return bool(parts) and all(part.leader > 0 and len(part.isrs) == len(part.replicas) for part in parts)

    def _brokers_known(self) -> int:
        try:
            with admin(self.settings) as client:
                return len(client.list_topics(timeout=ANSWER_SECONDS).brokers)
        except UnavailableError:
            return 0


def wait_until(is_so: Callable[[], bool], otherwise: str, seconds: float = START_SECONDS) -> None:
    """Wait until something is so.

    Raises:
        UnavailableError: It is not so in time.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise UnavailableError(f"After {seconds:.0f} s {otherwise}.")
        time.sleep(0.1)


def _java(settings: Settings) -> list[str]:
    """A JVM that starts fast and stays small: three of them share the machine with the clients."""
    options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", *QUICK_START.split()]
    return [
        str(find_java(settings.java_home)),
        *options,
        *java_options(settings, "kafka"),
        "-cp",
        ":".join(map(str, kafka_jars(settings))),
    ]


def _properties(number: int, data: Path) -> str:
    voters = ",".join(f"{n}@{address(n)}:{CONTROLLER_PORT}" for n in NODES)
    own = address(number)
    return (
        FAILOVER
        + f"""\
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=DIRECT://{own}:{CLIENT_PORT},PROXIED://{own}:{PROXIED_PORT},CONTROLLER://{own}:{CONTROLLER_PORT}
advertised.listeners=DIRECT://{own}:{CLIENT_PORT},PROXIED://{HOST}:{proxy_port(number)}
listener.security.protocol.map=DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=DIRECT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
offsets.topic.num.partitions=3
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
log.segment.delete.delay.ms=1000
"""
    )


def proxy_port(number: int) -> int:
    """Where a broker is reached through its proxy."""
    return 19090 + number
