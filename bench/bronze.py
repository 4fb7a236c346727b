"""Kafka to Bronze, against a hand-written appender on the same topic.

    python -m bench.bronze --rows 1000000
    python -m bench.bronze --rows 10000000 --growth

A broker of its own; generated position events with unique ids of 20,000 made-up vessels on twelve partitions. Ours is
the Bronze AIS stream as ``maritime stream bronze --once`` runs it, ledger included. The peer (``bench/appender.py``)
lands the same columns in a Delta table of its own and keeps its offsets in the table's log. Both first land a small
warm-up, so that no JVM start is in the figures; then, in each round, both land the same new records, one after the
other. In the end both tables must hold the same: rows, distinct offsets, bytes and a hash of every cell, by partition.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import duckdb

from bench.appender import append_topic
from bench.batch import GROWTH, connect, timed
from bench.traffic import Traffic, publish
from bench.workplace import own_broker, topic_bytes
from consumers.bronze import BRONZE_FLOWS
from contracts.settings import Settings
from contracts.tables import BRONZE_AIS
from contracts.topics import AIS
from infra.console import Command, json_option, print_json, print_table, say
from lakehouse.ledger import entries
from lakehouse.runner import run_flows

VESSELS = 20_000
WARM_UP_ROWS = 200_000
TOLD = ("rows", "ours_per_s", "peer_per_s", "ratio", "ours_start_s", "json_bytes_per_event", "disk_bytes_per_event")
FLOW = next(flow for flow in BRONZE_FLOWS if flow.tables == (BRONZE_AIS,))


@click.command(cls=Command)
@click.option("--rows", default=1_000_000, show_default=True, help="Records a round; the largest with --growth.")
@click.option("--growth", is_flag=True, help="Also at a tenth and three tenths of the rows.")
@click.option("--repeats", default=2, show_default=True, help="Rounds; the best of each counts.")
@json_option
def main(rows: int, growth: bool, repeats: int, as_json: bool) -> None:
    """Measure at one size or three."""
    sizes = [round(rows * share) for share in (GROWTH if growth else (1.0,))]
    results = [measure(size, repeats) for size in sizes]
    if as_json:
        print_json({"data": "generated", "results": results})
        return
    print_table("Kafka to Bronze, generated data", TOLD, [[result[name] for name in TOLD] for result in results])


def measure(rows: int, repeats: int) -> dict[str, Any]:
    """Rounds of one size, each landed by both; the tables compared at the end.

    Raises:
        click.ClickException: The tables differ.
    """
    with own_broker() as settings:
        start_ms = time.time_ns() // 1_000_000
        traffic = Traffic(VESSELS, start_ms)
        peer = str(settings.home / "peer")
        ours_s, peer_s = [], []
        for number in range(repeats + 1):
            first = WARM_UP_ROWS + (number - 1) * rows if number else 0
            publish(settings, traffic, first, rows if number else WARM_UP_ROWS, start_ms)
            ours_s.append(timed(lambda: run_flows([FLOW], settings, once=True)))
            peer_s.append(timed(lambda: append_topic(settings, AIS, peer)))
            say(f"round {number}: ours {ours_s[-1]:.2f} s, peer {peer_s[-1]:.2f} s" + ("" if number else " (warm-up)"))
        events, value_bytes = compare(settings, peer, WARM_UP_ROWS + repeats * rows)
        return _figures(settings, rows, ours_s, peer_s) | {
            "json_bytes_per_event": value_bytes / events,
            "disk_bytes_per_event": topic_bytes(settings, AIS) / events,
        }


def compare(settings: Settings, peer: str, published: int) -> tuple[int, int]:
    """Rows and value bytes of the tables, which must be equal and complete."""
    database = connect()
    ours = by_partition(database, Path(settings.lake) / BRONZE_AIS.path)
    theirs = by_partition(database, Path(peer))
    if ours != theirs:
        raise click.ClickException(f"the tables differ:\n{ours}\n{theirs}")
    rows = sum(int(partition[1]) for partition in ours)
    if rows != published:
        raise click.ClickException(f"{published} records were published, {rows} landed")
    return rows, sum(int(partition[5]) for partition in ours)


def by_partition(database: duckdb.DuckDBPyConnection, path: Path) -> list[tuple[Any, ...]]:
    """Per partition: rows, distinct offsets, first and last, bytes, and a sum over the hash of every record."""
    record = "kafka_topic, kafka_offset, epoch_us(published_at), kafka_key, value, headers"
    return database.execute(
        f"""
        SELECT kafka_partition, count(*), count(DISTINCT kafka_offset), min(kafka_offset), max(kafka_offset),
            sum(octet_length(value)), sum(hash({record}))
        FROM delta_scan('{path}') GROUP BY ALL ORDER BY ALL
        """
    ).fetchall()


def _figures(settings: Settings, rows: int, ours_s: list[float], peer_s: list[float]) -> dict[str, Any]:
    """Rates of the best rounds after the warm-up. ``ours_start_s`` is what a round spends outside its batches."""
    best, peer_best = min(ours_s[1:]), min(peer_s[1:])
    ledger = entries(settings.lake, FLOW.name)
    batches_s = sum((entry["finished_at"] - entry["started_at"]).total_seconds() for entry in ledger[1:])
    return {
        "rows": rows,
        "ours_per_s": rows / best,
        "peer_per_s": rows / peer_best,
        "ratio": peer_best / best,
        "ours_start_s": (sum(ours_s[1:]) - batches_s) / len(ours_s[1:]),
        "ours_all_s": ours_s,
        "peer_all_s": peer_s,
        "batch_max_records": settings.batch_max_records,
        "compression": settings.kafka_compression,
    }


if __name__ == "__main__":
    main()
