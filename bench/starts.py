"""What a short Spark command takes from typing to its end, with the classes prepared by ``maritime jars`` and without.

    python -m bench.starts --times 3

The command is ``maritime register load`` of one ship into a lake that is not there yet: nearly all of it is the start.
The variants take turns, and the least of each one's times counts, for what disturbs only adds.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import click

from contracts.settings import Settings, load_settings
from infra.class_archive import QUICK_START
from infra.console import Command, json_option, print_json, print_table, say
from maritime.class_archives import make
from maritime.delivery.workplace import command

REGISTER = "imo_number,source\n9074729,generated\n"
SECONDS = 300


@click.command(cls=Command)
@click.option("--times", type=click.IntRange(min=1), default=3, show_default=True, help="Runs of each variant.")
@json_option
def main(times: int, as_json: bool) -> None:
    """Time a short Spark command with prepared classes and without, with Java's second compiler and without."""
    settings = load_settings()
    make(settings)
    seconds: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="maritime-starts-") as folder:
        variants = _variants(settings, Path(folder))
        for number in range(times):
            for name, chosen in variants.items():
                seconds[name].append(_time(chosen, Path(folder) / f"{number} {name}"))
                say(f"{name}: {seconds[name][-1]:.1f} s")
    least = {name: round(min(of), 1) for name, of in seconds.items()}
    if as_json:
        print_json({"seconds": seconds, "least_s": least})
    else:
        print_table("maritime register load", ["variant", "least of all, s"], list(least.items()))


def _variants(settings: Settings, folder: Path) -> dict[str, Settings]:
    bare = folder / "cache"
    bare.mkdir()
    (bare / "jars").symlink_to(settings.cache.expanduser().absolute() / "jars")
    ways: dict[str, dict[str, object]] = {
        "nothing prepared": {"cache": bare},
        "classes prepared": {},
        "nothing prepared, first compiler only": {"cache": bare, "spark_java_options": QUICK_START},
        "classes prepared, first compiler only": {"spark_java_options": QUICK_START},
    }
    return {name: settings.model_copy(update=way) for name, way in ways.items()}


def _time(settings: Settings, home: Path) -> float:
    home.mkdir()
    (home / "ships.csv").write_text(REGISTER)
    typed = command(settings.model_copy(update={"home": home}), "register", "load", "ships.csv", "--json")
    began = time.monotonic()
    done = subprocess.run(typed, cwd=home, capture_output=True, text=True, timeout=SECONDS, check=True)
    json.loads(done.stdout)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
