"""Bad bytes of every kind end in quarantine under the rule that they break, and no batch fails for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pyspark.sql import SparkSession

from contracts.settings import Settings
from contracts.tables import SILVER_QUARANTINE
from contracts.topics import AIS, VOYAGE_EVENTS, Topic
from lakehouse import ledger
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store

POSITION = {
    "event_type": "position", "event_id": "p", "schema_version": 1, "source": "noaa", "mmsi": 366053209,
    "observed_at_ms": 1_700_000_000_000, "lat_deg": 37.8, "lon_deg": -122.3,
}  # fmt: skip
DEPARTURE = {
    "event_type": "departure", "event_id": "d", "schema_version": 1, "source": "office", "mmsi": 366053209,
    "observed_at_ms": 1_700_000_000_000, "voyage_id": "V1",
}  # fmt: skip


def position(**changes: Any) -> bytes:
    return json.dumps(POSITION | changes).encode()


def departure(**changes: Any) -> bytes:
    return json.dumps(DEPARTURE | changes).encode()


AIS_CASES: dict[str, tuple[bytes | None, str]] = {
    "no value": (None, "malformed_json"),
    "empty": (b"", "unknown_event_type"),
    "blank": (b"  \n", "unknown_event_type"),
    "not UTF-8": (b"\xff\xfe\x00", "malformed_json"),
    "not UTF-8 in one text": (position(vessel_name="EVER").replace(b"EVER", b"EV\xffR"), "malformed_json"),
    "truncated": (position()[:-9], "malformed_json"),
    "5 MB of nothing": (b"x" * 5_000_000, "too_large"),
    "5 MB in a field that is not ours": (position(note="x" * 5_000_000), "too_large"),
    "a list": (b"[" + position() + b"," + position() + b"]", "malformed_json"),
    "a number": (b"42", "malformed_json"),
    "nested 5,000 deep": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "malformed_json"),
    "text for a number": (position(mmsi="366053209"), "malformed_json"),
    "a fraction for a whole number": (position(mmsi=366053209.5), "malformed_json"),
    "an object for a number": (position(lat_deg={"deg": 37}), "malformed_json"),
    "a truth value for a number": (position(lon_deg=True), "malformed_json"),
    "a number past 64 bits": (position(mmsi=10**30), "malformed_json"),
    "NaN": (position(lat_deg=float("nan")), "malformed_json"),
    "Infinity": (position(sog_kn=float("inf")), "malformed_json"),
    "a number past the largest": (position().replace(b"37.8", b"1e400"), "lat_deg"),
    "unknown event type": (position(event_type="sighting"), "unknown_event_type"),
    "no event type": (position(event_type=None), "unknown_event_type"),
    "schema version from the future": (position(schema_version=2), "unknown_schema_version"),
    "schema version past 32 bits": (position(schema_version=2**62), "unknown_schema_version"),
    "a time past what a time can hold": (position(observed_at_ms=2**62), "observed_at_ms"),
    "a status past 32 bits": (position(nav_status=2**40), "nav_status"),
}
VOYAGE_CASES: dict[str, tuple[bytes | None, str]] = {
    "a schedule past what a time can hold": (departure(scheduled_arrival_at_ms=2**62), "scheduled_arrival_at_ms"),
    "a distance past the largest": (departure(distance_nm=7.5).replace(b"7.5", b"1e400"), "distance_nm"),
}
CASES = [*((AIS, name) for name in AIS_CASES), *((VOYAGE_EVENTS, name) for name in VOYAGE_CASES)]


@pytest.fixture(scope="module")
def rules(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, land_in: Callable[[Store], Callable[..., None]]
) -> dict[tuple[str, int], tuple[str, bytes | None]]:
    """Rule and kept bytes of each record by topic and offset: all cases in one batch of each stream."""
    settings = Settings(home=tmp_path_factory.mktemp("bad"), spark_shuffle_partitions=1)
    store = Store(spark, settings.lake)
    land = land_in(store)
    land(AIS, [value for value, _ in AIS_CASES.values()])
    land(VOYAGE_EVENTS, [value for value, _ in VOYAGE_CASES.values()])
    run_flows([SILVER_FLOWS[0], SILVER_FLOWS[3]], settings, once=True)
    entries = ledger.entries(settings.lake)
    assert [entry["rows_read"] for entry in entries] == [len(AIS_CASES), len(VOYAGE_CASES)]
    rows = store.read(SILVER_QUARANTINE).select("kafka_topic", "kafka_offset", "rule", "value").collect()
    return {
        (row.kafka_topic, row.kafka_offset): (row.rule, None if row.value is None else bytes(row.value)) for row in rows
    }


@pytest.mark.parametrize(("topic", "name"), CASES, ids=[name for _, name in CASES])
def test_bad_bytes_are_kept_whole_under_the_rule_they_break(
    rules: dict[tuple[str, int], tuple[str, bytes | None]], topic: Topic, name: str
) -> None:
    cases = AIS_CASES if topic == AIS else VOYAGE_CASES
    value, rule = cases[name]

    assert rules[topic.name, list(cases).index(name)] == (rule, value)
