"""Make the class archives: a small line is run once, and at their ends both JVMs write down what they had loaded.

As a program (``python -m maritime.class_archives``) it is that line, in one process and so in one Spark.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from contracts.errors import UnavailableError
from contracts.settings import Settings, load_settings
from infra.broker import Broker
from infra.class_archive import QUICK_START, Program, place, written
from infra.console import say
from maritime.delivery.workplace import module, own_settings
from producers import samples

FEW = ("--limit", "300")
PROGRAMS: tuple[Program, ...] = ("kafka", "spark")
SECONDS = 600.0
LINE = (
    ("topics", "create"),
    ("produce", "ais", "--from", "noaa", str(samples.NOAA_CSV), *FEW),
    ("produce", "sensors", "--from", "ndbc", str(samples.NDBC_BUOYS[0]), *FEW),
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
        say("Preparing the classes of Kafka and Spark, once, so that they start faster; this takes a minute.")
        for path in places:
            path.unlink(missing_ok=True)
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


def main() -> None:
    """The line of this process' settings."""
    from maritime.cli import main as maritime

    load_settings()
    for arguments in LINE:
        maritime.main(list(arguments), standalone_mode=False)


if __name__ == "__main__":
    main()
