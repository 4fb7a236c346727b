"""Bad bytes in great number: ``python -m bench.fuzz [--cases 50000] [--seed 1]``.

Lawful events of the four topics are spoilt in seeded ways (bytes flipped, cut out, put in; fields dropped, renamed,
of another type, out of every range; NaN, numbers past 64 bits, nesting; or no event at all), landed in Bronze as one
batch per topic, and cleaned by the Silver streams. Every record must end in exactly one place, and no batch may fail.
Prints the outcome of each topic and the records by rule; ends with 1 when one is missing or is there twice.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from pyspark.sql import DataFrame, SparkSession

from contracts import tables as t
from contracts.events import EVENTS
from contracts.settings import Settings
from contracts.tables import BRONZE
from contracts.topics import TOPICS, Topic
from infra.console import Command, json_option, out, print_facts, print_json, print_table
from lakehouse import ledger
from lakehouse.runner import run_flows
from lakehouse.schema import spark_schema
from lakehouse.session import spark_session
from lakehouse.silver import CLEANINGS, SILVER_FLOWS, Cleaning
from lakehouse.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
START_MS = 1_700_000_000_000
ODD_VALUES: tuple[Any, ...] = (
    None, "", "x", "366053209", "\u0000", "\ud7ff", -1, 0, 91, 181, 511, 102.3, 2**31, 2**53 + 1, 2**63 - 1, 2**63,
    -(2**63), 10**40, 1e308, -1e308, 5e-324, float("nan"), float("inf"), True, [], {}, [1], {"a": 1}, "x" * 5_000,
)  # fmt: skip


def lawful(random_of: random.Random, topic: Topic, number: int) -> dict[str, Any]:
    """An event that breaks no rule."""
    kind = random_of.choice(list(EVENTS[topic]))
    event = {
        "event_type": kind,
        "event_id": f"{kind}-{number}",
        "schema_version": 1,
        "source": "fuzz",
        "mmsi": 366_000_000 + random_of.randrange(2_000),
        "observed_at_ms": START_MS + number * 500,
    }
    wanted = EVENTS[topic][kind].model_fields
    more = {
        "lat_deg": random_of.uniform(-80, 80), "lon_deg": random_of.uniform(-179, 179), "sog_kn": 12.5,
        "vessel_name": f"SHIP {number % 50}", "rule": "overspeed", "severity": "info", "message": "m",
        "voyage_id": f"V{number % 500}", "distance_nm": 120.0,
    }  # fmt: skip
    return event | {name: value for name, value in more.items() if name in wanted}


def _field_dropped(random_of: random.Random, event: dict[str, Any]) -> bytes:
    event.pop(random_of.choice(list(event)))
    return json.dumps(event).encode()


def _field_renamed(random_of: random.Random, event: dict[str, Any]) -> bytes:
    name = random_of.choice(list(event))
    event[name.upper()] = event.pop(name)
    return json.dumps(event).encode()


def _field_odd(random_of: random.Random, event: dict[str, Any]) -> bytes:
    for _ in range(random_of.randint(1, 3)):
        event[random_of.choice(list(event))] = random_of.choice(ODD_VALUES)
    return json.dumps(event, ensure_ascii=random_of.random() < 0.5).encode("utf-8", "surrogatepass")


def _bytes_flipped(random_of: random.Random, event: dict[str, Any]) -> bytes:
    value = bytearray(json.dumps(event).encode())
    for _ in range(random_of.randint(1, 4)):
        value[random_of.randrange(len(value))] = random_of.randrange(256)
    return bytes(value)


def _bytes_cut(random_of: random.Random, event: dict[str, Any]) -> bytes:
    value = json.dumps(event).encode()
    start = random_of.randrange(len(value))
    return value[:start] + value[start + random_of.randint(1, 20) :]


def _bytes_put_in(random_of: random.Random, event: dict[str, Any]) -> bytes:
    value = json.dumps(event).encode()
    start = random_of.randrange(len(value) + 1)
    return value[:start] + random_of.randbytes(random_of.randint(1, 6)) + value[start:]


def _no_event(random_of: random.Random, event: dict[str, Any]) -> bytes:
    depth = random_of.randint(1, 1_500)
    others = (b"", b" ", b"null", b"42", b'"x"', b"[]", b"{}", b"[" * depth + b"]" * depth, random_of.randbytes(50))
    return random_of.choice([*others, json.dumps([event, event]).encode(), b'{"event_type":' * depth])


def _untouched(_random_of: random.Random, event: dict[str, Any]) -> bytes:
    return json.dumps(event).encode()


WAYS: tuple[Callable[[random.Random, dict[str, Any]], bytes], ...] = (
    _untouched, _field_dropped, _field_renamed, _field_odd, _bytes_flipped, _bytes_cut, _bytes_put_in, _no_event,
)  # fmt: skip


def records(seed: int, topic: Topic, count: int) -> Iterator[bytes | None]:
    """Spoilt records of a topic; the same seed gives the same."""
    random_of = random.Random(f"{seed}-{topic.short}")
    for number in range(count):
        is_null = random_of.random() < 0.001
        yield None if is_null else random_of.choice(WAYS)(random_of, lawful(random_of, topic, number))


def land(spark: SparkSession, store: Store, topic: Topic, values: Iterator[bytes | None]) -> None:
    """Append them to the topic's Bronze table, as its stream would."""
    store.create(BRONZE[topic])
    rows: list[tuple[Any, ...]] = [
        (topic.name, 0, n, NOW, b"", value, [], NOW, NOW.date()) for n, value in enumerate(values)
    ]
    store.append(BRONZE[topic], spark.createDataFrame(rows, spark_schema(BRONZE[topic])))


