"""Whatever bytes come: each record ends in exactly one place, and Spark never fails."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, seed
from hypothesis import settings as drawing
from hypothesis import strategies as st

from contracts.events import EVENTS
from contracts.settings import Settings
from contracts.tables import SILVER_LATE, SILVER_QUARANTINE, SILVER_VESSELS
from contracts.topics import TOPICS
from lakehouse import ledger
from lakehouse.runner import run_flows
from lakehouse.silver import CLEANINGS, SILVER_FLOWS
from lakehouse.store import Store

CASES = 3_000
BASE = {
    "event_id": "e", "schema_version": 1, "source": "noaa", "mmsi": 366053209, "observed_at_ms": 1_700_000_000_000,
    "lat_deg": 37.8, "lon_deg": -122.3, "rule": "r", "severity": "info", "message": "m", "voyage_id": "v",
    "distance_nm": 1.0,
}  # fmt: skip
TYPES = [kind for topic in TOPICS for kind in EVENTS[topic]]
NAMES = sorted({name for topic in TOPICS for model in EVENTS[topic].values() for name in model.model_fields})
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, -1, 91, 181, 102.3, 2**31, 2**63, -(2**63), 10**400])
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=5)
VALUES = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(st.text(max_size=3), LEAVES, max_size=2)
KINDS = st.sampled_from(TYPES).map(lambda kind: {"event_type": kind})


def event(kind: dict[str, Any], changes: dict[str, Any]) -> bytes:
    return json.dumps({**BASE, **kind, **changes}).encode()


def spliced(value: bytes, at: int, cut: int, put: bytes) -> bytes:
    place = at % (len(value) + 1)
    return value[:place] + put + value[place + cut :]


EVENT_BYTES = st.builds(event, KINDS, st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=3))
SPLICED = st.builds(spliced, EVENT_BYTES, st.integers(0, 400), st.integers(0, 9), st.binary(max_size=3))
RECORDS = st.none() | st.binary(max_size=40) | VALUES.map(lambda v: json.dumps(v).encode()) | EVENT_BYTES | SPLICED


def generated(count: int) -> list[bytes | None]:
    """As many records as that: drawn first, so that Spark has one batch of them and not a job each."""
    records: list[bytes | None] = []

    @seed(20_261_121)
    @drawing(max_examples=count, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(RECORDS)
    def draw(record: bytes | None) -> None:
        records.append(record)

    draw()
    return records


def test_each_of_some_thousand_odd_records_ends_in_exactly_one_place(
    store: Store, settings: Settings, land: Callable[..., None]
) -> None:
    records = generated(CASES)
    assert len(records) > CASES // 2
    for topic in TOPICS:
        land(topic, records)

    run_flows(SILVER_FLOWS, settings, once=True)

    for cleaning in CLEANINGS:
        (entry,) = ledger.entries(settings.lake, f"silver.{cleaning.topic.short}")
        assert entry["rows_read"] == len(records)
        assert entry["rows_accepted"] > 0
        places: Counter[int] = Counter()
        own = [store.read(table).where(f"stream = '{entry['stream']}'") for table in (SILVER_QUARANTINE, SILVER_LATE)]
        accepted = [store.read(cleaning.table)]
        if cleaning.topic.short == "ais":
            accepted.append(store.read(SILVER_VESSELS).where("event_type = 'static'"))
        for rows in (*own, *accepted):
            places.update(row.kafka_offset for row in rows.select("kafka_offset").collect())
        assert set(places.values()) == {1}
        assert len(places) + entry["rows_duplicate"] == len(records)
