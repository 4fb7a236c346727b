"""``maritime demo``: the whole line once, by the very commands that an operator types, then one summary."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from contracts.errors import MaritimeError
from contracts.settings import Settings, load_settings
from infra.console import Command, out, print_table
from maritime.summary import print_summary
from producers import samples
from producers.twin.config import TwinConfig


def steps(twin: Path, *, fresh_twin: bool) -> dict[str, list[list[str]]]:
    """What the demo types, by chapter."""
    produce_ais, produce_sensors = ["produce", "ais", "--from"], ["produce", "sensors", "--from"]
    return {
        "A real Kafka broker and its topics": [["broker", "start"], ["topics", "create"]],
        "A generated fleet with its ground truth": (
            [["twin", "generate", "--demo", "--out", str(twin)]] if fresh_twin else []
        ),
        "Real feeds and the fleet, published": [
            [*produce_ais, "noaa", str(samples.NOAA_CSV)],
            [*produce_ais, "nmea", str(samples.AMSA_NMEA), "--assume-start", "2012-01-27T00:00:00Z"],
            [*produce_sensors, "ndbc", *map(str, samples.NDBC_BUOYS)],
            [*produce_sensors, "nmea-sensors", str(samples.SHIP_SENSORS_NMEA), "--station", "ship-2014"],
            [*produce_ais, "twin", str(twin)],
            [*produce_sensors, "twin", str(twin)],
            ["produce", "voyages", "--from", "twin", str(twin)],
            ["produce", "alerts", "--from", "twin", str(twin)],
            ["register", "load", str(twin / "register.csv")],
        ],
        "Kafka to Bronze, Silver and Gold": [["stream", "all", "--once"]],
        "The voyage report and the emissions report": [["voyages"], ["emissions", "--compliance-check", "imo-2030"]],
        "A maintenance model, trained and used": [["train", "--truth", str(twin / "truth")], ["score"]],
    }


@click.command("demo", cls=Command)
def demo() -> None:
    """Run the whole line once on bundled real data and a generated fleet; safe to run again: nothing comes twice.

    It starts the embedded broker, publishes, streams until caught up, runs both reports, trains and scores, and
    prints what each layer holds. `maritime broker stop` ends what it leaves running.
    """
    settings = load_settings()
    seconds: dict[str, float] = {}
    twin = settings.home / "twin"
    for title, commands in steps(twin, fresh_twin=not _is_there(twin)).items():
        with _chapter(title, seconds):
            for arguments in commands:
                type_in(arguments)
    print_summary(settings)
    rows = [(title, round(taken, 1)) for title, taken in seconds.items()]
    print_table("Where the time went", ["step", "seconds"], [*rows, ("all", round(sum(seconds.values()), 1))])
    _tell_next(settings)


def _is_there(twin: Path) -> bool:
    """Whether the demo's fleet was generated before, by this very configuration."""
    summary = twin / "truth" / "summary.json"
    wanted = TwinConfig.demo().model_dump(mode="json")
    return summary.exists() and json.loads(summary.read_text())["config"] == wanted


@contextmanager
def _chapter(title: str, seconds: dict[str, float]) -> Iterator[None]:
    out.rule(f"[bold]{len(seconds) + 1}. {title}", align="left")
    began = time.monotonic()
    yield
    seconds[title] = time.monotonic() - began


def type_in(arguments: Sequence[str]) -> None:
    """Run a command of ours in this process, as if it were typed.

    Raises:
        MaritimeError: It ended with another code than 0.
    """
    from maritime.cli import main  # at run time: the front door also lists this command

    out.print(f"[dim]$ maritime {' '.join(arguments)}[/dim]", highlight=False, soft_wrap=True)
    code = main.main(list(arguments), standalone_mode=False)
    if code:
        raise MaritimeError(f"`maritime {' '.join(arguments)}` ended with {code}; its message is above.")


def _tell_next(settings: Settings) -> None:
    out.rule("[bold]What next", align="left")
    lines = {
        "look at the reports": f"in a browser: {settings.reports.absolute()}",
        "query Gold": 'maritime sql "SELECT * FROM gold.vessel_day ORDER BY distance_nm DESC LIMIT 10"',
        "see what runs": "maritime status",
        "leave it running live": "maritime up      (and: maritime down)",
        "learn": "docs/tutorial.md",
    }
    for what, how in lines.items():
        out.print(f"  {what:<22} {how}", highlight=False, soft_wrap=True)
    out.print("  The commands are in .venv/bin: `source .venv/bin/activate` puts them on your path.")
