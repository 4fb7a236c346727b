"""``maritime jars``: what the JVMs need, made ready before anything is started."""

from __future__ import annotations

from pathlib import Path

import click

from contracts.errors import MaritimeError
from contracts.settings import Settings, load_settings
from infra.console import Command, json_option, print_json, say
from infra.jars import kafka_jars, spark_jars
from maritime.class_archives import make


@click.command("jars", cls=Command)
@json_option
def jars(as_json: bool) -> None:
    """Fetch the jars of Spark and of the broker, check them against the lock, and prepare their classes.

    Prepared classes are mapped into memory at a start instead of being read and checked anew. It takes two to three
    minutes once, and each later start is shorter (docs/performance.md). Nothing needs it: without, starts are slower.
    """
    settings = load_settings()
    found = spark_jars(settings) + kafka_jars(settings)
    archives = _archives(settings)
    if as_json:
        print_json({"jars": found, "class_archives": archives})
    else:
        prepared = f"; their classes in {archives[0].parent}" if archives else ""
        say(f"{len(found)} jars in {found[0].parent}, as the lock says{prepared}.")


def _archives(settings: Settings) -> list[Path]:
    try:
        return make(settings)
    except MaritimeError as error:  # slower starts are no reason to stop what wants to be started
        say(f"{error} Starts are slower without; `maritime jars` tries again.")
        return []