def places(store: Store, cleaning: Cleaning) -> Counter[int]:
    """How often each offset of a topic is in a table of Silver."""
    of_stream = f"stream = 'silver.{cleaning.topic.short}'"
    frames: list[DataFrame] = [store.read(table).where(of_stream) for table in (t.SILVER_QUARANTINE, t.SILVER_LATE)]
    frames.append(store.read(cleaning.table))
    if cleaning.topic.short == "ais":
        frames.append(store.read(t.SILVER_IDENTITIES).where("event_type = 'static'"))
    found: Counter[int] = Counter()
    for frame in frames:
        found.update(row["kafka_offset"] for row in frame.select("kafka_offset").collect())
    return found


@click.command(cls=Command)
@click.option("--cases", default=50_000, show_default=True, type=click.IntRange(min=4), help="Records in all.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same records.")
@json_option
def main(cases: int, seed: int, as_json: bool) -> None:
    """Clean spoilt records and count where each has ended."""
    with tempfile.TemporaryDirectory(prefix="maritime-fuzz-") as folder:
        settings = Settings(home=Path(folder), spark_shuffle_partitions=2)
        spark = spark_session(settings, "fuzz")
        store = Store(spark, settings.lake)
        for topic in TOPICS:
            land(spark, store, topic, records(seed, topic, cases // len(TOPICS)))
        began = time.monotonic()
        run_flows(SILVER_FLOWS, settings, once=True)
        seconds = time.monotonic() - began
        topics = {cleaning.topic.name: _outcome(settings, store, cleaning) for cleaning in CLEANINGS}
        counted = store.read(t.SILVER_QUARANTINE).groupBy("rule").count().collect()
    by_rule = dict(sorted(((row["rule"], row["count"]) for row in counted), key=lambda pair: -pair[1]))
    holds = all(outcome["each_in_one_place"] for outcome in topics.values())
    result = {
        "seed": seed, "cases": sum(o["read"] for o in topics.values()), "seconds": round(seconds, 1),
        "each_in_one_place": holds, "topics": topics, "by_rule": by_rule,
    }  # fmt: skip
    if as_json:
        print_json(result)
    else:
        print_facts({name: result[name] for name in ("seed", "cases", "seconds", "each_in_one_place")})
        names = ("read", "accepted", "quarantined", "duplicate", "late")
        print_table("Outcomes", ("topic", *names), [(name, *(o[n] for n in names)) for name, o in topics.items()])
        print_table("In quarantine", ("rule", "records"), list(by_rule.items()))
    if not holds:
        out.print("[red]A record is missing or is there twice.[/red]")
        raise SystemExit(1)


def _outcome(settings: Settings, store: Store, cleaning: Cleaning) -> dict[str, Any]:
    entries = ledger.entries(settings.lake, f"silver.{cleaning.topic.short}")
    names = ("read", "accepted", "quarantined", "duplicate", "late")
    counts = {name: sum(entry[f"rows_{name}"] for entry in entries) for name in names}
    found = places(store, cleaning)
    is_once = set(found.values()) <= {1} and len(found) + counts["duplicate"] == counts["read"]
    return {**counts, "each_in_one_place": is_once}


if __name__ == "__main__":
    main()
