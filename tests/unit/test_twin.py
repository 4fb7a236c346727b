"""The fleet twin: reproducible, lawful by the contracts, and telling the truth about itself."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from contracts.ais import is_imo_valid
from contracts.errors import ConfigurationError
from contracts.events import EVENTS
from contracts.tables import SILVER_SHIP_REGISTER
from contracts.topics import topic_named
from producers.twin import FaultRates, TwinConfig, TwinSummary, generate
from producers.twin.config import parse_every
from producers.twin.lanes import distance_nm

FILES = ("ais", "sensors", "voyage_events", "alerts")
CONFIG = TwinConfig(
    ships=12, days=25, seed=5, faults=FaultRates(duplicate=0.01, late=0.01, broken=0.002, overspeed=0.002)
)
Events = dict[str, list[Any]]


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> TwinSummary:
    return generate(CONFIG, tmp_path_factory.mktemp("twin"))


@pytest.fixture(scope="module")
def raw(twin: TwinSummary) -> dict[str, list[bytes]]:
    return {name: gzip.decompress((twin.folder / f"{name}.jsonl.gz").read_bytes()).splitlines() for name in FILES}


@pytest.fixture(scope="module")
def events(raw: dict[str, list[bytes]]) -> Events:
    """Lines that parse and keep the contract's ranges, in the order of the file."""
    parsed: Events = {}
    for name, lines in raw.items():
        parsed[name] = [event for event in map(_loaded, lines) if event is not None]
    return parsed


def _loaded(line: bytes) -> Any:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return None if event.get("lat_deg") == 97.3 else event


def _unique(events: list[Any]) -> list[Any]:
    return list({event["event_id"]: event for event in events}.values())


@pytest.fixture(scope="module")
def positions(events: Events) -> list[Any]:
    return [event for event in _unique(events["ais"]) if event["event_type"] == "position"]


def _csv(twin: TwinSummary, name: str) -> pl.DataFrame:
    return pl.read_csv(twin.folder / "truth" / name, try_parse_dates=True)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_makes_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    config = TwinConfig(ships=3, days=3, seed=9)
    for name in ("first", "second"):
        generate(config, tmp_path / name)
    generate(config.model_copy(update={"seed": 10}), tmp_path / "other")
    assert _bytes(tmp_path / "first") == _bytes(tmp_path / "second")
    assert _bytes(tmp_path / "first")["ais.jsonl.gz"] != _bytes(tmp_path / "other")["ais.jsonl.gz"]


def test_voyages_and_fuel_do_not_depend_on_how_often_ships_report(tmp_path: Path) -> None:
    config = TwinConfig(ships=3, days=3, seed=9)
    generate(config, tmp_path / "often")
    generate(config.model_copy(update={"every_s": 3_600}), tmp_path / "seldom")
    often, seldom = _bytes(tmp_path / "often" / "truth"), _bytes(tmp_path / "seldom" / "truth")
    assert all(often[name] == seldom[name] for name in ("voyages.csv", "fuel_by_day.csv", "failures.csv"))


@pytest.mark.parametrize("name", FILES)
def test_every_event_keeps_its_contract_and_says_that_it_is_of_the_twin(events: Events, name: str) -> None:
    models = EVENTS[topic_named(name)]
    for event in events[name][::17] + events[name][-50:]:
        assert event["source"] == "twin"
        models[event["event_type"]].model_validate_json(json.dumps(event))


def test_every_kind_of_event_is_there(events: Events) -> None:
    kinds = {name: {event["event_type"] for event in found} for name, found in events.items()}
    assert kinds == {
        "ais": {"position", "static"},
        "sensors": {"engine", "environment"},
        "voyage_events": {"schedule", "departure", "arrival", "port_call", "cancelled", "fuel_report"},
        "alerts": {"alert"},
    }


def test_the_truth_counts_every_line(raw: dict[str, list[bytes]], events: Events, twin: TwinSummary) -> None:
    for name in FILES:
        truth = twin.truth["topics"][name]
        unique = len(_unique(events[name]))
        assert truth["lines"] == len(raw[name])
        assert truth["unique_events"] == unique
        assert truth["duplicate"] == len(events[name]) - unique
    assert twin.truth["faults"]["broken"] == len(raw["ais"]) - len(events["ais"]) > 0


def test_a_broken_line_breaks_the_contract(raw: dict[str, list[bytes]], twin: TwinSummary) -> None:
    broken = [line for line in raw["ais"] if _loaded(line) is None]
    assert any(b"97.3" in line for line in broken)
    for line in broken:
        with pytest.raises(ValidationError):
            EVENTS[topic_named("ais")]["position"].model_validate_json(line)


