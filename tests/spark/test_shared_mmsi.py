"""Two ships of the twin under one MMSI, from raw records to gaps: each has its own way and its own silences."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from contracts.settings import Settings
from contracts.tables import GOLD_GAPS, GOLD_VESSEL_DAY, GOLD_VESSEL_TRACKS, SILVER_POSITIONS
from contracts.topics import AIS
from lakehouse.gold import GOLD_FLOWS
from lakehouse.runner import run_flows
from lakehouse.runs import Run
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store
from lakehouse.track_tables import update
from lakehouse.transforms.gaps import LEAST_GAP_H
from producers.twin import FaultRates, TwinConfig, generate

NONE_REFUSED = FaultRates(gaps_per_ship_day=0.5, shared_mmsi=1, position_sentinel=0, overspeed=0)
CONFIG = TwinConfig(ships=2, days=8, every_s=1_800, seed=2, faults=NONE_REFUSED)
Gap = tuple[datetime, datetime]


@pytest.fixture
def senders(tmp_path: Path) -> pl.DataFrame:
    """Who really sent each report of the MMSI that two ships share; the twin is written beside it."""
    generate(CONFIG, tmp_path)
    return pl.read_csv(tmp_path / "truth/shared_mmsi.csv")


def gaps_of(times: list[datetime]) -> list[Gap]:
    """Silences of half a day and more between one ship's own reports."""
    return [pair for pair in pairwise(sorted(times)) if pair[1] - pair[0] >= timedelta(hours=LEAST_GAP_H)]


def test_two_ships_under_one_mmsi_have_no_jump_and_no_gap_but_their_own(
    store: Store, settings: Settings, land: Callable[..., None], senders: pl.DataFrame, tmp_path: Path
) -> None:
    lines = gzip.decompress((tmp_path / "ais.jsonl.gz").read_bytes()).splitlines()
    land(AIS, lines)
    run_flows([SILVER_FLOWS[0]], settings, once=True)
    run_flows(GOLD_FLOWS, settings, once=True)
    until = datetime.fromtimestamp(CONFIG.end_ms / 1000, UTC)
    assert update(Run("tracks", {}, store, until), {"twin": until}, settings.jump_limit_kn, whole=False)

    (mmsi,) = senders["mmsi"].unique()
    is_ours = f"mmsi = {mmsi}"
    accepted = store.read(SILVER_POSITIONS).where(is_ours).select("event_id", "segment_id", "observed_at").collect()
    assert {row.event_id for row in accepted} == set(senders["event_id"])

    ship_of = dict(senders.select("event_id", "imo_number").rows())
    track_of = {row.segment_id: row.track_id for row in store.read(GOLD_VESSEL_TRACKS).where(is_ours).collect()}
    pairs = {(ship_of[row.event_id], track_of[row.segment_id]) for row in accepted}
    assert len(pairs) == len({ship for ship, _ in pairs}) == len({track for _, track in pairs}) == 2

    own = [[row.observed_at for row in accepted if ship_of[row.event_id] == ship] for ship, _ in sorted(pairs)]
    true_gaps = sorted(gap for times in own for gap in gaps_of(times))
    assert true_gaps  # else nothing is compared
    assert gaps_of([row.observed_at for row in accepted]) == []  # by MMSI alone each would be hidden
    found = store.read(GOLD_GAPS).where(f"{is_ours} AND NOT is_open").collect()
    assert sorted((row.started_at, row.ended_at) for row in found) == true_gaps
    assert {row.jump_count for row in store.read(GOLD_VESSEL_DAY).where(is_ours).collect()} == {0}
