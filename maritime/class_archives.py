"""Make the class archives: a small line is run once, and at their ends both JVMs write down what they had loaded.

As a program (``python -m maritime.class_archives``) it is that line, in one process and so in one Spark.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import click

from contracts.errors import UnavailableError
from contracts.settings import Settings
from infra.broker import Broker
from infra.class_archive import QUICK_START, Program, place, written
from infra.console import Command, say
from maritime.delivery.workplace import module, own_settings
from maritime.demo import type_in
from producers import samples

TWIN = "twin"
PROGRAMS: tuple[Program, ...] = ("kafka", "spark")
SECONDS = 600.0
LINE = (
    ("topics", "create"),
    ("twin", "generate", "--ships", "2", "--days", "6", "--every", "30min", "--out", TWIN),
    ("produce", "ais", "--from", "noaa", str(samples.NOAA_CSV), "--limit", "300"),
    *(("produce", kind, "--from", "twin", TWIN) for kind in ("ais", "sensors", "voyages")),
    ("register", "load", f"{TWIN}/register.csv"),
    ("stream", "all", "--once"),
    ("voyages",),
    ("emissions", "--compliance-check", "imo-2030"),
)


def make(settings: Settings) -> list[Path]:
    """Make the archives that are not there yet; where they are.

    Raises:
        UnavailableError: The line did not run to its end, or this Java wrote no archive. Everything runs without.
    """
    places = [place(settings, program) for program in PROGRAMS]
    if not all(path.exists() for path in places):
        say("Preparing the classes of Kafka and Spark, once, for faster starts; this takes two to three minutes.")
        _run_the_line(settings)
    if not all(path.exists() for path in places):
        raise UnavailableError("The classes could not be prepared: this Java wrote no archive.")
    return places


def _run_the_line(settings: Settings) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="maritime-classes-") as home,
        written(settings, "kafka") as kafka_option,
        written(settings, "spark") as spark_option,
    ):
        options = {"broker_java_options": kafka_option, "spark_java_options": f"{QUICK_START} {spark_option}"}
        own = own_settings(settings, Path(home)).model_copy(update=options)
        broker = Broker(own)
        broker.start()
        try:
            _run(own)
        finally:
            broker.stop()


def _run(own: Settings) -> None:
    """Run it to its very end: its output closes when the last JVM has ended, and so has written its archive."""
    line = module(own, "maritime.class_archives")
    done = subprocess.run(line, cwd=own.home, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise UnavailableError(f"The classes could not be prepared: {done.stderr.strip()[-500:]}")


@click.command(cls=Command)
def main() -> None:
    """The line, with the settings of this process and in its folder."""
    for arguments in LINE:
        type_in(arguments)


if __name__ == "__main__":
    main()
