"""Where alerts go. A sink that returns has done its effect; else it says whether the alert or the sink is to blame."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from contracts.events import Alert


class SinkFailedError(Exception):
    """The effect was not seen to happen and may be tried again.

    ``is_outage`` says that the sink serves nobody just now, so that the failure tells nothing of this alert.
    """

    def __init__(self, text: str, *, is_outage: bool) -> None:
        super().__init__(text)
        self.is_outage = is_outage


class SinkRefusedError(Exception):
    """The sink works, and refuses this alert for what it is: trying again is of no use."""


class Sink(Protocol):
    """Something that takes alerts."""

    @property
    def name(self) -> str:
        """Kind of sink: what is done at one is not done at another."""
        ...

    def send(self, alert: Alert, raw: bytes) -> None:
        """Do the effect, durably.

        Args:
            alert: The alert as it was read.
            raw: Its bytes as they came, with fields that this version does not know.

        Raises:
            SinkFailedError: It may be tried again.
            SinkRefusedError: It is of no use to try again.
        """
        ...


class LogSink:
    """Appends each alert as one JSON line to a file, and is done when the disk has it."""

    name = "log"

    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, alert: Alert, raw: bytes) -> None:  # noqa: ARG002  the line is the alert as it came
        """Append the line; a line that a power failure cut short stays apart from the next one."""
        line = b" ".join(raw.split(b"\n")).strip() + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+", buffering=0) as file:
                file.write(line if _ends_whole(file.fileno()) else b"\n" + line)
                os.fsync(file.fileno())
        except OSError as error:
            raise SinkFailedError(f"{self.path}: {error.strerror}", is_outage=True) from error


def _ends_whole(number: int) -> bool:
    size = os.fstat(number).st_size
    return size == 0 or os.pread(number, 1, size - 1) == b"\n"
