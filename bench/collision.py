"""How soon the collision watch tells, among the world's traffic.

    python -m bench.collision --minutes 5
    python -m bench.collision --rate 200 --vessels 2000 --pairs 20 --minutes 0.2 --warm-up 5

Broker, watch (``maritime watch collisions``), publisher and a consumer of the alerts share the machine. Traffic is
generated (``bench.traffic``), and pairs of ships with a known truth meet in it (``bench.meetings``). The delay of an
alert runs from the event time of the report that decides, which is taken before that report is published, to the moment
at which a consumer of ``maritime.alerts`` has the alert: so it holds the ways into Kafka and out of it. Every pair that
should be told counts; one that is not told, or not within the wait, makes the run fail, and so does one that is told
and should not be. Alerts of traffic that meets by chance are counted, not judged.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import click
import numpy as np
import psutil
from confluent_kafka import Consumer, TopicPartition

from bench.meetings import FIRST_MMSI, SECOND_AFTER_S
from bench.workplace import command, own_broker
from contracts.settings import Settings
from contracts.topics import ALERTS
from infra.broker import Broker
from infra.console import Command, json_option, print_facts, print_json, say
from infra.kafka import consumer_config

AIM_P95_S = 1.0
READY_SECONDS = 120
WAIT_SECONDS = 30
LOG = "watch.log"
QUANTILES = {"p50": 50, "p95": 95, "p99": 99, "max": 100}


@click.command(cls=Command)
@click.option("--rate", default=6_000, show_default=True, help="Positions a second.")
@click.option("--vessels", default=60_000, show_default=True, help="Vessels of the traffic.")
@click.option("--pairs", default=600, show_default=True, help="Pairs that meet; every second one is to be told.")
@click.option("--minutes", default=5.0, show_default=True, help="Over which they are spread.")
@click.option("--warm-up", default=60.0, show_default=True, help="Seconds of traffic before the first pair.")
@json_option
def main(rate: int, vessels: int, pairs: int, minutes: float, warm_up: float, as_json: bool) -> None:
    """Measure the delay of alerts at one rate."""
    result = measure(rate, vessels, pairs, minutes * 60, warm_up)
    if as_json:
        print_json(result)
    else:
        tell(result)


def measure(rate: int, vessels: int, pairs: int, seconds: float, warm_up: float) -> dict[str, Any]:
    """One run with a broker of its own."""
    with own_broker() as settings, watching(settings) as watch:
        load = ("--rate", str(rate), "--vessels", str(vessels), "--pairs", str(pairs))
        spread = ("--seconds", str(seconds), "--warm-up", str(warm_up))
        publisher = subprocess.Popen(
            command(settings, "-m", "bench.meetings", *load, *spread), stdout=subprocess.PIPE, text=True
        )
        processes = {"watch": watch, "broker": psutil.Process(Broker(settings).status().pid)}
        arrivals = Arrivals(settings)
        try:
            used = _follow(publisher, processes, arrivals, warm_up)
            sent = json.loads(publisher.communicate()[0])
            arrivals.wait_for({int(mmsi) for mmsi in sent["deciding_ms"]})
        finally:
            arrivals.close()
            if publisher.poll() is None:
                publisher.kill()
        return verdict(sent, arrivals.first, rate, arrivals.by_chance) | used


def verdict(sent: dict[str, Any], first: dict[int, float], rate: int, by_chance: int) -> dict[str, Any]:
    """Delays of the pairs that were to be told, and whether all of them and nobody else was.

    Args:
        sent: What the publisher said, the truth in it.
        first: When the first alert of a pair came, epoch seconds, by the pair's first MMSI.
        rate: Positions a second that were aimed at.
        by_chance: Alerts of ships of the traffic.
    """
    due = {int(mmsi): at_ms / 1_000 for mmsi, at_ms in sent["deciding_ms"].items()}
    delays = np.array([first[mmsi] - at_s for mmsi, at_s in due.items() if mmsi in first])
    wrong = sorted(first.keys() - due.keys())
    figures = {name: float(np.percentile(delays, q)) for name, q in QUANTILES.items()} if len(delays) else {}
    seconds = sent["ended_at"] - sent["started_at"]
    is_sound = len(delays) == len(due) and not wrong
    return {
        "data": "generated",
        "rate": rate,
        "sent_per_s": sent["delivered"] / seconds,
        "most_behind_s": sent["most_behind_s"],
        "pairs_to_tell": len(due),
        "pairs_told": len(delays),
        "pairs_not_to_tell": len(sent["passing_ms"]),
        "pairs_told_wrongly": len(wrong),
        "alerts_by_chance": by_chance,
        "delay_s": figures,
        "is_held": is_sound and figures["p95"] <= AIM_P95_S,
    }


def tell(result: dict[str, Any]) -> None:
    """Print a run for people."""
    print_facts(
        {
            f"{result['rate']:,} positions/s": "held" if result["is_held"] else "NOT held",
            "sent a second": result["sent_per_s"],
            "publisher behind at most, s": result["most_behind_s"],
            "report to alert, s": ", ".join(f"{name} {value:.2f}" for name, value in result["delay_s"].items()),
            "pairs told of those to tell": f"{result['pairs_told']:,} of {result['pairs_to_tell']:,}",
            "told wrongly": f"{result['pairs_told_wrongly']:,} of {result['pairs_not_to_tell']:,}",
            "alerts of traffic by chance": result["alerts_by_chance"],
            "cores in use": ", ".join(f"{name} {value:.2f}" for name, value in result["cores_used"].items()),
            "memory of the watch, MB": result["watch_rss_mb"],
        }
    )


class Arrivals:
    """Reads ``maritime.alerts`` and notes when the first alert of each pair came."""

    def __init__(self, settings: Settings) -> None:
        self.first: dict[int, float] = {}
        self.by_chance = 0
        self._consumer = Consumer(consumer_config(settings, "maritime-bench"))
        self._consumer.assign([TopicPartition(ALERTS.name, number, 0) for number in range(ALERTS.partitions)])

    def look(self, seconds: float) -> None:
        """Note what comes within the time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = self._consumer.poll(left)
            if message is None or message.error():
                continue
            at, mmsi = time.time(), json.loads(cast("bytes", message.value()))["mmsi"]
            if mmsi >= FIRST_MMSI:
                self.first.setdefault(mmsi, at)
            else:
                self.by_chance += 1

    def wait_for(self, wanted: set[int]) -> None:
        """Look on until these have come, for some time at most."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not wanted <= self.first.keys() and time.monotonic() < deadline:
            self.look(0.5)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()


@contextmanager
def watching(settings: Settings) -> Iterator[psutil.Process]:
    """``maritime watch collisions``, ready; stopped in the end."""
    log = settings.home / LOG
    with log.open("wb") as output:
        arguments = command(settings, "-m", "maritime", "watch", "collisions")
        child = psutil.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + READY_SECONDS
        while "watching, " not in log.read_text():
            if child.poll() is not None or time.monotonic() > deadline:
                raise click.ClickException("the watch was not ready: " + " / ".join(log.read_text().splitlines()[-5:]))
            time.sleep(0.2)
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait(READY_SECONDS)


def _follow(
    publisher: subprocess.Popen[str], processes: dict[str, psutil.Process], arrivals: Arrivals, warm_up: float
) -> dict[str, Any]:
    """Note alerts until the publisher ends; gives the cores that were used after the warm-up, and peak memory."""
    arrivals.look(warm_up + SECOND_AFTER_S)
    began, before = time.monotonic(), {name: _cpu_s(process) for name, process in processes.items()}
    peak_rss = 0
    while publisher.poll() is None:
        arrivals.look(1.0)
        peak_rss = max(peak_rss, processes["watch"].memory_info().rss)
        say(f"{time.monotonic() - began:4.0f} s: {len(arrivals.first):,} pairs told, {arrivals.by_chance:,} by chance")
    if publisher.returncode:
        raise click.ClickException(f"the publisher ended with exit code {publisher.returncode}")
    seconds = time.monotonic() - began
    used = {name: (_cpu_s(process) - before[name]) / seconds for name, process in processes.items()}
    return {"cores_used": used, "watch_rss_mb": round(peak_rss / 1_000_000)}


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
