"""Producer against its ceiling: ``python -m bench.producer [--rows N] [--json]``.

The whole path (read, parse, validate, event id, JSON, ``produce()`` with headers and a report per message,
wait for all reports) for CSV and for NMEA. The ceiling in the same run: the same keys, headers and bytes,
prepared, through a bare ``produce()`` loop with a report per message. A broker of its own, same machine.

The real recordings are short. They are made longer by copies in which time moves on and, for CSV, the MMSI
changes; the size on the broker's disk is therefore that of the recordings' own variety.
"""

from __future__ import annotations

import argparse
import gzip
import json
import socket
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from confluent_kafka import Producer

from contracts.settings import Settings
from contracts.topics import AIS
from infra.broker import Broker
from infra.kafka import producer_config
from infra.topics import create_topics
from producers.feeds import FEEDS
from producers.feeds.base import Context
from producers.lines import Line, open_blocks
from producers.positions import Position
from producers.publisher import Publisher, Wire
from producers.run import Plan, Run
from producers.samples import AMSA_NMEA, NOAA_CSV

NOTHING = Line(lambda _: None, lambda: False)


def longer_csv(path: Path, rows: int) -> None:
    """Copies of the bundled NOAA slice: half an hour later and other MMSI each time."""
    header, *lines = gzip.decompress(NOAA_CSV.read_bytes()).decode().splitlines()
    with path.open("w") as out:
        out.write(header + "\n")
        for n in range(rows):
            copy, place = divmod(n, len(lines))
            mmsi, stamp, rest = lines[place].split(",", 2)
            later = datetime.fromisoformat(stamp) + timedelta(minutes=30 * copy)
            other = (int(mmsi) + 7_919 * copy) % 1_000_000_000
            out.write(f"{other},{later.isoformat()},{rest}\n")


def longer_nmea(path: Path, rows: int) -> None:
    """Copies of the bundled AMSA slice, each line with a receiver's stamp that moves on with every copy."""
    text = gzip.decompress(AMSA_NMEA.read_bytes()).decode("latin-1")
    lines = [line for line in text.splitlines() if "VDM," in line or "VDO," in line]
    with path.open("w", encoding="latin-1") as out:
        for n in range(rows):
            copy, place = divmod(n, len(lines))
            body, _, end = lines[place].partition("*")
            out.write(f"{body}*{end[:2]},{1_400_000_000 + copy * 600}\n")


def whole_path(settings: Settings, format_name: str, path: Path) -> dict[str, Any]:
    """Publish a file by the producer's own code."""
    start = Position(format_name, AIS.name, (str(path),))
    plan = Plan(FEEDS[format_name], format_name, AIS, start, source=FEEDS[format_name].source)
    publisher = Publisher(
        cast("Wire", Producer(producer_config(settings))),
        AIS,
        format_name=format_name,
        source=plan.source,
        away_seconds=settings.broker_away_seconds,
        notify=print,
    )
    run = Run(plan, publisher, path.with_suffix(".json"), stopped=lambda: False, notify=print, tick=lambda _: None)
    outcome = run()
    assert outcome.identity_holds
    return {
        "records": outcome.read,
        "events": outcome.delivered,
        "per_second": outcome.read / outcome.seconds,
    }


def ceiling(settings: Settings, format_name: str, path: Path) -> float:
    """Messages a second of bare ``produce()`` with the bytes that the whole path made."""
    values: list[str] = []
    keys: list[str] = []
    headers: list[Any] = []
    for batch in FEEDS[format_name].read(open_blocks(str(path), NOTHING), Context(AIS, format_name)):
        values += batch.values
        keys += batch.keys
        headers += batch.headers
    acknowledged = 0

    def report(error: object, _message: object) -> None:
        nonlocal acknowledged
        acknowledged += error is None

    producer = Producer(producer_config(settings))
    began_at = time.perf_counter()
    for i, value in enumerate(values):
        while True:
            try:
                producer.produce(AIS.name, value=value, key=keys[i], headers=headers[i], on_delivery=report)
                break
            except BufferError:
                producer.poll(0.1)
        if i % 2_000 == 0:
            producer.poll(0)
    producer.flush()
    seconds = time.perf_counter() - began_at
    assert acknowledged == len(values)
    return len(values) / seconds


def log_bytes(settings: Settings) -> int:
    """Bytes of the topic's segments on the broker's disk."""
    segments = settings.broker_home.rglob(f"{AIS.name}-*/*.log")
    return sum(segment.stat().st_size for segment in segments)


def measure(rows: int, rounds: int) -> dict[str, Any]:
    """Both formats against their ceilings, in turns: a busy machine is busy for both. The best run counts."""
    with socket.socket() as probe, tempfile.TemporaryDirectory() as folder:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        settings = Settings(home=Path(folder), kafka_servers=f"127.0.0.1:{port}")
        broker = Broker(settings)
        broker.start()
        try:
            create_topics(settings)
            results = {
                "noaa": _compare(settings, "noaa", Path(folder) / "long.csv", rows, rounds),
                "nmea": _compare(settings, "nmea", Path(folder) / "long.nmea", max(1, rows // 5), rounds),
            }
        finally:
            broker.stop()
    return results


def _compare(settings: Settings, format_name: str, path: Path, rows: int, rounds: int) -> dict[str, Any]:
    (longer_csv if format_name == "noaa" else longer_nmea)(path, rows)
    before = log_bytes(settings)
    runs = [whole_path(settings, format_name, path)]
    time.sleep(1)  # the last segment's size is known to the file system at once, to the page cache a bit later
    stored = (log_bytes(settings) - before) / runs[0]["events"]
    tops = [ceiling(settings, format_name, path)]
    for _ in range(rounds - 1):
        runs.append(whole_path(settings, format_name, path))
        tops.append(ceiling(settings, format_name, path))
    best = max(run["per_second"] for run in runs)
    return {
        "records": runs[0]["records"],
        "per_second": round(best),
        "ceiling_per_second": round(max(tops)),
        "ratio": round(best / max(tops), 3),
        "bytes_per_event_on_disk": round(stored, 1),
        "compression": settings.kafka_compression,
        "all_runs_per_second": [round(run["per_second"]) for run in runs],
        "all_ceilings_per_second": [round(top) for top in tops],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000, help="CSV rows; NMEA takes a fifth of it")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each; the best counts")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    results = measure(arguments.rows, arguments.rounds)
    if arguments.json:
        print(json.dumps(results))
        return
    print("Real recordings made longer by copies with other times and MMSI.")
    for name, result in results.items():
        print(
            f"{name}: {result['per_second']:,}/s of a ceiling of {result['ceiling_per_second']:,}/s "
            f"= {result['ratio']:.2f}; {result['bytes_per_event_on_disk']} bytes an event on disk "
            f"({result['compression']}); runs {result['all_runs_per_second']}, "
            f"ceilings {result['all_ceilings_per_second']}"
        )


if __name__ == "__main__":
    main()
