"""Port calls from positions: near which port, when it came, lay still and left."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from contracts.ports import world_port_index
from lakehouse.reference import PORT_SCHEMA, port_frame
from lakehouse.transforms.port_areas import with_nearest_port
from lakehouse.transforms.port_calls import PORT_CALL, port_calls
from lakehouse.transforms.port_calls_anew import recompute_from, restated

MIDNIGHT = datetime(2024, 3, 2, tzinfo=UTC)
SCHEMA = (
    "segment_id string, mmsi long, observed_at timestamp, lat_deg double, lon_deg double, sog_kn double, nav_status int"
)
HOME, NEXT_DOOR, AWAY, ON_THE_LINE = ("1", 50.0, 0.0), ("2", 50.05, 0.0), ("3", 52.0, 0.0), ("4", -17.0, 179.99)
KM_IN_DEG = 1 / 111.24
Seen = tuple[float, float, float | None]
"""Minutes after midnight, km north of the home port, speed."""


@pytest.fixture(scope="module")
def ports(spark: SparkSession) -> DataFrame:
    """Two neighbours 5.6 km apart, one far north of them, and one at the antimeridian."""
    rows = [(number, f"XX{number}", f"Port {number}", lat, lon) for number, lat, lon in (HOME, NEXT_DOOR, AWAY)]
    return spark.createDataFrame([*rows, (ON_THE_LINE[0], None, "Line", *ON_THE_LINE[1:])], PORT_SCHEMA)


def row(seen: Seen, segment_id: str = "a") -> tuple[object, ...]:
    minutes, km, sog_kn = seen
    sog = None if sog_kn is None else float(sog_kn)
    return segment_id, 1, MIDNIGHT + timedelta(minutes=minutes), 50 + km * KM_IN_DEG, 0.0, sog, None


def track(ports: DataFrame, *seen: Seen, segment_id: str = "a") -> DataFrame:
    rows = [row(each, segment_id) for each in seen]
    return with_nearest_port(ports.sparkSession.createDataFrame(rows, SCHEMA), ports)


def calls(positions: DataFrame) -> list[Row]:
    return port_calls(positions).orderBy("segment_id", "arrived_at").collect()


def at(minutes: float) -> datetime:
    return (MIDNIGHT + timedelta(minutes=minutes)).replace(tzinfo=None)


def test_the_nearest_port_within_four_kilometres_is_found_anywhere_on_earth(spark: SparkSession) -> None:
    rng, index = np.random.default_rng(5), world_port_index()
    lat, lon = (np.array([getattr(p, name) for p in index]) for name in ("lat_deg", "lon_deg"))
    chosen = np.r_[rng.integers(len(index), size=300), np.argsort(-np.abs(lat))[:40], np.argsort(-np.abs(lon))[:40]]
    off_deg, bearing = rng.uniform(0, 6, len(chosen)) * KM_IN_DEG, rng.uniform(0, 2 * np.pi, len(chosen))
    lats = lat[chosen] + off_deg * np.cos(bearing)
    lons = (lon[chosen] + off_deg * np.sin(bearing) / np.cos(np.radians(lats)) + 180) % 360 - 180
    places = [(i, float(a), float(b)) for i, (a, b) in enumerate(zip(lats, lons, strict=True))]

    found = with_nearest_port(spark.createDataFrame(places, "i int, lat_deg double, lon_deg double"), port_frame(spark))

    got = {each.i: each for each in found.collect()}
    assert len(got) == len(places)
    for i, a, b in places:
        half_lat, half_lon = np.radians(lat - a) / 2, np.radians(lon - b) / 2
        hav = np.sin(half_lat) ** 2 + np.cos(np.radians(a)) * np.cos(np.radians(lat)) * np.sin(half_lon) ** 2
        km = 2 * 6371.0088 * np.arcsin(np.sqrt(hav))
        nearest = int(np.argmin(km))
        if km[nearest] < 3.97:
            assert got[i].port_km == pytest.approx(km[nearest], rel=0.01)
        elif km[nearest] > 4.03:
            assert (got[i].wpi_number, got[i].port_km) == (None, None)


def test_the_distance_of_a_port_is_the_geodesic_and_the_antimeridian_is_no_border(ports: DataFrame) -> None:
    here = [("a", 1, MIDNIGHT, -17.0, -179.99, 1.0, None), ("b", 1, MIDNIGHT, 50.02, 0.0, 1.0, None)]

    found = with_nearest_port(ports.sparkSession.createDataFrame(here, SCHEMA), ports).orderBy("segment_id").collect()

    assert [(r.wpi_number, r.locode) for r in found] == [("4", None), ("1", "XX1")]
    assert [r.port_km for r in found] == pytest.approx([2.129717, 2.224585], rel=2e-5)


def test_a_ship_that_wavers_between_the_two_limits_neither_comes_nor_goes(ports: DataFrame) -> None:
    km = (10, 3.5, 2.9, 3.5, 2.9, 3.9, 3.2, 4.2, 3.5, 10)

    (call,) = calls(track(ports, *((10 * i, -away, 5) for i, away in enumerate(km))))

    assert (call.arrived_at, call.departed_at, call.left_by_at) == (at(20), at(60), at(70))
    assert (call.locode, call.port_name, call.position_count, call.confidence) == ("XX1", "Port 1", 5, 1)


def test_a_stop_begins_at_a_fifth_of_a_knot_and_ends_at_half_a_knot(ports: DataFrame) -> None:
    speeds = (6, 0.4, 0.2, 0.4, None, 0.4, 0.5, 0.4, 0.6)

    (call,) = calls(track(ports, (-10, -9, 6), *((10 * i, -1, sog) for i, sog in enumerate(speeds)), (90, -9, 6)))

    assert (call.stopped_at, call.moved_at) == (at(20), at(50))
    assert call.stopped_hours == pytest.approx(40 / 60)


SEEN: dict[str, tuple[list[Seen], int | None]] = {
    "entry, stop, exit": ([(0, -9, 6), (10, -1, 0), (20, -9, 6)], 4),
    "entry, gap, exit": ([(0, -9, 6), (10, -1, 3), (260, -9, 6)], 4),
    "entry, stop": ([(0, -9, 6), (10, -1, 0)], 3),
    "stop, exit": ([(10, -1, 0), (20, -9, 6)], 3),
    "stop": ([(10, -1, 0), (20, -1, 3)], 2),
    "entry, exit": ([(0, -9, 6), (10, -1, 6), (249, -9, 6)], 1),
    "exit": ([(10, -1, 6), (20, -9, 6)], 1),
    "neither": ([(10, -1, 6), (20, -1, 6)], None),
    "a stop outside": ([(0, -9, 0), (10, -9, 0)], None),
}


def test_confidence_grows_with_the_entry_the_exit_and_the_stop_or_gap_that_were_seen(ports: DataFrame) -> None:
    rows = [row(each, what) for what, (seen, _) in SEEN.items() for each in seen]

    found = calls(with_nearest_port(ports.sparkSession.createDataFrame(rows, SCHEMA), ports))

    assert {call.segment_id: call.confidence for call in found} == {k: c for k, (_, c) in SEEN.items() if c}


def test_a_call_is_open_until_the_ship_is_seen_outside_and_keeps_its_id(ports: DataFrame) -> None:
    positions = track(ports, (0, -9, 6), (10, -1, 0), (20, -1, 0), (30, -9, 6))

    (call,) = calls(positions.where(F.col("observed_at") < MIDNIGHT + timedelta(minutes=30)))
    (closed,) = calls(positions)

    assert (call.is_open, call.departed_at, call.left_by_at) == (True, None, None)
    assert (closed.is_open, closed.departed_at, closed.left_by_at) == (False, at(20), at(30))
    assert call.port_call_id == closed.port_call_id == f"a-{int(MIDNIGHT.timestamp()) + 600}"


def test_a_ship_that_goes_on_to_the_port_next_door_makes_one_call_where_it_lay_longest(ports: DataFrame) -> None:
    way = [(0, -9, 6), (10, 0, 0), (20, 0, 0), (30, 2.9, 6), (40, 5.6, 0), (80, 5.6, 0), (90, 20, 6)]

    assert [call.wpi_number for call in calls(track(ports, *way))] == ["2"]


def test_a_ship_that_was_silent_from_one_port_to_another_made_two_calls(ports: DataFrame) -> None:
    far_km = 2 / KM_IN_DEG

    here, there = calls(track(ports, (0, 0, 0), (10, 0, 0), (910, far_km, 0), (920, far_km, 0)))

    assert (here.wpi_number, here.departed_at, here.has_gap) == ("1", at(10), True)
    assert (there.wpi_number, there.arrived_at, there.has_entry, there.is_open) == ("3", at(910), True, True)


def test_two_ships_that_share_an_mmsi_have_their_own_calls(ports: DataFrame) -> None:
    one = [row(seen, "a") for seen in [(0, -9, 6), (10, -1, 0), (30, -9, 6)]]
    other = [row(seen, "b") for seen in [(5, -90, 6), (15, -90, 0), (25, -1, 0)]]

    found = calls(with_nearest_port(ports.sparkSession.createDataFrame(one + other, SCHEMA), ports))

    assert [(c.segment_id, c.mmsi, c.is_open) for c in found] == [("a", 1, False), ("b", 1, True)]


def wandering(rng: random.Random, steps: int) -> list[Seen]:
    """A ship that comes and goes at the two neighbours, with every speed and every distance near the limits."""
    km, seen = -9.0, []
    for i in range(steps):
        km = max(-9.0, min(14.0, km + rng.choice((-2.5, -0.7, 0.7, 2.5))))
        seen.append((10.0 * i + rng.choice((0, 0, 0, 300)), km, rng.choice((0.1, 0.3, 0.4, 0.6, 6.0, None))))
    return list({minutes: (minutes, km, sog) for minutes, km, sog in seen}.values())


def test_late_positions_restate_their_own_segments_from_the_last_settled_call_on(ports: DataFrame) -> None:
    rng, rows, late = random.Random(7), [], []
    for segment_id in "abcdefgh":
        mine = [row(seen, segment_id) for seen in wandering(rng, 150)]
        held_back = set(rng.sample(range(75, 150), 4)) if segment_id != "h" else set()
        late += [each for i, each in enumerate(mine) if i in held_back]
        rows += [each for i, each in enumerate(mine) if i not in held_back]
    early, new = (ports.sparkSession.createDataFrame(part, SCHEMA) for part in (rows, late))
    everything = with_nearest_port(early.union(new), ports)
    stored = ports.sparkSession.createDataFrame(calls(with_nearest_port(early, ports)), port_calls(everything).schema)

    starts = recompute_from(stored, new)

    begins = {each.segment_id: each.recompute_from for each in starts.collect()}
    kept = [c for c in stored.collect() if c.segment_id not in begins or _stands(c, begins[c.segment_id])]
    anew = restated(everything, starts).select(*PORT_CALL).collect()
    assert "h" not in {call.segment_id for call in anew}
    assert sum(begin is not None and begin > at(0) for begin in begins.values()) > 3
    assert sorted(kept + anew) == sorted(calls(everything))


def _stands(call: Row, begin: datetime | None) -> bool:
    return begin is not None and call.arrived_at <= begin
