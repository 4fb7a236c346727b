"""All streams of the platform as a child process of a benchmark."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
import psutil
from deltalake import DeltaTable

from bench.workplace import command
from contracts.settings import Settings
from contracts.tables import GOLD_VESSEL_LATEST

START_SECONDS = 300
STOP_SECONDS = 120
LOG = "streams.log"


@contextmanager
def running(settings: Settings) -> Iterator[psutil.Process]:
    """``maritime stream all --continuous``, ready: every table made and every query started; stopped in the end."""
    with (settings.home / LOG).open("wb") as output:
        arguments = command(settings, "-m", "maritime", "stream", "all", "--continuous")
        child = psutil.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not DeltaTable.is_deltatable(f"{settings.lake}/{GOLD_VESSEL_LATEST.path}"):
            check_alive(child, settings)
            if time.monotonic() > deadline:
                raise click.ClickException(f"the streams were not ready within {START_SECONDS} s")
            time.sleep(0.5)
        yield child
    finally:
        if child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            stop(child)


def check_alive(streams: psutil.Process, settings: Settings) -> None:
    """See that they still run.

    Raises:
        click.ClickException: They have ended; with the last lines of their log.
    """
    if not streams.is_running() or streams.status() == psutil.STATUS_ZOMBIE:
        raise click.ClickException("the streams ended: " + " / ".join(told(settings)[-5:]))


def stop(child: psutil.Process) -> None:
    """Ask the streams to end after the batches under way."""
    child.terminate()
    try:
        child.wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        child.kill()
        child.wait(STOP_SECONDS)


def told(settings: Settings) -> list[str]:
    """The lines that the streams have written so far."""
    return (settings.home / LOG).read_text().splitlines()
