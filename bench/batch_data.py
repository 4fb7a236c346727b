"""Generated Silver tables of any size for the batch benchmarks: seeded, every row different, no real vessel in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from contracts.fields import FUEL_KINDS
from contracts.regulation import load_regulation

SEED = 20_301
START = date(2024, 1, 1)
DAYS = 366
ROUTES = 2_000
SOURCE = "generated"
CHUNK = 2_000_000


def build_emissions(folder: Path, rows: int) -> None:
    """``emissions`` (vessel-days of 2024) and ``ship_register`` as Delta, unless they are there."""
    ships = -(-rows // DAYS)
    _build(folder / "emissions", _emission_chunks(ships))
    _build(folder / "ship_register", iter([_register(ships)]))


def build_voyages(folder: Path, rows: int) -> None:
    """``voyages`` that departed in 2024 as Delta, unless they are there."""
    _build(folder / "voyages", _voyage_chunks(rows))


def _build(path: Path, chunks: Iterator[pa.Table]) -> None:
    if DeltaTable.is_deltatable(str(path)):
        return
    for chunk in chunks:
        write_deltalake(str(path), chunk, mode="append")


def _register(ships: int) -> pa.Table:
    rng = np.random.default_rng(SEED)
    types = np.array([*load_regulation().cii_ship_types, "tug"])
    gross = rng.uniform(2_000, 120_000, ships)
    none = pa.nulls(ships)
    return pa.table(
        {
            "imo_number": pa.array(np.arange(ships) + 1_000_000),
            "mmsi": pa.array(np.arange(ships) + 200_000_000),
            "vessel_name": none.cast(pa.string()),
            "cii_ship_type": pa.array(types[rng.integers(0, len(types), ships)]),
            "dwt_t": pa.array(gross * rng.uniform(0.6, 2.0, ships)),
            "gross_tonnage": pa.array(gross),
            **{name: none.cast(pa.float64()) for name in ("length_m", "beam_m", "design_draught_m")},
            "engine_type": none.cast(pa.string()),
            **{name: none.cast(pa.float64()) for name in ("main_engine_kw", "service_speed_kn")},
            "fuel_kind": none.cast(pa.string()),
            "built_year": none.cast(pa.int32()),
            "source": pa.array([SOURCE] * ships),
        }
    )


def _emission_chunks(ships: int) -> Iterator[pa.Table]:
    """Day by day, as reports come in. One report in twenty is missing, one ship in fifty is not in the register."""
    rng = np.random.default_rng(SEED + 1)
    days_per_chunk = max(1, CHUNK // ships)
    for first in range(0, DAYS, days_per_chunk):
        days = min(days_per_chunk, DAYS - first)
        ship = np.tile(np.arange(ships), days)
        day = np.repeat(np.arange(first, first + days), ships)
        kept = rng.random(len(ship)) < 0.95
        yield _emission_rows(rng, ship[kept], day[kept])


def _emission_rows(rng: np.random.Generator, ship: np.ndarray, day: np.ndarray) -> pa.Table:
    count = len(ship)
    underway = np.where(rng.random(count) < 0.2, 0.0, rng.uniform(4, 24, count))
    is_known = ship % 50 != 0
    fuel = {f"fuel_{kind}_t": pa.nulls(count, pa.float64()) for kind in FUEL_KINDS}
    fuel["fuel_hfo_t"] = pa.array(np.round(underway * rng.uniform(0.5, 3, count), 3))
    fuel["fuel_mdo_t"] = pa.array(np.round(rng.uniform(0.5, 4, count), 3))
    fuel["fuel_lng_t"] = pa.array(np.round(rng.uniform(0, 20, count), 3), mask=ship % 10 != 0)
    days_since_1970 = (START - date(1970, 1, 1)).days + day
    return pa.table(
        {
            "mmsi": pa.array(ship + 200_000_000),
            "imo_number": pa.array(np.where(is_known, ship + 1_000_000, ship + 8_000_000)),
            "reported_on": pa.array(days_since_1970.astype("int32"), pa.int32()).cast(pa.date32()),
            "distance_nm": pa.array(np.round(underway * rng.uniform(8, 20, count), 2)),
            "underway_h": pa.array(underway),
            "anchored_h": pa.array(np.zeros(count)),
            "berth_h": pa.array(24 - underway),
            **fuel,
            "method": pa.array(np.full(count, "reported")).dictionary_encode().cast(pa.string()),
            "quality": pa.array(np.full(count, "high")),
            "source": pa.array(np.full(count, SOURCE)),
        }
    )


def _voyage_chunks(rows: int) -> Iterator[pa.Table]:
    """Of the voyages, 3 % are cancelled, 2 % under way, a third of the others late; routes differ in traffic."""
    rng = np.random.default_rng(SEED + 2)
    for first in range(0, rows, CHUNK):
        yield _voyage_rows(rng, np.arange(first, min(first + CHUNK, rows)))


def _voyage_rows(rng: np.random.Generator, number: np.ndarray) -> pa.Table:
    count = len(number)
    micros = 1_000_000
    start = int((START - date(1970, 1, 1)) / timedelta(seconds=1))
    departed = start + rng.integers(0, DAYS * 86_400, count)
    hours = rng.uniform(6, 700, count)
    arrived = departed + (hours * 3_600).astype("int64")
    scheduled = arrived + rng.normal(3_600, 10_000, count).astype("int64")
    lot = rng.random(count)
    route = (ROUTES * rng.power(2, count)).astype("int64")
    from_port, to_port = pa.array(route // 50).cast(pa.string()), pa.array(route % 50).cast(pa.string())
    stamp = pa.timestamp("us", tz="UTC")
    is_open = lot < 0.05
    return pa.table(
        {
            "voyage_id": pa.array(number).cast(pa.string()),
            "mmsi": pa.array(number % 50_000 + 200_000_000),
            "imo_number": pa.array(number % 50_000 + 1_000_000),
            "route_id": pa.array([f"R{value:05d}" for value in route]),
            "from_locode": from_port,
            "to_locode": to_port,
            "scheduled_departure_at": pa.array(departed * micros).cast(stamp),
            "scheduled_arrival_at": pa.array(scheduled * micros).cast(stamp),
            "departed_at": pa.array(departed * micros).cast(stamp),
            "departed_on": pa.array((departed // 86_400).astype("int32"), pa.int32()).cast(pa.date32()),
            "arrived_at": pa.array(arrived * micros, mask=is_open).cast(stamp),
            "status": pa.array(np.where(lot < 0.03, "cancelled", np.where(is_open, "in_progress", "arrived"))),
            "distance_nm": pa.array(np.round(hours * rng.uniform(8, 20, count), 1)),
            "delay_cause": pa.nulls(count, pa.string()),
            "source": pa.array(np.full(count, SOURCE)),
        }
    )
