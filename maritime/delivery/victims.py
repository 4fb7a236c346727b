"""The processes that are killed: started as an operator starts them, killed by SIGKILL, started again."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

from contracts.settings import Settings
from contracts.topics import AIS
from infra.broker import Broker
from maritime.delivery.schedule import ALL, BROKER, DRIVER, JVM, PRODUCER, STREAMS
from maritime.delivery.workplace import command

END_SECONDS = 60


class Victim(Protocol):
    """What can be killed and started again."""

    name: str

    def start(self, crash_at: str | None = None) -> None:
        """Start it; with ``crash_at`` so that it kills itself there."""
        ...

    def is_running(self) -> bool:
        """Whether it runs."""
        ...

    def kill(self, how: str) -> None:
        """Kill it in one of the ways of the schedule, and wait until it is gone."""
        ...

    def exit_code(self) -> int | None:
        """What the last start ended with, where it has ended; the negative of the signal that killed it."""
        ...


class Program:
    """A ``maritime`` command as a process; its output is kept in the home."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.log = settings.home / f"{name}.log"
        self._child: psutil.Popen | None = None

    def arguments(self) -> tuple[str, ...]:
        """What is typed after ``maritime``."""
        raise NotImplementedError

    def start(self, crash_at: str | None = None) -> None:
        """Start the command anew."""
        settings = self.settings.model_copy(update={"crash_at": crash_at})
        with self.log.open("ab") as log:
            self._child = psutil.Popen(
                command(settings, *self.arguments()),
                cwd=self.settings.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def is_running(self) -> bool:
        """Whether its Python process runs."""
        return self._child is not None and self._child.poll() is None

    def kill(self, how: str) -> None:
        """Kill all its processes at once, its Python process alone, or its children (the JVM) alone."""
        if self._child is None or not self.is_running():
            return
        children: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            children = self._child.children(recursive=True)
        doomed: dict[str, list[psutil.Process]] = {ALL: [*children, self._child], DRIVER: [self._child], JVM: children}
        _kill(doomed[how] or [self._child])
        _, left = psutil.wait_procs([*children, self._child], END_SECONDS)
        _kill(left)

    def stop(self) -> int | None:
        """End it in order; its exit code, null when it did not run."""
        if self._child is None or not self.is_running():
            return None
        self._child.terminate()
        try:
            return self._child.wait(END_SECONDS)
        except psutil.TimeoutExpired:
            self.kill(ALL)
            return -signal.SIGKILL

    def exit_code(self) -> int | None:
        """What its last start ended with."""
        return None if self._child is None else self._child.poll()


def _kill(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


class Producer(Program):
    """``maritime produce`` at the stream's own pace, with ``--resume`` where an earlier start kept a position."""

    def __init__(self, settings: Settings, stream: Path) -> None:
        super().__init__(PRODUCER, settings)
        self._stream = stream

    def arguments(self) -> tuple[str, ...]:
        """A first start, or one that goes on."""
        resume = ("--resume",) if self._position() else ()
        return ("produce", AIS.short, "--from", "events", str(self._stream), "--speed", "1x", *resume)

    def acknowledged(self) -> int:
        """Lines of the stream that the broker has acknowledged, by the producer's own record of it."""
        position = self._position()
        return int(json.loads(position.read_text())["line"]) if position else 0

    def _position(self) -> Path | None:
        return next(iter((self.settings.home / "positions").glob("*.json")), None)


class Streams(Program):
    """``maritime stream all``: the Spark driver; its executor is a child of the cluster's worker."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(STREAMS, settings)

    def arguments(self) -> tuple[str, ...]:
        """Until stopped."""
        return ("stream", "all", "--continuous")


class EmbeddedBroker:
    """The embedded broker, which no program of ours ends by itself."""

    name = BROKER

    def __init__(self, settings: Settings) -> None:
        self.broker = Broker(settings)

    def start(self, crash_at: str | None = None) -> None:  # noqa: ARG002  a broker has no named places
        """Start it, or find it running, and wait until it answers."""
        self.broker.start()

    def is_running(self) -> bool:
        """Whether its process is there."""
        return self.broker.status().running

    def kill(self, how: str) -> None:  # noqa: ARG002  it is one process
        """Kill its process."""
        pid = self.broker.status().pid
        if pid is not None:
            process = psutil.Process(pid)
            process.kill()
            process.wait(END_SECONDS)

    def exit_code(self) -> int | None:
        """Not known: the broker outlives the program that starts it."""
        return None