def test_the_truth_counts_each_fault_that_is_found_by_looking(positions: list[Any], twin: TwinSummary) -> None:
    faults = twin.truth["faults"]
    assert faults["sog_sentinel"] == sum(p["sog_kn"] == 102.3 for p in positions) > 0
    assert faults["cog_sentinel"] == sum(p["cog_deg"] == 360 for p in positions) > 0
    assert faults["heading_sentinel"] == sum(p["heading_deg"] == 511 for p in positions) > 0
    assert faults["position_sentinel"] == sum(p["lat_deg"] == 91 and p["lon_deg"] == 181 for p in positions) > 0
    assert faults["overspeed"] == sum(40 < p["sog_kn"] < 102.3 for p in positions) > 0
    assert faults["bad_mmsi"] == sum(not 200_000_000 <= p["mmsi"] < 800_000_000 for p in positions) > 0
    times = len(positions) + faults["gap"]
    assert times == (CONFIG.ships + CONFIG.faults.shared_mmsi) * CONFIG.days * 288


def test_wrong_imo_numbers_are_in_static_reports_only_and_counted(events: Events, twin: TwinSummary) -> None:
    statics = [event for event in events["ais"] if event["event_type"] == "static"]
    assert sum(not is_imo_valid(s["imo_number"]) for s in statics) == twin.truth["faults"]["bad_imo"] > 0
    register = pl.read_csv(twin.folder / "register.csv")
    assert all(map(is_imo_valid, register["imo_number"]))
    assert register.columns == SILVER_SHIP_REGISTER.columns
    assert register["gross_tonnage"].min() < 5_000 < register["gross_tonnage"].max()  # type: ignore[operator]


def test_late_events_come_after_others_that_are_more_than_a_day_younger(events: Events, twin: TwinSummary) -> None:
    newest, late = 0, 0
    for event in events["ais"]:
        late += event["observed_at_ms"] < newest - 24 * 3_600_000
        newest = max(newest, event["observed_at_ms"])
    assert late == twin.truth["faults"]["late"] > 0


def test_two_ships_share_one_mmsi_an_ocean_apart_and_speak_at_the_same_time(
    positions: list[Any], twin: TwinSummary
) -> None:
    expected = twin.truth["expected_positions"]
    lawful = [p for p in positions if p["lat_deg"] != 91 and not 40 < p["sog_kn"] < 102.3 and p["mmsi"] > 2e8]
    speakers = Counter((p["mmsi"], p["observed_at_ms"]) for p in lawful)
    shared = {mmsi for (mmsi, _), count in speakers.items() if count > 1}
    places = [(p["lat_deg"], p["lon_deg"]) for p in lawful if p["mmsi"] in shared]
    lat, lon = np.array(places).T
    assert distance_nm(lat[:1], lon[:1], lat, lon).max() > 3_000
    assert len(lawful) - len(speakers) == expected["of_two_ships_at_one_time"] > 1_000
    assert len(shared) == CONFIG.faults.shared_mmsi
    assert len(lawful) == expected["accepted_without_late"] + expected["late_when_streamed_in_order"]


def test_the_truth_has_every_berth_from_the_first_day_on_and_every_silence(
    positions: list[Any], twin: TwinSummary
) -> None:
    voyages = _csv(twin, "voyages.csv").filter(pl.col("departed_at").is_not_null()).sort("mmsi", "departed_at")
    calls = _csv(twin, "port_calls.csv")
    left = calls.filter(pl.col("left_at").is_not_null()).sort("mmsi", "left_at")
    assert calls.filter(pl.col("berthed_at").is_null())["mmsi"].n_unique() == CONFIG.ships
    assert (
        left.select("mmsi", "locode", "left_at").rows() == voyages.select("mmsi", "from_locode", "departed_at").rows()
    )
    heard = pl.DataFrame(positions).select("mmsi", "observed_at_ms")
    silences = _csv(twin, "silences.csv").join(heard, "mmsi")
    shared = pl.read_csv(twin.folder / "truth" / "faults.csv").filter(pl.col("fault") == "shared_mmsi")["mmsi"]
    at_ms, since_ms, until_ms = pl.col("observed_at_ms"), *(pl.col(c).dt.epoch("ms") for c in ("since_at", "until_at"))
    broken = silences.filter((at_ms >= since_ms + 1_000) & (at_ms < until_ms), ~pl.col("mmsi").is_in(shared.to_list()))
    assert len(silences) > len(broken) == 0


def test_the_truth_tells_which_ship_sent_each_report_of_a_shared_mmsi(positions: list[Any], twin: TwinSummary) -> None:
    sender = {row["event_id"]: row for row in _csv(twin, "shared_mmsi.csv").iter_rows(named=True)}
    shared = {row["mmsi"] for row in sender.values()}
    sent = [p for p in positions if p["mmsi"] in shared]
    ships = {row["imo_number"] for row in sender.values()}
    assert {p["event_id"] for p in sent} == set(sender)
    assert len(shared) == CONFIG.faults.shared_mmsi
    assert len(ships) == 2 * len(shared)
    for imo_number in ships:
        own = [p for p in sent if sender[p["event_id"]]["imo_number"] == imo_number and p["lat_deg"] != 91]
        own.sort(key=lambda p: int(p["observed_at_ms"]))
        lat, lon = np.array([(p["lat_deg"], p["lon_deg"]) for p in own]).T
        hours = np.diff([p["observed_at_ms"] for p in own]) / 3_600_000
        assert (distance_nm(lat[:-1], lon[:-1], lat[1:], lon[1:]) / hours).max() < 25


