"""Fixtures of the Spark tests: a lake in a temporary folder and records landed in its Bronze tables."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

import click
import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from batch_jobs import emissions, tracks, voyages
from contracts.ports import port
from contracts.settings import Settings
from contracts.tables import BRONZE, SILVER_SHIP_REGISTER
from contracts.topics import AIS, VOYAGE_EVENTS, Topic
from lakehouse.gold import GOLD_FLOWS
from lakehouse.runner import run_flows
from lakehouse.schema import spark_schema
from lakehouse.silver import SILVER_FLOWS
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


_SHIP, _IMO = 230_000_001, 9074729
START = datetime(2025, 1, 1, 6, tzinfo=UTC)
HALF_HOUR_MS = 1_800_000
REGISTERED = {
    "imo_number": _IMO, "cii_ship_type": "tanker", "dwt_t": 50e3, "gross_tonnage": 30e3, "engine_type": "SSD",
    "main_engine_kw": 9_000.0, "service_speed_kn": 14.0, "design_draught_m": 12.0, "built_year": 2010,
    "fuel_kind": "hfo", "source": "twin",
}  # fmt: skip


def _at_ms(half_hours: float) -> int:
    return int(START.timestamp() * 1000 + half_hours * HALF_HOUR_MS)


def _way(first: int, last: int) -> list[dict[str, Any]]:
    """Six hours in Helsinki, two days to Stockholm, six hours there, and out again; so many half hours of it."""
    start, end = port("FIHEL"), port("SESTO")
    events = []
    for number in range(first, last):
        share = min(1.0, max(0.0, (number - 12) / 96))
        back = max(0.0, (number - 120) / 48)
        events.append(
            {
                "event_type": "position", "schema_version": 1, "source": "noaa", "mmsi": _SHIP,
                "observed_at_ms": _at_ms(number), "event_id": f"p{number}",
                "lat_deg": start.lat_deg + (share - back) * (end.lat_deg - start.lat_deg),
                "lon_deg": start.lon_deg + (share - back) * (end.lon_deg - start.lon_deg),
                "sog_kn": 5.5 if 0 < share < 1 or back else 0.0,
            }
        )  # fmt: skip
    return events


STATIC = [
    {"event_type": "static", "schema_version": 1, "source": "noaa", "mmsi": _SHIP, "imo_number": _IMO,
     "vessel_name": "EVER", "ship_type_code": 80, "length_m": 180.0, "beam_m": 30.0, "observed_at_ms": _at_ms(number),
     "event_id": f"s{number}"}
    for number in (0, 20, 110)
]  # fmt: skip


def _happened(kind: str, half_hours: float, **more: Any) -> dict[str, Any]:
    common = {"event_type": kind, "schema_version": 1, "source": "twin", "mmsi": _SHIP, "imo_number": _IMO}
    return {**common, "event_id": f"{kind}-{half_hours}", "observed_at_ms": _at_ms(half_hours), **more}


VOYAGE = {"voyage_id": "V1", "from_locode": "FIHEL", "to_locode": "SESTO"}
EVENTS = [
    _happened("schedule", 0, **VOYAGE, scheduled_departure_at_ms=_at_ms(12), scheduled_arrival_at_ms=_at_ms(98)),
    _happened("departure", 12, **VOYAGE),
    _happened("arrival", 107, voyage_id="V1", distance_nm=220.0, delay_cause="fog & ice"),
    _happened("fuel_report", 35.9, distance_nm=120.0, fuel_hfo_t=14.0),
]
"""Fuel is reported of the first day only; of the others it is modelled."""


@pytest.fixture(scope="session")
def sailed(spark: SparkSession, land_in: Callable[[Store], Land], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of a lake with a ship heard in two rounds: from raw records to its voyages, fuel, years and all reports."""
    settings = Settings(home=tmp_path_factory.mktemp("sailed"), spark_shuffle_partitions=1)
    store = Store(spark, settings.lake)
    land, flows = land_in(store), {flow.name: flow for flow in (*SILVER_FLOWS, *GOLD_FLOWS)}
    store.create(SILVER_SHIP_REGISTER)
    row = tuple(REGISTERED.get(name) for name in SILVER_SHIP_REGISTER.columns)
    store.append(SILVER_SHIP_REGISTER, spark.createDataFrame([row], spark_schema(SILVER_SHIP_REGISTER)))
    land(VOYAGE_EVENTS, EVENTS)
    run_flows([flows["silver.voyage_events"]], settings, once=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARITIME_HOME", str(settings.home))
        patch.setenv("MARITIME_QUALITY_AFTER_JOBS", "false")
        for records in (_way(0, 60), [*_way(60, 138), *STATIC]):
            land(AIS, records)
            for name in ("silver.ais", "gold.vessels"):
                run_flows([flows[name]], settings, once=True)
            _typed(tracks.main)
        _typed(voyages.main)
        _typed(emissions.main, "--what-if", "speed=-10%", "--baseline-2008", "12", "--gwp", "ar5")
        for check in ("eu-ets", "fueleu"):
            _typed(emissions.main, "--compliance-check", check)
    return settings


def _typed(command: click.Command, *arguments: str) -> None:
    done = CliRunner().invoke(command, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
