"""``maritime stream``: the Bronze, Silver and Gold streams."""

from __future__ import annotations

import click

from consumers.bronze import BRONZE_FLOWS
from contracts.settings import load_settings
from infra.console import Command
from lakehouse.gold import GOLD_FLOWS
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS

ROOMS = {"bronze": BRONZE_FLOWS, "silver": SILVER_FLOWS, "gold": GOLD_FLOWS}


@click.command(cls=Command)
@click.argument("room", type=click.Choice([*ROOMS, "all"]))
@click.option(
    "--once/--continuous",
    default=True,
    help="--once (default): read what is there, room after room, and end. --continuous: run until Ctrl-C.",
)
def stream(room: str, once: bool) -> None:
    """Run the streams of a ROOM: Kafka to bronze, bronze to silver, silver to gold, or all of them.

    Each batch is told on stderr. A stream that is stopped or killed at any point goes on where it was, and
    writes nothing twice.
    """
    settings = load_settings()
    rooms = list(ROOMS.values()) if room == "all" else [ROOMS[room]]
    if once:
        for flows in rooms:
            run_flows(flows, settings, once=True)
    else:
        run_flows([flow for flows in rooms for flow in flows], settings, once=False)
