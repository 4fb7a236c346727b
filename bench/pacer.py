"""A steady load: generated positions at so many a second, through the producers' own publisher.

A child process of ``bench.line``; it prints one JSON object at its end. Event time is the time of publishing. The pace
is kept by the clock and not by the broker: what could not be sent in time is sent as soon as possible.
"""

from __future__ import annotations

import time
from typing import Any

import click

from bench.traffic import Traffic, publisher
from contracts.settings import Settings, load_settings
from infra.console import Command, print_json

TICK_S = 0.02


@click.command(cls=Command)
@click.option("--rate", type=int, required=True, help="Events a second.")
@click.option("--seconds", type=float, required=True)
@click.option("--vessels", type=int, required=True)
def main(rate: int, seconds: float, vessels: int) -> None:
    """Publish and account for it."""
    print_json(pace(load_settings(), rate, seconds, vessels))


def pace(settings: Settings, rate: int, seconds: float, vessels: int) -> dict[str, Any]:
    """Publish ``rate * seconds`` events.

    Returns:
        ``delivered`` (acknowledged events), ``started_at`` and ``ended_at`` (epoch seconds; the end before the last
        acknowledgements), ``most_behind_s``: how late an event was sent at most.
    """
    line = publisher(settings)
    traffic = Traffic(vessels, time.time_ns() // 1_000_000)
    total, sent, most_behind_s = round(rate * seconds), 0, 0.0
    started_at, began = time.time(), time.monotonic()
    while sent < total:
        elapsed_s = time.monotonic() - began
        most_behind_s = max(most_behind_s, elapsed_s - sent / rate)
        count = min(total, int(elapsed_s * rate)) - sent
        if count:
            count = min(count, vessels)  # a vessel reports once in an instant
            line.send(traffic.batch(sent, count, time.time_ns() // 1_000_000))
            sent += count
        time.sleep(TICK_S)
    ended_at = time.time()
    line.flush()
    return {
        "sent": sent,
        "delivered": line.delivered,
        "started_at": started_at,
        "ended_at": ended_at,
        "most_behind_s": most_behind_s,
    }


if __name__ == "__main__":
    main()
