"""Executors as processes of their own, in a small standalone Spark cluster: one is killed while its driver runs.

With a local master the executor is a part of the driver's JVM, and dies only with it.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pyspark

from contracts.errors import UnavailableError
from contracts.settings import Settings
from infra.prerequisites import find_java
from maritime.delivery.schedule import EXECUTOR

SPARK = Path(pyspark.__file__).parent
START_SECONDS = 60.0
END_SECONDS = 60
EXECUTOR_SECONDS = 300.0
WAIT_SECONDS = 0.1
EXECUTOR_CLASS = "org.apache.spark.executor.CoarseGrainedExecutorBackend"


class SparkCluster:
    """A master and a worker of this machine's cores; each takes a free port and says which in its log.

    Attributes:
        master: The address for ``settings.spark_master``; empty until started.
    """

    def __init__(self, settings: Settings) -> None:
        self.master = ""
        self._settings, self._home = settings, settings.home / "spark"
        self._programs: list[psutil.Popen] = []

    def start(self) -> None:
        """Start both, and wait until the worker is registered.

        Raises:
            UnavailableError: One did not come up.
        """
        self._home.mkdir(parents=True, exist_ok=True)
        log = self._run("master.Master", "--port", "0")
        self.master = _said(log, r"Starting Spark master at (spark://\S+)")
        worker = ("--cores", str(os.cpu_count() or 1), "--memory", "1g", "--work-dir", str(self._home / "work"))
        self._run("worker.Worker", "--port", "0", *worker, self.master)
        _said(log, r"Registering worker (\S+)")

    def executors(self) -> list[psutil.Process]:
        """The executors that run just now: the worker starts one for each driver, and another when it dies."""
        found: list[psutil.Process] = []
        for program in self._programs:
            with suppress(psutil.NoSuchProcess):
                found += [child for child in program.children(recursive=True) if _is_executor(child)]
        return found

    def stop(self) -> None:
        """Kill both and every executor."""
        for process in [*self.executors(), *reversed(self._programs)]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(self._programs, END_SECONDS)

    def _run(self, program: str, *arguments: str) -> Path:
        java = find_java(self._settings.java_home)
        log = self._home / f"{program.rpartition('.')[2].lower()}.log"
        own = [f"JAVA_HOME={java.resolve().parents[1]}", "SPARK_LOCAL_IP=127.0.0.1", "SPARK_DAEMON_MEMORY=256m"]
        place = ["--host", "127.0.0.1", "--webui-port", "0"]
        command = [
            "env",
            *own,
            str(SPARK / "bin" / "spark-class"),
            f"org.apache.spark.deploy.{program}",
            *place,
            *arguments,
        ]
        with log.open("ab") as output:
            started = psutil.Popen(
                command, cwd=self._home, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        self._programs.append(started)
        return log


class Executors:
    """Whatever executor there is at the moment; the worker starts the next one by itself."""

    name = EXECUTOR

    def __init__(self, cluster: SparkCluster) -> None:
        self._cluster = cluster

    def start(self, crash_at: str | None = None) -> None:
        """Nothing: the worker does."""

    def is_running(self) -> bool:
        """Always so, as the worker is: between two drivers there is none."""
        return True

    def kill(self, how: str) -> None:  # noqa: ARG002  it is one process
        """Kill the executors; where there is none just now, the next that comes.

        Raises:
            UnavailableError: None came, however often the streams were started.
        """
        deadline = time.monotonic() + EXECUTOR_SECONDS
        while not (doomed := self._cluster.executors()):
            if time.monotonic() > deadline:
                raise UnavailableError(f"No executor was there to be killed within {EXECUTOR_SECONDS:.0f} s.")
            time.sleep(WAIT_SECONDS)
        for process in doomed:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(doomed, END_SECONDS)

    def exit_code(self) -> int | None:
        """Not known: it is the worker's child."""
        return None


def _said(log: Path, words: str) -> str:
    """What a program's log says of itself, as soon as it does."""
    deadline = time.monotonic() + START_SECONDS
    while (found := re.search(words, log.read_text())) is None:
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"Spark's standalone cluster did not come up within {START_SECONDS:.0f} s: see {log}."
            )
        time.sleep(WAIT_SECONDS)
    return found[1]


def _is_executor(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return EXECUTOR_CLASS in process.cmdline()
    return False
