"""The faults: what is done to one broker, and how it is undone. Each says when it had no effect."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from bench.faults.cluster import Node, wait_until
from bench.faults.sandbox import do
from contracts.errors import UnavailableError

BOUNCES = 5
AWAY_SECONDS = 0.5
EFFECT_SECONDS = 15.0
WRITES = "write,pwrite64,writev,pwritev,fsync,fdatasync"
SLOW_US = 150_000
BLOCK_BYTES = 4096

Fault = Callable[[Node], AbstractContextManager[None]]


@contextmanager
def suspend(node: Node) -> Iterator[None]:
    """It stands still, its connections stay open, and it does not know of it."""
    node.send(signal.SIGSTOP)
    try:
        yield
    finally:
        node.send(signal.SIGCONT)


@contextmanager
def terminate(node: Node) -> Iterator[None]:
    """It ends in order and hands its partitions over."""
    node.stop(signal.SIGTERM)
    yield
    node.start()


@contextmanager
def kill(node: Node) -> Iterator[None]:
    """It is gone from one instant to the next."""
    node.stop(signal.SIGKILL)
    yield
    node.start()


@contextmanager
def isolate(node: Node) -> Iterator[None]:
    """Its cable is pulled: nobody reaches it, it reaches nobody, and no connection is closed."""
    do("ip", "link", "set", f"wire{node.number}", "down")
    try:
        _must_be(not node.answers(), node, "it was still reached")
        yield
    finally:
        do("ip", "link", "set", f"wire{node.number}", "up")


@contextmanager
def slow_io(node: Node) -> Iterator[None]:
    """Each write to its logs, and each flush of them, takes longer."""
    with _traced(node, f"delay_enter={SLOW_US}") as trace:
        yield
        _must_be(trace.stat().st_size > 0, node, "no write was slowed")


@contextmanager
def failing_io(node: Node) -> Iterator[None]:
    """Its disk takes no more writes (EIO). Kafka then ends by itself; later it is started again on a sound disk."""
    with _traced(node, "error=EIO"):
        wait_until(lambda: not node.is_running, f"broker {node.number} runs on a disk that fails", EFFECT_SECONDS)
        yield
    node.start()


@contextmanager
def full_disk(node: Node) -> Iterator[None]:
    """Its disk has no byte left. Kafka then ends by itself; it is started again when there is room."""
    filler = node.disk / "filler"
    _fill(filler)
    try:
        wait_until(lambda: not node.is_running, f"broker {node.number} runs on a full disk", EFFECT_SECONDS)
        yield
    finally:
        filler.unlink()
    node.start()


@contextmanager
def bounces(node: Node) -> Iterator[None]:
    """Down and up five times, ended in order and killed by turns."""
    for number in range(BOUNCES):
        node.stop(signal.SIGKILL if number % 2 else signal.SIGTERM)
        time.sleep(AWAY_SECONDS)
        node.start()
        wait_until(node.answers, f"broker {node.number} does not come back")
    yield


FAULTS: dict[str, Fault] = {
    "suspend": suspend,
    "terminate": terminate,
    "kill": kill,
    "isolate": isolate,
    "slow-io": slow_io,
    "failing-io": failing_io,
    "full-disk": full_disk,
    "bounces": bounces,
}


@contextmanager
def _traced(node: Node, what: str) -> Iterator[Path]:
    """Every write of the broker to one of its log files is tampered with; its connections are not."""
    trace = node.home / "strace.log"
    trace.unlink(missing_ok=True)
    files = [word for path in sorted(node.data.rglob("*.log")) for word in ("-P", str(path))]
    inject = ["-e", f"trace={WRITES}", "-e", f"inject={WRITES}:{what}"]
    command = ["strace", "-f", "-q", "-o", str(trace), *inject, *files, "-p", str(node.pid)]
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _is_traced(node), f"broker {node.number} cannot be traced", EFFECT_SECONDS)
        yield trace
    finally:
        tracer.terminate()
        tracer.wait()


def _is_traced(node: Node) -> bool:
    """Whether the tracer holds all its threads; a broker that its first failed write has ended counts too."""
    if not node.is_running:
        return True
    try:
        states = [path.read_text() for path in Path(f"/proc/{node.pid}/task").glob("*/status")]
    except (FileNotFoundError, ProcessLookupError):  # a thread ended while we looked
        return False
    return all("TracerPid:\t0\n" not in state for state in states)


def _fill(path: Path) -> None:
    """Write until there is no more room; the disk is small."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(BLOCK_BYTES))


def _must_be(is_so: bool, node: Node, otherwise: str) -> None:
    if not is_so:
        raise UnavailableError(f"The fault had no effect on broker {node.number}: {otherwise}.")
