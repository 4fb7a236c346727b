"""The position stream keeps ships apart that share an MMSI, and remembers them over a stop and a crash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contracts.settings import Settings
from contracts.tables import GOLD_VESSEL_DAY, SILVER_POSITIONS, SILVER_SEGMENTS
from contracts.topics import AIS
from lakehouse import ledger, tracking
from lakehouse.gold import GOLD_FLOWS
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store

AIS_FLOW = SILVER_FLOWS[0]
START_MS = 1_700_000_000_000
MINUTE_MS = 60_000
SHIP = 366053209
Make = Callable[..., dict[str, Any]]
Land = Callable[..., None]


@pytest.fixture
def two_ships(position: Make) -> Callable[[int, int], list[dict[str, Any]]]:
    """Reports of two ships under one MMSI, each minute from one minute to another, both at the same instant."""

    def sail(first: int, last: int) -> list[dict[str, Any]]:
        ports = ((37.8, -122.3), (51.9, 4.0))
        return [
            position(observed_at_ms=START_MS + n * MINUTE_MS, lat_deg=lat, lon_deg=lon + n / 300, sog_kn=10, cog_deg=90)
            for n in range(first, last)
            for lat, lon in ports
        ]  # fmt: skip

    return sail


def outcome(settings: Settings) -> tuple[int, int]:
    last = ledger.entries(settings.lake, "silver.ais")[-1]
    return last["rows_accepted"], last["rows_duplicate"]


def tracks(store: Store) -> dict[str, int]:
    """Positions by segment, told by its ship's hemisphere."""
    rows = store.read(SILVER_POSITIONS).selectExpr("segment_id", "lon_deg > 0 AS is_east").collect()
    counted: dict[str, int] = {}
    for row in rows:
        name = f"{row.segment_id} {'east' if row.is_east else 'west'}"
        counted[name] = counted.get(name, 0) + 1
    return counted


def test_two_ships_under_one_mmsi_are_two_tracks_over_a_stop_of_the_stream(
    store: Store, settings: Settings, land: Land, two_ships: Callable[[int, int], list[dict[str, Any]]]
) -> None:
    for first in (0, 20, 40):
        land(AIS, two_ships(first, first + 20))
        run_flows([AIS_FLOW], settings, once=True)
    run_flows(GOLD_FLOWS, settings, once=True)

    assert sorted(tracks(store).values()) == [60, 60]
    segments = store.read(SILVER_SEGMENTS).collect()
    assert [(row.mmsi, row.position_count, row.is_established, row.is_open) for row in segments] == [
        (SHIP, 60, True, True)
    ] * 2
    days = store.read(GOLD_VESSEL_DAY).collect()
    assert [(row.position_count, row.jump_count) for row in days] == [(60, 0)] * 2
    assert all(row.distance_nm == pytest.approx(59 / 300 * 60 * 0.7, rel=0.15) for row in days)


def test_what_is_published_again_finds_its_own_track_however_late(
    store: Store, settings: Settings, land: Land, two_ships: Callable[[int, int], list[dict[str, Any]]]
) -> None:
    reports = two_ships(0, 30)
    land(AIS, reports)
    run_flows([AIS_FLOW], settings, once=True)
    before = store.version(SILVER_POSITIONS)
    land(AIS, reports)

    run_flows([AIS_FLOW], settings, once=True)

    assert outcome(settings) == (0, 60)
    assert store.read(SILVER_POSITIONS).count() == store.read(SILVER_POSITIONS, before).count() == 60


def test_a_stream_that_was_killed_before_it_wrote_its_tracks_goes_over_the_positions_after_them(
    store: Store, settings: Settings, land: Land, two_ships: Callable[[int, int], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    land(AIS, two_ships(0, 20))
    run_flows([AIS_FLOW], settings, once=True)
    saved = store.version(SILVER_SEGMENTS)
    with monkeypatch.context() as killed:
        killed.setattr(tracking, "_save", lambda *_: saved)
        land(AIS, two_ships(20, 40))
        run_flows([AIS_FLOW], settings, once=True)
    assert store.version(SILVER_SEGMENTS) == saved
    land(AIS, two_ships(40, 60))

    run_flows([AIS_FLOW], settings, once=True)

    assert sorted(tracks(store).values()) == [60, 60]
    assert {row.position_count for row in store.read(SILVER_SEGMENTS).collect()} == {60}
