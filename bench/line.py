"""The whole line under a steady load: publish, Bronze, Silver, Gold, ledger.

    python -m bench.line --rate 6000 --minutes 10
    python -m bench.line --find-highest

Broker, streams (``maritime stream all --continuous``) and publisher are processes of their own, and share the machine.
The positions are generated: 60,000 made-up vessels, event time = publishing time, every event different. The load runs
for a warm-up (60 s by default, left out of the figures) and then for the minutes asked for; then the line is let drain,
and the identity is checked over everything, warm-up included.

Latency is measured per position: from Kafka's time stamp, which the producer sets when ``produce()`` is called, to the
moment at which the Delta commit that holds it got its name. Lag is what the broker holds less what Silver holds, looked
at each second.
"""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import click
import psutil

from bench.monitor import Monitor, Sample
from bench.streams import check_alive, running, stop
from bench.verdict import verdict
from bench.workplace import command, own_broker
from contracts.settings import Settings
from infra.broker import Broker
from infra.console import Command, json_option, print_facts, print_json, print_table, say
from lakehouse.ledger import entries

VESSELS = 60_000
COMPRESSIONS = ("snappy", "lz4", "zstd", "none")
RATES = (6_000, 10_000, 15_000, 20_000, 30_000)
DRAIN_SECONDS = 300
TOLD_EVERY = 10


@click.command(cls=Command)
@click.option("--rate", default=RATES[0], show_default=True, help="Positions a second.")
@click.option("--minutes", default=10.0, show_default=True, help="Measured load; 2 for each rate suit --find-highest.")
@click.option("--warm-up", default=60.0, show_default=True, help="Seconds of load before it, left out of the figures.")
@click.option("--find-highest", is_flag=True, help=f"Try {', '.join(f'{r:,}' for r in RATES)} until one is not held.")
@click.option("--compression", type=click.Choice(COMPRESSIONS), default="snappy", show_default=True)
@json_option
def main(rate: int, minutes: float, warm_up: float, find_highest: bool, compression: str, as_json: bool) -> None:
    """Measure at one rate, or find the highest rate that the line holds."""
    results: list[dict[str, Any]] = []
    for tried in RATES if find_highest else (rate,):
        results.append(measure(tried, minutes * 60, warm_up, compression))
        if not as_json:
            tell(results[-1])
        if not results[-1]["is_held"]:
            break
    held = [result["rate"] for result in results if result["is_held"]]
    summary = {"data": "generated", "highest_held": max(held, default=None), "results": results}
    if as_json:
        print_json(summary)
    elif find_highest:
        print_facts({"highest rate held": summary["highest_held"]})


def measure(rate: int, seconds: float, warm_up: float, compression: str) -> dict[str, Any]:
    """One run at one rate, with a broker and a lake of its own."""
    with own_broker(kafka_compression=compression) as settings, running(settings) as streams:
        load = ("--rate", str(rate), "--seconds", str(warm_up + seconds), "--vessels", str(VESSELS))
        pacer = subprocess.Popen(command(settings, "-m", "bench.pacer", *load), stdout=subprocess.PIPE, text=True)
        broker = psutil.Process(Broker(settings).status().pid)
        roles = {"streams": streams, "broker": broker, "publisher": psutil.Process(pacer.pid)}
        monitor = Monitor(settings, roles)
        try:
            _watch(monitor, streams, pacer, settings)
            sent = json.loads(pacer.communicate()[0])
            drained_s = _drain(monitor, streams, settings)
        finally:
            monitor.close()
            if pacer.poll() is None:
                pacer.kill()
        stop(streams)
        window = (sent["started_at"] + warm_up, sent["started_at"] + warm_up + seconds)
        figures = verdict(settings, rate, window, sent, monitor.samples, monitor.commits)
        return figures | {"measured_s": seconds, "warm_up_s": warm_up, "drained_s": drained_s}


def tell(result: dict[str, Any]) -> None:
    """Print a run for people."""
    identity = result["identity"]
    held = "held" if result["is_held"] else "NOT held"
    facts = {
        f"{result['rate']:,} positions/s": f"{held} for {result['measured_s']:.0f} s (generated data)",
        "sent a second": result["sent_per_s"],
        "publish to Silver, s": _list(result["latency_s"], "{:,.2f}"),
        "lag, records": _list(result["lag"], "{:,.0f}"),
        "peak memory, MB": _list(result["peak_rss_mb"], "{:,}"),
        "cores in use": _list(result["cores_used"], "{:.2f}"),
        "bytes an event on the broker": f"{result['disk_bytes_per_event']:.1f} ({result['compression']})",
        "drained after, s": result["drained_s"],
        "published": identity["published"],
        "in Bronze, Silver, Gold": " ".join(
            f"{n:,}" for n in (*list(identity["tables"].values())[:2], identity["counted_in_gold"])
        ),
        "every record accounted for": identity["holds"],
    }
    print_facts(facts)
    busy = [row for row in result["streams"] if row["batches"]]
    print_table("Batches", list(busy[0]) if busy else [], [list(row.values()) for row in busy])


def _list(figures: dict[str, float], form: str) -> str:
    """Numbers by name on one line."""
    return ", ".join(f"{name} {form.format(value)}" for name, value in figures.items() if not isinstance(value, bool))


def _watch(monitor: Monitor, streams: psutil.Process, pacer: subprocess.Popen[str], settings: Settings) -> None:
    """A sample each second until the publisher ends."""
    while pacer.poll() is None:
        check_alive(streams, settings)
        sample = monitor.look()
        if len(monitor.samples) % TOLD_EVERY == 0:
            _say(monitor.samples[0], sample)
        time.sleep(max(0.0, sample.at + 1 - time.time()))
    if pacer.returncode:
        raise click.ClickException(f"the publisher ended with exit code {pacer.returncode}")


def _drain(monitor: Monitor, streams: psutil.Process, settings: Settings) -> float | None:
    """Seconds until Silver and Gold held all; null where they did not in time."""
    began = time.monotonic()
    while time.monotonic() - began < DRAIN_SECONDS:
        check_alive(streams, settings)
        sample = monitor.look()
        in_gold = sum(entry["rows_accepted"] for entry in entries(settings.lake, "gold.vessels"))
        if sample.lag == 0 and in_gold == sample.in_silver:
            return time.monotonic() - began
        time.sleep(1)
    return None


def _say(first: Sample, sample: Sample) -> None:
    memory = sum(sample.rss_bytes.values()) // 1_000_000
    seconds = sample.at - first.at
    say(f"{seconds:4.0f} s: {sample.on_broker:,} published, {sample.lag:,} not yet in Silver, {memory:,} MB")


if __name__ == "__main__":
    main()
