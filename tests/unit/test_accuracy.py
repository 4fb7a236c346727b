"""How found port calls and voyages are matched with the truth."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from bench.accuracy_fuel import co2_by_mile, static_reports
from bench.accuracy_ships import adjusted_rand, sender_of
from bench.accuracy_truth import (
    NEVER,
    Event,
    distance_error_pct,
    matched,
    score,
    true_calls,
    true_voyages,
    voyage,
    write_whole_truth,
)
from producers.twin import FaultRates, TwinConfig, generate


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


CALL = Event(1, "NLRTM", day(3), day(5))


@pytest.mark.parametrize(
    ("found", "is_right"),
    [
        (Event(1, "NLRTM", day(4), NEVER), True),
        (Event(1, "NLRTM", day(1), day(3)), True),
        (Event(1, "NLRTM", day(6), day(7)), False),
        (Event(1, "SEGOT", day(3), day(5)), False),
        (Event(2, "NLRTM", day(3), day(5)), False),
    ],
)
def test_a_call_is_right_for_the_same_ship_and_port_with_some_time_in_common(found: Event, is_right: bool) -> None:
    assert (matched([CALL], [found]) == [(CALL, found)]) is is_right


def test_one_call_that_was_found_twice_is_right_once() -> None:
    halves = [Event(1, "NLRTM", day(3), day(4)), Event(1, "NLRTM", day(4), day(5))]

    wanted = {"true": 2, "found": 2, "matched": 1, "precision": 0.5, "recall": 0.5}
    assert score([CALL, Event(1, "SEGOT", day(7), day(8))], halves) == wanted


def test_an_open_voyage_agrees_with_an_open_one_only() -> None:
    true = voyage(1, "NLRTM", "SEGOT", day(1), None, None)

    assert matched([true], [voyage(1, "NLRTM", None, day(1), None, 10.0)])
    assert not matched([true], [voyage(1, "NLRTM", "SEGOT", day(1), day(3), 10.0)])


def test_the_distance_error_is_that_of_voyages_with_both_distances() -> None:
    pairs = [
        (voyage(1, "A", "B", day(1), day(2), 100), voyage(1, "A", "B", day(1), day(2), nm)) for nm in (98, 101, 100.5)
    ]
    unknown = (voyage(1, "A", "B", day(1), None, None), voyage(1, "A", "B", day(1), None, 5))

    assert distance_error_pct([*pairs, unknown]) == {"median": 1.0, "worst": 2.0}
    assert distance_error_pct([unknown]) == {"median": None, "worst": None}


def test_partitions_are_alike_by_who_is_with_whom_and_not_by_their_names() -> None:
    assert adjusted_rand(list("aabb"), list("xxyy")) == 1
    assert adjusted_rand(list("aabb"), list("xyxy")) == pytest.approx(-0.5)  # worse than chance
    assert adjusted_rand(list("aaaa"), list("xxxx")) == 1


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two ships and one more that sends with the MMSI of one of them, a week."""
    folder = tmp_path_factory.mktemp("twin")
    config = TwinConfig(ships=2, days=7, every_s=1_800, seed=2, faults=FaultRates(shared_mmsi=1))
    generate(config, folder)
    write_whole_truth(config, folder / "whole")
    return folder


def test_truth_is_that_of_every_ship_that_sends_and_each_report_has_its_ship(twin: Path) -> None:
    shared = pl.read_csv(twin / "truth/shared_mmsi.csv")
    own = pl.read_csv(twin / "register.csv").filter(~pl.col("mmsi").is_in(shared["mmsi"].implode()))
    (mmsi,), (imo,) = own["mmsi"], own["imo_number"]
    rows = pl.concat([shared.select("event_id", "mmsi"), pl.DataFrame({"event_id": ["theirs"], "mmsi": [mmsi]})])

    ships = dict(sender_of(rows, twin).rows())

    assert ships["theirs"] == imo
    assert {ships[name] for name in shared["event_id"]} == set(shared["imo_number"])
    sailing = {imo, *shared["imo_number"]}
    assert len(sailing) == 3
    assert {event.ship for event in true_calls(twin / "whole")} == sailing
    assert {event.ship for event in true_voyages(twin / "whole")} <= sailing


def test_true_co2_by_mile_is_told_of_ships_of_the_register_and_so_large_a_share_of_static_reports(twin: Path) -> None:
    register = set(pl.read_csv(twin / "register.csv")["imo_number"])
    by_mile, reports = co2_by_mile(twin), static_reports(twin, 0.5, seed=1)

    assert set(by_mile) <= register
    assert all(0.01 < tonnes < 1 for tonnes in by_mile.values())
    assert 0.3 < len(reports) / len(static_reports(twin, 1.0, seed=1)) < 0.7
    assert (reports["draught_m"] > 2).all()
