"""The collision watch: who is found near whom, what is told, and what is left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.collision.grid import Grid
from consumers.collision.limits import limits_of
from consumers.collision.picture import Picture, Positions, near_ports
from consumers.collision.watch import CollisionWatch
from contracts.errors import ConfigurationError
from contracts.events import AisPosition, Alert
from contracts.settings import Settings
from lakehouse.transforms.cpa import Floats, offset_nm

T0 = 1_700_000_000
EAST, WEST = 219_000_001, 219_000_002
LIMITS = limits_of(Settings())
Ship = tuple[int, float, float, float, float]


def nowhere(lat: Floats, lon: Floats) -> np.ndarray:
    return np.zeros(len(lat), np.bool_)


def batch(*ships: Ship, at_s: float = T0, status: int = 0) -> Positions:
    """Ships as (mmsi, lat, lon, sog, cog), all heard at one instant."""
    mmsi, lat, lon, sog, cog = (np.array(values, np.float64) for values in zip(*ships, strict=True))
    whole = mmsi.astype(np.int64)
    return Positions(whole, np.full(len(mmsi), float(at_s)), lat, lon, sog, cog, np.full(len(mmsi), status))


def head_on(apart_nm: float = 4.0, aside_nm: float = 0.0, kn: float = 12.0, lat: float = 0.0) -> tuple[Ship, Ship]:
    """Two ships on the equator that sail towards each other."""
    half = apart_nm / 120
    return (EAST, lat, -half, kn, 90.0), (WEST, lat + aside_nm / 60, half, kn, 270.0)


def watch(**limits: float) -> CollisionWatch:
    return CollisionWatch(replace(LIMITS, **limits), nowhere)


def levels(alerts: list[Alert]) -> list[str]:
    return [alert.severity for alert in alerts]


def test_two_ships_on_a_collision_course_are_told_with_what_the_alert_rests_on() -> None:
    (alert,) = watch().see(batch(*head_on()))
    told = json.loads(alert.evidence or "")

    assert (alert.rule, alert.severity, alert.mmsi, alert.observed_at_ms) == (
        "collision_risk", "critical", EAST, T0 * 1_000,
    )  # fmt: skip
    assert (told["distance_nm"], told["dcpa_nm"], told["tcpa_minutes"]) == (4.0, 0.0, 10.0)
    assert [vessel["mmsi"] for vessel in told["vessels"]] == [EAST, WEST]
    assert alert.message == f"{EAST} and {WEST} will pass 0.00 nm apart in 10 minutes."


@pytest.mark.parametrize(
    ("aside_nm", "found"), [(0.5, ["critical"]), (0.6, ["warning"]), (1.0, ["warning"]), (1.1, [])]
)
def test_how_close_they_will_pass_decides_the_level(aside_nm: float, found: list[str]) -> None:
    assert levels(watch().see(batch(*head_on(aside_nm=aside_nm - 1e-9)))) == found


def test_a_pass_too_far_ahead_or_already_over_is_not_told() -> None:
    east, west = head_on(apart_nm=9.0, kn=12.0)
    away = (east[0], east[1], west[2], 12.0, 90.0), (west[0], west[1], east[2], 12.0, 270.0)

    assert levels(watch(within_minutes=30).see(batch(east, west))) == ["critical"]
    assert watch(within_minutes=20).see(batch(east, west)) == []
    assert watch().see(batch(*away)) == []


def test_ships_heard_at_different_times_are_brought_to_one() -> None:
    east, west = head_on(apart_nm=8.0, kn=12.0)
    seen = watch()
    seen.see(batch(east, at_s=T0 - 300))
    (alert,) = seen.see(batch(west))

    assert json.loads(alert.evidence or "")["distance_nm"] == pytest.approx(7.0)


def test_ships_on_both_sides_of_the_antimeridian_are_found() -> None:
    east, west = head_on()
    moved = ((east[0], 10.0, 179.97, 12.0, 90.0), (west[0], 10.0, -179.97, 12.0, 270.0))

    assert levels(watch().see(batch(*moved))) == ["critical"]


@pytest.mark.parametrize("status", [1, 5, 6])
def test_a_ship_moored_at_anchor_or_aground_is_left_alone(status: int) -> None:
    east, west = head_on()
    seen = watch()
    seen.see(batch(west, status=status))

    assert seen.see(batch(east)) == []


def test_a_pair_of_slow_ships_is_left_alone_and_one_fast_ship_is_enough() -> None:
    east, west = head_on(apart_nm=1.0, kn=2.9)

    assert watch().see(batch(east, west)) == []
    assert levels(watch().see(batch((*east[:3], 3.0, 90.0), west))) == ["critical"]


def test_ships_in_a_harbour_are_left_alone_and_those_outside_are_not() -> None:
    harbour = near_ports(np.array([0.0]), np.array([0.0]), 3.0)

    assert CollisionWatch(LIMITS, harbour).see(batch(*head_on())) == []
    assert levels(CollisionWatch(LIMITS, harbour).see(batch(*head_on(lat=0.2)))) == ["critical"]


def test_a_pair_is_told_once_until_it_becomes_critical_and_again_after_a_while() -> None:
    seen = watch(repeat_minutes=30)
    warning, danger = batch(*head_on(aside_nm=0.8)), batch(*head_on(aside_nm=0.2))
    later = [replace(which, observed_at_s=which.observed_at_s + s) for which, s in ((warning, 60), (danger, 120))]
    again = [replace(danger, observed_at_s=danger.observed_at_s + s) for s in (180, 120 + 1_801)]

    assert [levels(seen.see(which)) for which in (warning, *later, *again)] == [
        ["warning"], [], ["critical"], [], ["critical"],
    ]  # fmt: skip


def test_a_tug_and_its_tow_are_left_alone_even_when_the_tow_swings() -> None:
    seen, found = watch(), []
    for minute in range(30):
        swing = 20.0 if minute == 20 else 0.0
        tug, tow = (EAST, minute / 600, 0.0, 6.0, 0.0), (WEST, minute / 600 - 0.004, 0.001, 6.0, swing)
        found += seen.see(batch(tug, tow, at_s=T0 + 60 * minute))

    assert found == []
    assert levels(watch().see(batch((EAST, 0.0, 0.0, 6.0, 0.0), (WEST, -0.004, 0.001, 9.0, 350.0)))) == ["critical"]


def test_a_pair_that_parted_is_judged_like_any_other() -> None:
    seen = watch()
    for minute in range(12):
        seen.see(batch((EAST, 0.0, 0.0, 6.0, 0.0), (WEST, -0.004, 0.0, 6.0, 0.0), at_s=T0 + 60 * minute))
    seen.see(batch((WEST, -0.1, 0.0, 6.0, 180.0), at_s=T0 + 780))

    assert levels(seen.see(batch((WEST, -0.1, 0.0, 20.0, 0.0), at_s=T0 + 840))) == ["critical"]


def test_only_ships_with_a_speed_and_a_course_are_judged() -> None:
    east, west = head_on()

    assert watch().see(batch((*east[:4], np.nan), west)) == []
    assert watch().see(batch((992_191_000, *east[1:]), west)) == []


def test_a_report_older_than_known_or_far_ahead_of_its_batch_does_not_move_a_ship() -> None:
    picture = Picture(600)
    east, west = head_on()
    picture.update(batch(east, west))
    old = picture.update(batch((EAST, 50.0, 50.0, 1.0, 1.0), at_s=T0 - 1))
    ahead = replace(batch(*head_on(apart_nm=6), *head_on(apart_nm=6)), mmsi=np.array([EAST, WEST, EAST, EAST]))
    ahead = replace(ahead, observed_at_s=np.array([T0 + 1, T0 + 1, T0 + 1, T0 + 86_400]))

    assert old.tolist() == []
    assert sorted(picture.update(ahead).tolist()) == [EAST, WEST]
    assert picture.vessels.observed_at_s.tolist() == [T0 + 1, T0 + 1]
    assert picture.now_s == T0 + 1


def test_a_ship_that_fell_silent_is_forgotten() -> None:
    picture = Picture(600)
    picture.update(batch(*head_on()))
    picture.update(batch((EAST, 0.0, 0.0, 1.0, 1.0), at_s=T0 + 601))

    assert picture.vessels.mmsi.tolist() == [EAST]


def test_sentinels_of_the_wire_are_no_speed_and_no_course() -> None:
    given: dict[str, Any] = {"event_id": "a", "source": "noaa", "mmsi": EAST, "observed_at_ms": T0 * 1_000}
    given |= {"lat_deg": 1.0, "lon_deg": 2.0}
    lawful = AisPosition(**given, sog_kn=12.0, cog_deg=90.0, nav_status=5)
    absent = AisPosition(**given, sog_kn=102.3, cog_deg=360.0)
    found = Positions.of([lawful, absent])

    assert (found.sog_kn[0], found.cog_deg[0], found.nav_status.tolist()) == (12.0, 90.0, [5, 15])
    assert np.isnan([found.sog_kn[1], found.cog_deg[1]]).all()
    assert len(Positions.of([])) == 0


def test_one_approach_has_one_id_however_its_reports_are_read_together() -> None:
    ships = batch(*head_on())
    later = replace(ships, observed_at_s=ships.observed_at_s + 7)
    (at_once,) = watch().see(ships)
    apart = watch()
    apart.see(ships.take(np.array([0])))
    (after,) = apart.see(later)

    assert at_once.event_id == after.event_id
    assert at_once.observed_at_ms != after.observed_at_ms


def test_a_pair_that_is_told_again_has_another_id_and_so_has_another_severity() -> None:
    seen, warning, danger = watch(repeat_minutes=30), batch(*head_on(aside_nm=0.8)), batch(*head_on(aside_nm=0.2))
    found = [
        alert
        for which, s in ((warning, 0), (danger, 60), (danger, 1_900), (danger, 3_800))
        for alert in seen.see(replace(which, observed_at_s=which.observed_at_s + s))
    ]

    assert levels(found) == ["warning", "critical", "critical", "critical"]
    assert len({alert.event_id for alert in found}) == 4


def test_what_was_told_before_is_not_told_anew_and_a_warning_may_become_critical() -> None:
    warned, again = watch(), watch()
    again.remember(warned.see(batch(*head_on(aside_nm=0.8))))

    assert again.see(batch(*head_on(aside_nm=0.8), at_s=T0 + 5)) == []
    assert levels(again.see(batch(*head_on(aside_nm=0.2), at_s=T0 + 10))) == ["critical"]


def test_of_several_alerts_of_before_the_newest_counts_in_whatever_order_they_come() -> None:
    seen, again = watch(repeat_minutes=5), watch(repeat_minutes=5)
    told = [a for s in (0, 400) for a in seen.see(batch(*head_on(), at_s=T0 + s))]
    again.remember(reversed(told))

    assert len(told) == 2
    assert again.see(batch(*head_on(), at_s=T0 + 600)) == []


def test_filling_the_picture_tells_nothing_and_marks_nothing_as_told() -> None:
    seen = watch()
    seen.fill(batch(*head_on()))

    assert levels(seen.see(batch(head_on()[0], at_s=T0 + 1))) == ["critical"]


def test_filling_the_picture_shows_who_is_in_company() -> None:
    seen = watch()
    for minute in range(12):
        seen.fill(batch((EAST, 0.0, 0.0, 6.0, 0.0), (WEST, -0.004, 0.0, 6.0, 0.0), at_s=T0 + 60 * minute))
    swings = batch((EAST, 0.0, 0.0, 6.0, 0.0), (WEST, -0.004, 0.0, 9.0, 350.0), at_s=T0 + 700)

    assert seen.see(swings) == []
    assert levels(watch().see(swings)) == ["critical"]


def test_no_harbour_is_looked_for_within_no_distance() -> None:
    nowhere_at_all = near_ports(np.array([0.0]), np.array([0.0]), 0.0)

    assert levels(CollisionWatch(LIMITS, nowhere_at_all).see(batch(*head_on()))) == ["critical"]


@pytest.mark.parametrize("wrong", [{"collision_danger_nm": 1.5}, {"collision_warn_nm": 11.0}])
def test_limits_that_contradict_each_other_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="lower the one that is too large"):
        limits_of(Settings.model_validate(wrong))


@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=30),
    near=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.5, 0.5)),
)
def test_every_point_within_reach_is_found_once_anywhere_on_earth(
    places: list[tuple[float, float]], near: tuple[float, float]
) -> None:
    lat, lon = (np.array(values) for values in zip(*places, strict=True))
    asked_lat, asked_lon = np.clip(lat + near[0], -80, 80), (lon + near[1] + 180) % 360 - 180
    asked, found = Grid(lat, lon, 10.0).near(asked_lat, asked_lon)
    pairs = list(zip(asked.tolist(), found.tolist(), strict=True))
    x_nm, y_nm = offset_nm(asked_lat[:, None], asked_lon[:, None], lat[None, :], lon[None, :])
    within = set(zip(*(axis.tolist() for axis in np.nonzero(np.hypot(x_nm, y_nm) <= 10.0)), strict=True))

    assert len(pairs) == len(set(pairs))
    assert within <= set(pairs)
