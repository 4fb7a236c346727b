"""``maritime upkeep``: care for all tables that want it, once or again and again."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from functools import cache, partial

import click

from contracts.errors import InputError, LockedError, MaritimeError
from contracts.settings import Settings, load_settings
from infra.console import Command, json_option, print_json, say
from lakehouse.session import spark_session
from lakehouse.store import Store
from lakehouse.upkeep.care import FAILURES, Deed, care, reason
from lakehouse.upkeep.health import tables_there
from maritime.writers import alone

UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@click.command(cls=Command)
@click.option("--every", metavar="TIME", help="Go on for ever, with this pause: 30m, 1h, 1d.")
@click.option("--once", is_flag=True, help="Once (default).")
@json_option
def upkeep(every: str | None, once: bool, as_json: bool) -> None:
    """Merge small files, write checkpoints and delete what no reader needs any more, of every table that wants it.

    A table whose stream runs is left to that stream, which does the same by itself.
    """
    if once or not every:
        _once(load_settings(), as_json=as_json)
        return
    pause_s = seconds(every)
    command = [sys.executable, "-m", "maritime", "upkeep", "--once", *(["--json"] if as_json else [])]
    while True:  # in a process of its own, so that Spark's memory is free in between
        subprocess.run(command, check=False)
        time.sleep(pause_s)


def seconds(text: str) -> int:
    """A time like 90s, 30m, 1h or 1d in seconds.

    Raises:
        InputError: It is not written so.
    """
    found = re.fullmatch(r"([1-9]\d*)([smhd])", text)
    if not found:
        raise InputError(f"--every {text}: write a time like 30m, 1h or 1d.")
    return int(found[1]) * UNITS_S[found[2]]


def _once(settings: Settings, *, as_json: bool) -> None:
    """One look at every table.

    Raises:
        MaritimeError: Some could not be cared for, with the sentence of each; the others were.
    """
    done: list[Deed] = []
    left: list[str] = []
    failed: list[str] = []
    for table in tables_there(settings):
        try:
            done += care(table, settings, partial(_store, settings), partial(alone, table, settings), datetime.now(UTC))
        except LockedError as error:
            left.append(str(error))
        except FAILURES as error:
            failed.append(f"{table.name}: not done ({reason(error)})")
    if as_json:
        told = [{"table": deed.table, "text": deed.text} for deed in done]
        print_json({"done": told, "left": left, "failed": failed})
    else:
        for text in (*(f"{deed.table}: {deed.text}" for deed in done), *left):
            say(text)
        if not (done or failed):
            say("Every table that could be cared for is well.")
    if failed:
        raise MaritimeError("\n".join(failed))


@cache
def _store(settings: Settings) -> Store:
    return Store(spark_session(settings, "maritime-upkeep"), settings.lake)
