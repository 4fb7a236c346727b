"""A program of ours left running in the background: started once, found again by its command line, ended in order."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

STOP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Child:
    """A ``maritime`` command that runs in the background.

    It is recognised by its working folder and its command line, never by a stored process id.
    """

    name: str
    arguments: tuple[str, ...]
    log: Path

    def start(self) -> int:
        """Start it, or find it running; return its process id."""
        running = self.find()
        if running:
            return running.pid
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            child = subprocess.Popen(
                self._command(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        return child.pid

    def stop(self) -> bool:
        """Ask it to end and wait for it; False when it was not running."""
        process = self.find()
        if process is None:
            return False
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()  # nothing is lost: an unfinished batch is replayed at the next start
            process.wait(STOP_SECONDS)
        return True

    def find(self) -> psutil.Process | None:
        """The running process, if there is one."""
        here = str(Path.cwd())
        for process in psutil.process_iter(["cmdline", "cwd", "status"]):
            is_same = process.info["cmdline"] == self._command() and process.info["cwd"] == here
            if is_same and process.info["status"] != psutil.STATUS_ZOMBIE:
                return process
        return None

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "maritime", *self.arguments]
