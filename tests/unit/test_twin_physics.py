"""The physics of the twin: the study's fuel, wear that shows before a failure, lanes between real ports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from contracts.ports import port, ports
from producers.twin.config import STEP_S, TwinConfig
from producers.twin.fuel import burn, engine_load, sfc_g_per_kwh
from producers.twin.lanes import LANES, distance_nm, lane
from producers.twin.register import CLASSES, fleet
from producers.twin.telemetry import engine_readings
from producers.twin.voyages import BERTH, Track, sail

CONFIG = TwinConfig(ships=30, days=60, seed=11)


@pytest.fixture(scope="module")
def tracks() -> list[Track]:
    return [sail(ship, CONFIG) for ship in fleet(CONFIG)[: CONFIG.ships]]


def test_main_engine_load_and_fuel_are_those_of_the_fourth_ghg_study() -> None:
    """A bulk carrier of 9,800 kW, 14.5 kn at 14.4 m: at 12 kn 1.2289 t/h laden, 0.8623 t/h at 8 m."""
    ship = replace(fleet(CONFIG)[0], main_engine_kw=9_800, service_speed_kn=14.5, design_draught_m=14.4)
    load = engine_load(np.full(2, 12.0), np.array([14.4, 8.0]), ship, np.full(2, 0.917), np.full(2, 0.867))
    assert load == pytest.approx([0.71293724, 0.48180314], abs=1e-6)
    burnt_t_per_h = 9_800 * load * sfc_g_per_kwh(175, load) / 1e6
    assert burnt_t_per_h == pytest.approx([1.2289007, 0.8622699], abs=1e-6)


def test_a_ship_at_berth_burns_no_fuel_in_its_main_engine_but_some_in_the_others(tracks: list[Track]) -> None:
    for track in tracks:
        burnt, at_berth = burn(track), track.phase[:-1] == BERTH
        assert burnt.main_kg_per_h[at_berth].max() == 0
        assert sum(fuel[at_berth].min() for fuel in burnt.fuel_t.values()) > 0


def test_the_tonnes_of_a_bigger_engine_are_plausible_for_its_class(tracks: list[Track]) -> None:
    daily = {t.ship.kind.name: sum(f.sum() for f in burn(t).fuel_t.values()) / CONFIG.days for t in tracks}
    assert len(daily) == len(CLASSES)
    assert 1 < daily["coaster"] < 10 < daily["ultramax bulker"] < 40 < daily["large container ship"] < 200


def _before_and_healthy(tracks: list[Track], column: str, component: str) -> tuple[list[float], list[float]]:
    near: list[float] = []
    healthy: list[float] = []
    for track in tracks:
        rows = engine_readings(track, burn(track), CONFIG).filter(pl.col("engine_load_pct") > 30)
        step = (rows["observed_at_ms"].to_numpy() - CONFIG.start_ms) // (STEP_S * 1_000) - 1
        due = np.zeros(len(rows), bool)
        worn = np.zeros(len(rows), bool)
        for failure in track.failures:
            worn |= (step >= failure.onset) & (step < failure.repaired)
            is_last = (step >= failure.failed - 2 * 288) & (step < failure.failed)
            due |= is_last & (failure.component == component)
        near += rows.filter(pl.Series(due))[column].to_list()
        healthy += rows.filter(pl.Series(~worn))[column].to_list()
    return near, healthy


@pytest.mark.parametrize(
    ("component", "column", "sign"),
    [("bearing", "vibration_mm_per_s", 1), ("cooling_pump", "coolant_temperature_c", 1),
     ("turbocharger", "exhaust_temperature_c", 1), ("bearing", "lube_oil_pressure_bar", -1)],
)  # fmt: skip
def test_an_engine_near_its_failure_reads_otherwise_than_a_healthy_one_but_not_always(
    component: str, column: str, sign: int
) -> None:
    config = CONFIG.model_copy(update={"days_between_failures": 20.0})
    worn = [sail(ship, config) for ship in fleet(config)[: config.ships]]
    near, healthy = (sign * np.array(values) for values in _before_and_healthy(worn, column, component))
    assert len(near) > 30
    assert near.mean() > healthy.mean() + healthy.std()
    assert near.min() < np.quantile(healthy, 0.99)


def test_an_engine_fails_about_once_in_the_days_that_were_asked_for(tracks: list[Track]) -> None:
    failures = [f for track in tracks for f in track.failures if f.failed < CONFIG.steps]
    assert 0.5 < len(failures) / (CONFIG.ships * CONFIG.days / CONFIG.days_between_failures) < 1.6
    for track in tracks:
        for failure in track.failures:
            if failure.failed < CONFIG.steps:
                assert track.phase[failure.failed] != BERTH


def test_lanes_run_from_port_to_port_without_jumps() -> None:
    for name, ends in LANES.items():
        sailed = lane(name)
        legs = np.diff(sailed.along_nm)
        assert legs.min() > 0
        assert legs.max() < 6
        for locode, index in zip(ends, (0, -1), strict=True):
            here = np.array([port(locode).lat_deg]), np.array([port(locode).lon_deg])
            there = sailed.lat_deg[[index]], sailed.lon_deg[[index]]
            assert distance_nm(*here, *there)[0] < 1


def test_a_lane_across_the_date_line_is_not_the_long_way_round() -> None:
    assert 4_500 < lane("north_pacific").length_nm < 5_500


def test_ports_have_their_codes_without_blanks() -> None:
    assert len(ports()) > 3_300
    assert port("NLRTM").name == "Rotterdam"
    assert all(len(code) == 5 and " " not in code for code in ports())
