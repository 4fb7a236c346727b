"""Many small batches through the real line: do batch time, file count and log size stay flat?

    python -m bench.soak --batches 2000 --json

Broker and streams (``maritime stream all --continuous``) are processes of their own, as in ``bench.line``. A trickle of
generated positions is published until the Silver stream has written so many batches; each adds small files to Bronze,
Silver and the ledger. The streams care for their tables themselves; ``--upkeep-minutes 0`` shows what it is without.

Batch time is the ledger's: from the batch's start to its last commit, a wait for the care of a table included. The
first batches of a stream, in which the JVM compiles its code, are left out, lest they make the last look good.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import click
import numpy as np
import psutil

from bench.streams import check_alive, running, stop, told
from bench.traffic import Traffic, publisher
from bench.workplace import own_broker
from contracts.settings import Settings
from contracts.tables import BRONZE_AIS, GOLD_VESSEL_LATEST, OPS_LEDGER, SILVER_POSITIONS
from infra.console import Command, json_option, print_facts, print_json, print_table, say
from lakehouse.ledger import entries
from lakehouse.upkeep.health import look
from producers.publisher import Publisher

VESSELS = 1_000
TICK_S = 0.1
LOOK_S = 5
WARM_UP_BATCHES = 20
DRAIN_SECONDS = 300
STREAMS = ("bronze.ais", "silver.ais", "gold.vessels")
COUNTED = "silver.ais"
TABLES = (BRONZE_AIS, SILVER_POSITIONS, GOLD_VESSEL_LATEST, OPS_LEDGER)


@click.command(cls=Command)
@click.option("--batches", type=click.IntRange(min=2), default=2_000, show_default=True, help="Silver batches.")
@click.option("--ends", type=click.IntRange(min=1), default=100, show_default=True, help="Compared at each end.")
@click.option("--rate", type=click.IntRange(min=1, max=VESSELS), default=100, show_default=True, help="Positions/s.")
@click.option("--every", type=click.IntRange(min=1), default=100, show_default=True, help="Batches between two looks.")
@click.option("--upkeep-minutes", type=float, default=5.0, show_default=True, help="How often streams look; 0: never.")
@json_option
def main(batches: int, ends: int, rate: int, every: int, upkeep_minutes: float, as_json: bool) -> None:
    """Compare the last batches with the first ones, and follow file count and log size.

    On two cores Silver writes a batch each 3 seconds or so: 2,000 take some 100 minutes, let the machine be idle
    otherwise. `--batches 150 --ends 50 --every 25 --upkeep-minutes 0.5` shows in some 6 minutes that it runs.
    """
    with own_broker(upkeep_minutes=upkeep_minutes) as settings:
        result = soak(settings, batches, ends, rate, every)
    if as_json:
        print_json(result)
    else:
        tell(result)


@dataclass(slots=True)
class Trickle:
    """Positions published at a steady rate by the clock; what could not be sent in time is sent at the next tick."""

    settings: Settings
    rate: int
    sent: int = 0
    begun: float = field(default_factory=time.monotonic)
    line: Publisher = field(init=False)
    traffic: Traffic = field(init=False)

    def __post_init__(self) -> None:
        self.line = publisher(self.settings)
        self.traffic = Traffic(VESSELS, time.time_ns() // 1_000_000)

    def tick(self) -> None:
        """Send what is due, at most one position per vessel."""
        due = int((time.monotonic() - self.begun) * self.rate) - self.sent
        if due > 0:
            count = min(due, VESSELS)
            self.line.send(self.traffic.batch(self.sent, count, time.time_ns() // 1_000_000))
            self.sent += count
        time.sleep(TICK_S)

    def end(self) -> int:
        """Wait for the last acknowledgements; how many there are in all."""
        self.line.flush()
        return self.line.delivered


def soak(settings: Settings, batches: int, ends: int, rate: int, every: int) -> dict[str, Any]:
    """One run; its figures."""
    with running(settings) as streams:
        trickle, began = Trickle(settings, rate), time.monotonic()
        looks: list[dict[str, Any]] = []
        for done in _batches(settings, streams, trickle, batches):
            if done >= len(looks) * every:
                looks.append({"batches": done, "minutes": (time.monotonic() - began) / 60, "tables": _tables(settings)})
                _say(looks[-1], batches)
        delivered = trickle.end()
        drained_s = _drain(settings, streams, delivered)
        stop(streams)
    return {
        "data": "generated",
        "batches": batches,
        "rate": rate,
        "upkeep_minutes": settings.upkeep_minutes,
        "minutes": (time.monotonic() - began) / 60,
        "streams": [timing(settings, stream, ends) for stream in STREAMS],
        "tables": looks,
        "upkeep": [line.removeprefix("upkeep ") for line in told(settings) if line.startswith("upkeep ")],
        "published": delivered,
        "drained_s": drained_s,
        "lost": delivered - _read(settings),
    }


def timing(settings: Settings, stream: str, ends: int) -> dict[str, Any]:
    """Seconds of a stream's first and last batches, after the warm-up; of fewer where it had few."""
    done = [entry for entry in entries(settings.lake, stream) if entry["rows_read"]][WARM_UP_BATCHES:]
    seconds = [(entry["finished_at"] - entry["started_at"]).total_seconds() for entry in done]
    compared = min(ends, len(seconds) // 2)
    if not compared:
        return {"stream": stream, "batches": len(seconds), "compared": 0}
    first, last = seconds[:compared], seconds[-compared:]
    return {
        "stream": stream,
        "batches": len(seconds),
        "compared": compared,
        "first_median_s": statistics.median(first),
        "last_median_s": statistics.median(last),
        "last_to_first": statistics.median(last) / statistics.median(first),
        "first_p95_s": float(np.percentile(first, 95)),
        "last_p95_s": float(np.percentile(last, 95)),
        "longest_s": max(seconds),
    }


def tell(result: dict[str, Any]) -> None:
    """Print a run for people."""
    care = f"looked after each {result['upkeep_minutes']:g} minutes" if result["upkeep_minutes"] else "not looked after"
    shown = ("rate", "minutes", "published", "lost", "drained_s")
    print_facts({f"{result['batches']:,} batches, generated": care, **{name: result[name] for name in shown}})
    timed = [row for row in result["streams"] if row["compared"]]
    print_table("Seconds of a batch", list(timed[0]) if timed else [], [list(row.values()) for row in timed])
    rows = [
        (seen["batches"], name, *shape.values()) for seen in result["tables"] for name, shape in seen["tables"].items()
    ]
    print_table("Tables", ["after batches", "table", "files", "size MB", "log files", "log MB", "to replay"], rows)
    for line in result["upkeep"]:
        say(line)


def _batches(settings: Settings, streams: psutil.Process, trickle: Trickle, batches: int) -> Iterator[int]:
    """Publish until the stream has so many batches; how many there are, every few seconds."""
    looked_at, done = time.monotonic(), 0
    while done < batches:
        trickle.tick()
        if time.monotonic() - looked_at >= LOOK_S:
            check_alive(streams, settings)
            done = len(entries(settings.lake, COUNTED))
            yield done
            looked_at = time.monotonic()


def _drain(settings: Settings, streams: psutil.Process, delivered: int) -> float | None:
    """Seconds until Silver and Gold had read all; null where they did not in time."""
    began = time.monotonic()
    while time.monotonic() - began < DRAIN_SECONDS:
        check_alive(streams, settings)
        if _read(settings) == delivered and _read(settings, "gold.vessels") >= delivered:
            return time.monotonic() - began
        time.sleep(1)
    return None


def _read(settings: Settings, stream: str = COUNTED) -> int:
    return sum(entry["rows_read"] for entry in entries(settings.lake, stream))


def _tables(settings: Settings) -> dict[str, dict[str, float]]:
    """Files, size and log of each table as it is now."""
    found = {table.name: look(settings, table) for table in TABLES}
    return {
        name: {
            "files": health.shape.files,
            "size_mb": health.shape.size_bytes / 1e6,
            "log_files": health.log_files,
            "log_mb": health.log_bytes / 1e6,
            "commits_to_replay": health.commits_since_checkpoint,
        }
        for name, health in found.items()
    }


def _say(seen: dict[str, Any], batches: int) -> None:
    files = ", ".join(f"{name} {shape['files']:,}" for name, shape in seen["tables"].items())
    say(f"{seen['batches']:,} of {batches:,} batches after {seen['minutes']:.1f} minutes; files: {files}")


if __name__ == "__main__":
    main()
