"""Who is sailing: ships that share an MMSI, false places and wrong clocks, and what is remembered of them."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.accuracy_ships import adjusted_rand
from lakehouse.transforms.open_segments import SLOTS, Longs, Segments, ended, segment_id
from lakehouse.transforms.same_ship import US_PER_HOUR, Floats, discrepancy, penalised_h
from lakehouse.transforms.segments import Labelled, labelled
from producers.twin import FaultRates, TwinConfig, generate

START_US = 1_700_000_000e6
MMSI = 257_000_000
Stream = tuple[Longs, Floats]
FEW = settings(deadline=None, max_examples=15, derandomize=True)


def track(
    hours: Floats, lat: float = 10.0, lon: float = 20.0, kn: float = 12.0, cog: float = 60.0, mmsi: int = MMSI
) -> Stream:
    """A ship that keeps its speed and course; the place is that of the first hour given."""
    hours = np.asarray(hours, float)
    sailed_deg = kn * (hours - hours[0]) / 60
    north = lat + sailed_deg * np.cos(np.radians(cog))
    east = lon + sailed_deg * np.sin(np.radians(cog)) / np.cos(np.radians(north))
    same = np.ones(len(hours))
    points = [START_US + hours * US_PER_HOUR, north, (east + 180) % 360 - 180, kn * same, cog * same]
    return np.full(len(hours), mmsi), np.column_stack(points)


def mixed(*streams: Stream) -> Stream:
    """Several streams as one, in order of time."""
    mmsi, points = (np.concatenate(parts) for parts in zip(*streams, strict=True))
    order = points[:, 0].argsort(kind="stable")
    return mmsi[order], points[order]


def in_batches(stream: Stream, cuts: list[int]) -> tuple[list[str], Segments]:
    """The segment of every position, and what is remembered, when the stream is cut into batches."""
    mmsi, points = stream
    known, names = Segments.none(), []
    for start, end in pairwise([0, *sorted(cuts), len(mmsi)]):
        result = labelled(mmsi[start:end], points[start:end], known)
        names += segment_id(mmsi[start:end], result.started_us).tolist()
        known = result.segments.still_open()
    return names, known


def at_once(*streams: Stream) -> Labelled:
    return labelled(*mixed(*streams), Segments.none())


def test_a_real_mmsi_with_many_false_positions_falls_into_its_published_segments(data_dir: Path) -> None:
    raw = gzip.decompress((data_dir / "shared_mmsi/338013000.csv.gz").read_bytes())
    rows = pl.read_csv(raw, try_parse_dates=True)
    points = rows.select(pl.col("observed_at").dt.epoch("us"), "lat_deg", "lon_deg", "sog_kn", "cog_deg")
    stream = (np.full(len(rows), 338_013_000), points.to_numpy().astype(float))
    published = [str(name) for name in rows["segment"]]

    result = labelled(*stream, Segments.none())

    assert adjusted_rand(published, in_batches(stream, [])[0]) >= 0.98
    is_ship = np.array([name == published[0] for name in published])
    noise = ended(result.segments, stream[1][:, 0].max()).is_noise[result.row]
    assert np.array_equal(noise, ~is_ship)


def test_each_ship_of_the_twin_is_one_segment_also_where_two_share_an_mmsi(tmp_path: Path) -> None:
    generate(TwinConfig(ships=4, days=4, seed=5, faults=FaultRates(gaps_per_ship_day=0.2, shared_mmsi=2)), tmp_path)
    lines = gzip.decompress((tmp_path / "ais.jsonl.gz").read_bytes()).splitlines()
    found = [json.loads(line) for line in lines if b'"event_type":"position"' in line and line.endswith(b"}")]
    lawful = [p for p in found if abs(p["lat_deg"]) < 90 and 2e8 < p["mmsi"] < 8e8]
    names = ("lat_deg", "lon_deg", "sog_kn", "cog_deg")
    points = np.array([[p["observed_at_ms"] * 1e3, *(p[name] for name in names)] for p in lawful])
    points[points[:, 3] > 40, 3], points[points[:, 4] >= 360, 4] = np.nan, np.nan
    truth = pl.read_csv(tmp_path / "truth/shared_mmsi.csv")
    sender = dict(zip(truth["event_id"], truth["imo_number"], strict=True))
    ships = [sender.get(p["event_id"], p["mmsi"]) for p in lawful]

    result = labelled(np.array([p["mmsi"] for p in lawful]), points, Segments.none())

    assert len(set(ships)) == len(set(result.row)) == len(set(zip(ships, result.row, strict=True))) == 6


def _wild(seed: int) -> Stream:
    """Two vessels in order of time: ships by turns, false places, equal instants and wrong clocks."""
    rng = np.random.default_rng(seed)
    parts = [
        track(np.sort(rng.choice(np.arange(0, 30, 0.1), 40)), lat, mmsi=MMSI + i % 2)
        for i, lat in enumerate([0, 0, 0.1, 40])
    ]
    mmsi, points = mixed(*parts)
    is_false = rng.random(len(mmsi)) < 0.2
    points[is_false, 1:3] += rng.choice([-20, -0.3, 0, 0.3, 20], (is_false.sum(), 2))
    points[rng.random(len(mmsi)) < 0.05, 0] += 14 * US_PER_HOUR
    points[rng.random(len(mmsi)) < 0.1, 3:] = np.nan
    return mixed((mmsi, points))


@FEW
@given(st.integers(0, 10_000), st.lists(st.integers(0, 160), max_size=6))
def test_where_batches_end_changes_no_segment(seed: int, cuts: list[int]) -> None:
    stream = _wild(seed)

    names, known = in_batches(stream, cuts)
    names_at_once, known_at_once = in_batches(stream, [])

    assert names == names_at_once
    assert np.array_equal(known.mmsi, known_at_once.mmsi)
    assert np.array_equal(known.values, known_at_once.values, equal_nan=True)


@FEW
@given(st.integers(0, 10_000))
def test_no_more_than_six_segments_of_an_mmsi_are_remembered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mmsi, points = track(np.arange(30) / 10)
    points[:, 1:3] = rng.uniform(-80, 80, (30, 2))

    result = labelled(mmsi, points, Segments.none())

    assert len(result.segments.still_open().mmsi) == SLOTS
    assert len(result.segments.mmsi) > SLOTS


@FEW
@given(st.integers(0, 10_000))
def test_one_ship_that_sails_as_ships_do_is_one_segment(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hours = np.cumsum(rng.choice([0.003, 0.05, 0.5, 3, 20], 200, p=[0.4, 0.4, 0.1, 0.08, 0.02]))
    kn = np.repeat(rng.uniform(0, 24, 10), 20)
    cog = np.cumsum(rng.normal(0, 15, 200)) % 360
    nm = np.append(0, kn[:-1] * np.diff(hours))
    lat = np.clip(rng.uniform(-55, 55) + np.cumsum(nm * np.cos(np.radians(cog))) / 60, -70, 70)
    lon = 179.9 + np.cumsum(nm * np.sin(np.radians(cog)) / 60 / np.cos(np.radians(lat)))
    points = np.column_stack([START_US + hours * US_PER_HOUR, lat, (lon + 180) % 360 - 180, kn, cog])

    assert set(labelled(np.full(200, MMSI), points, Segments.none()).row) == {0}


def test_a_ship_that_crosses_the_antimeridian_is_one_segment() -> None:
    assert set(at_once(track(np.arange(0, 8, 0.1), lon=179.5, cog=90.0)).row) == {0}


def test_two_ships_heard_by_turns_are_two_segments_also_when_both_begin_at_one_instant() -> None:
    near, far = track(np.arange(0, 10, 0.1)), track(np.arange(0, 10, 0.1), lat=-30.0, lon=-150.0)
    stream = mixed(near, far)

    names, _ = in_batches(stream, [])

    is_near = stream[1][:, 1] > 0
    assert len(set(names)) == len({(name, bool(place)) for name, place in zip(names, is_near, strict=True)}) == 2


def test_two_ships_of_one_mmsi_that_are_heard_by_turns_in_sight_of_each_other_are_two_segments() -> None:
    hours = np.append([1.002, 1.102, 1.202], np.arange(1.35, 4, 0.1))  # then either could have sailed to the other
    beside = track(hours, lat=10.3, lon=20.18)
    stream = mixed(track(np.arange(0, 4, 0.1)), beside)

    result = labelled(*stream, Segments.none())

    is_beside = np.isin(stream[1][:, 0], beside[1][:, 0])
    assert len(set(result.row[is_beside])) == len(set(result.row[~is_beside])) == 1
    assert len(set(result.row)) == 2


@pytest.mark.parametrize("false_lat", [11.5, -40.0])
def test_a_false_position_is_noise_and_the_ship_sails_on(false_lat: float) -> None:
    ship, false = track(np.arange(0, 4, 0.05)), track(np.array([2.01]), lat=false_lat)
    stream = mixed(ship, false)

    result = labelled(*stream, Segments.none())
    later = ended(result.segments, START_US + 40 * US_PER_HOUR)

    is_false = stream[1][:, 0] == false[1][0, 0]
    assert len(set(result.row[~is_false])) == 1
    assert np.array_equal(later.is_noise[result.row], is_false)


def test_a_ship_that_turns_up_elsewhere_and_stays_there_goes_on_as_another_segment() -> None:
    result = at_once(track(np.arange(0, 2, 0.05)), track(np.arange(2.001, 4, 0.05), lat=30.0))

    assert result.row.tolist() == [0] * 40 + [1] * 40
    assert result.segments.to_columns()["is_established"].all()


def test_a_short_jump_that_time_explains_does_not_end_the_segment() -> None:
    before, after = track(np.arange(0, 2, 0.05)), track(np.arange(2.0, 4, 0.01), lat=10.6, lon=20.6)

    last = at_once(before, after)

    assert last.row[-1] == 0
    assert len(last.segments.still_open().mmsi) == 1


def test_a_clock_that_leaps_once_ends_no_segment() -> None:
    wrong = track(np.array([3.0]), lat=10.3, lon=20.5)
    wrong[1][:, 0] += 14 * US_PER_HOUR
    before, after = track(np.arange(0, 3, 0.1), kn=15.0), track(np.arange(0, 24, 0.1), kn=15.0)
    first = labelled(*mixed(before, wrong), Segments.none())

    second = labelled(*after, first.segments.still_open())

    assert set(first.row) == {0}
    assert set(second.row) == {0}


def test_a_clock_that_is_a_year_ahead_takes_no_other_segment_with_it() -> None:
    mmsi, points = track(np.arange(0, 6, 0.1))
    wrong = points[30:31].copy()
    wrong[:, 0] += 8_760 * US_PER_HOUR
    first = labelled(mmsi[:31], np.vstack([points[:30], wrong]), Segments.none())

    second = labelled(mmsi[31:], points[31:], first.segments.still_open())

    assert set(second.row) == {0}
    assert first.row.tolist() == [0] * 30 + [1]


def test_a_late_position_joins_the_ship_that_was_there_and_does_not_move_it_back() -> None:
    here, there = track(np.arange(0, 10, 0.1)), track(np.arange(0, 10, 0.1), lat=-30.0)
    known = at_once(here, there).segments.still_open()
    late = track(np.array([0.0, 6.05]), lat=-30.0)

    result = labelled(late[0][1:], late[1][1:], known)

    now = result.segments.still_open()
    assert known.values[result.row[0], 2] < 0
    assert np.array_equal(now.values[:, 1:11], known.values[:, 1:11], equal_nan=True)
    assert (now.values[:, 11] - known.values[:, 11]).sum() == 1


def test_a_ship_is_remembered_however_many_false_positions_come() -> None:
    ship = track(np.arange(0, 5, 0.1))
    false = [track(np.array([4.901 + i / 1e5]), lat=-70.0 + i) for i in range(60)]

    result = labelled(*track(np.array([5.0, 5.1]), lat=10.5, lon=20.88), at_once(ship, *false).segments.still_open())

    assert set(result.row) == {int(np.flatnonzero(result.segments.to_columns()["is_established"])[0])}


def test_what_has_been_silent_for_a_day_is_forgotten_and_was_no_noise_where_no_other_ship_was() -> None:
    lonely = at_once(track(np.array([0.0, 0.1]))).segments

    assert ended(lonely, START_US + 24 * US_PER_HOUR).is_open.tolist() == [True]
    closed = ended(lonely, START_US + 24.2 * US_PER_HOUR)
    assert closed.is_open.tolist() == closed.is_noise.tolist() == [False]
    assert len(closed.still_open().mmsi) == 0


def test_a_ship_heard_again_after_more_than_a_day_begins_a_segment() -> None:
    assert at_once(track(np.array([0.0, 23.9]), kn=0.0)).row.tolist() == [0, 0]
    assert at_once(track(np.array([0.0, 24.1]), kn=0.0)).row.tolist() == [0, 1]


def test_what_is_remembered_comes_back_from_a_table_in_any_order() -> None:
    known = at_once(*(track(np.arange(0, 3, 0.7), mmsi=MMSI + i % 3, lat=10.0 * i) for i in range(6))).segments
    columns = {name: values[::-1] for name, values in known.to_columns().items()}

    back = Segments.from_columns(columns)

    assert np.array_equal(back.mmsi, known.still_open().mmsi)
    assert np.array_equal(back.values, known.still_open().values, equal_nan=True)


def test_a_long_silence_counts_for_less_than_its_hours() -> None:
    assert penalised_h(np.array([0.0, 4.0, 16.0])).tolist() == [0, 2, pytest.approx(16 / 3)]


def test_a_ship_may_have_stopped_on_its_way_and_one_without_a_speed_is_believed_25_kn() -> None:
    _, (start,) = track(np.array([0.0]), lat=0.0, cog=0.0)
    hours = np.array([10, 0, 0, 0, 0]) * US_PER_HOUR
    stopped, swift = start + hours + [0, 1, 0, 0, 0], start + hours + [0, 4, 0, 0, 0]
    silent = swift.copy()
    silent[3:], swift[3] = np.nan, 12.0
    unknown = start.copy()
    unknown[3:] = np.nan

    off_nm, can_be = discrepancy(np.stack([start, start, unknown]), np.stack([stopped, swift, silent]))

    assert off_nm == pytest.approx([0, 120, 240], abs=1e-6)
    assert can_be.tolist() == [True, False, True]


def test_a_slow_ship_may_have_sailed_for_some_of_a_long_silence_but_not_for_all_of_it() -> None:
    _, (start,) = track(np.array([0.0]), lat=0.0, kn=0.0)
    after = np.stack([start + np.array([10 * US_PER_HOUR, lat, 0, 0, 0]) for lat in (1.5, 1.7)])

    assert discrepancy(np.stack([start, start]), after)[1].tolist() == [True, False]  # 25 kn for 3.87 h: 96.9 nm