def test_ships_keep_to_speeds_that_ships_can_keep(positions: list[Any], twin: TwinSummary) -> None:
    shared = pl.read_csv(twin.folder / "truth" / "faults.csv").filter(pl.col("fault") == "shared_mmsi")["mmsi"]
    tracks = (
        pl.DataFrame(positions)
        .filter((pl.col("lat_deg") != 91) & ~pl.col("mmsi").is_in(shared.to_list()) & (pl.col("mmsi") > 2e8))
        .sort("mmsi", "observed_at_ms")
    )
    legs = tracks.with_columns(pl.all().shift(1).over("mmsi").name.prefix("last_")).drop_nulls()
    sailed = distance_nm(*(legs[c].to_numpy() for c in ("last_lat_deg", "last_lon_deg", "lat_deg", "lon_deg")))
    hours = (legs["observed_at_ms"] - legs["last_observed_at_ms"]).to_numpy() / 3_600_000
    assert (sailed / hours).max() < 25
    is_clean = (legs["sog_kn"].to_numpy() < 40) & (hours < 0.1)
    assert np.abs(sailed / hours - legs["sog_kn"].to_numpy())[is_clean].mean() < 0.3


def test_fuel_reports_tell_the_true_fuel_and_the_hours_of_a_day(events: Events, twin: TwinSummary) -> None:
    reports = {
        (e["mmsi"], dt.datetime.fromtimestamp(e["observed_at_ms"] / 1_000 - 1, dt.UTC).date()): e
        for e in events["voyage_events"]
        if e["event_type"] == "fuel_report"
    }
    truth = _csv(twin, "fuel_by_day.csv")
    assert len(reports) == len(truth) == CONFIG.ships * CONFIG.days
    for row in truth.iter_rows(named=True):
        report = reports[row["mmsi"], row["day"]]
        assert report["underway_h"] + report["anchored_h"] + report["berth_h"] == pytest.approx(24, abs=0.002)
        for kind in (name for name in row if name.startswith("fuel_")):
            assert report.get(kind, 0) == pytest.approx(row[kind], abs=0.0006)


def test_arrivals_tell_the_true_voyages_and_a_delay_has_a_cause_only_when_late(
    events: Events, twin: TwinSummary
) -> None:
    voyages = _csv(twin, "voyages.csv")
    arrivals = {e["voyage_id"]: e for e in events["voyage_events"] if e["event_type"] == "arrival"}
    arrived = voyages.filter(pl.col("status") == "arrived")
    assert set(arrivals) == set(arrived["voyage_id"]) != set()
    assert {"arrived", "in_progress"} <= set(voyages["status"])
    for row in arrived.iter_rows(named=True):
        assert arrivals[row["voyage_id"]]["distance_nm"] == row["distance_nm"]
        if row["delay_cause"] is not None:
            assert row["arrived_at"] > row["scheduled_arrival_at"]


def test_lawful_intervals_are_those_of_class_a(tmp_path: Path) -> None:
    silent = FaultRates(**dict.fromkeys(FaultRates.model_fields, 0))
    summary = generate(TwinConfig(ships=2, days=3, every_s=None, seed=3, faults=silent), tmp_path)
    reports = pl.read_ndjson(gzip.decompress((tmp_path / "ais.jsonl.gz").read_bytes())).filter(
        pl.col("event_type") == "position"
    )
    legs = reports.sort("mmsi", "observed_at_ms").with_columns(
        seconds=pl.col("observed_at_ms").diff().over("mmsi") / 1_000,
        was=pl.col("nav_status").shift(1).over("mmsi"),
    )
    at_rest = legs.filter((pl.col("nav_status") == 5) & (pl.col("was") == 5))["seconds"].round(2).mode()
    slow = legs.filter((pl.col("nav_status") == 0) & (pl.col("sog_kn") < 13))["seconds"].round(2).mode()
    assert at_rest.to_list() == [180]
    assert slow.to_list() == [10]
    assert summary.truth["faults"] == {}


def test_words_that_are_no_interval_are_refused() -> None:
    assert parse_every("5min") == 300
    assert parse_every("lawful") is None
    with pytest.raises(ConfigurationError, match="write for example"):
        parse_every("often")
    with pytest.raises(ConfigurationError, match="ships"):
        TwinConfig.checked(ships=0)
