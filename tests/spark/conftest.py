"""Fixtures of the Spark tests: a lake in a temporary folder and records landed in its Bronze tables."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from contracts.settings import Settings
from contracts.tables import BRONZE
from contracts.topics import Topic
from lakehouse.schema import spark_schema
from lakehouse.store import Store

Land = Callable[..., None]
PUBLISHED = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(spark: SparkSession, settings: Settings) -> Store:
    """The lake of this test, empty."""
    return Store(spark, settings.lake)


@pytest.fixture(scope="session")
def land_in(spark: SparkSession) -> Callable[[Store], Land]:
    """What lands records in a lake: append events (or raw bytes, or null) to a topic's Bronze table."""
    return lambda store: _landing(spark, store)


@pytest.fixture
def land(store: Store, land_in: Callable[[Store], Land]) -> Land:
    """Append events (or raw bytes) to a topic's Bronze table, as the Bronze stream would have."""
    return land_in(store)


def _landing(spark: SparkSession, store: Store) -> Land:
    offsets: dict[Topic, int] = {}

    def put(topic: Topic, events: Iterable[dict[str, Any] | bytes | None]) -> None:
        table = BRONZE[topic]
        store.create(table)
        rows: list[tuple[Any, ...]] = []
        for event in events:
            value = json.dumps(event).encode() if isinstance(event, dict) else event
            offset = offsets.get(topic, 0)
            offsets[topic] = offset + 1
            key = str(event.get("mmsi")).encode() if isinstance(event, dict) else b""
            rows.append((topic.name, 0, offset, PUBLISHED, key, value, [], PUBLISHED, date(2026, 1, 1)))
        store.append(table, spark.createDataFrame(rows, spark_schema(table)))

    return put


@pytest.fixture
def position() -> Callable[..., dict[str, Any]]:
    """A lawful AIS position event; keyword arguments change its fields."""

    def make(**changes: Any) -> dict[str, Any]:
        event = {
            "event_type": "position",
            "schema_version": 1,
            "source": "noaa",
            "mmsi": 366053209,
            "observed_at_ms": 1_700_000_000_000,
            "lat_deg": 37.8,
            "lon_deg": -122.3,
            "sog_kn": 12.0,
            **changes,
        }
        event.setdefault("event_id", f"{zlib.crc32(json.dumps(event).encode()):08x}")
        return event

    return make
