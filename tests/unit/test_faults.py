"""The fault suite without any broker: its checker has teeth, its schedule repeats, its exit code tells."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bench.faults import __main__ as command
from bench.faults.cells import LONGEST_GAP_SECONDS, Outcome, judge, judge_control
from bench.faults.checker import VESSELS, Findings, Held, Sent, check, key_of, longest_gap_s
from bench.faults.schedule import ALL, CONTROLS, MATRIX, Cell, schedule
from bench.faults.writers import RACES, wrong_of

RECORDS = 200
CELL = Cell(1, "leader/kill", 1.0, 0.5)


def whole() -> tuple[Sent, list[Held]]:
    """So many records in two partitions, all acknowledged where they lie."""
    held, ends = [], [0, 0]
    for number in range(RECORDS):
        partition = number % VESSELS % 2
        held.append(Held(partition, ends[partition], key_of(number), number))
        ends[partition] += 1
    return Sent(RECORDS, {r.number: (r.partition, r.offset) for r in held}), held


def test_what_was_acknowledged_and_lies_there_once_and_in_order_is_clean() -> None:
    sent, held = whole()

    assert check(sent, held).is_clean
    assert check(sent, reversed(held)).is_clean  # however it was read
    assert not check(Sent(0, {}), []).is_clean  # nothing written proves nothing


@given(at=st.integers(min_value=0, max_value=RECORDS - 1))
def test_any_one_acknowledged_record_that_is_missing_is_lost(at: int) -> None:
    sent, held = whole()

    found = check(sent, held[:at] + held[at + 1 :])

    assert (found.lost, found.twice, found.reordered) == ([at], [], [])
    assert not found.is_clean


@given(at=st.integers(min_value=0, max_value=RECORDS - 1))
def test_any_one_record_that_is_there_again_is_twice(at: int) -> None:
    sent, held = whole()
    again = held[at]._replace(offset=RECORDS + 1)

    found = check(sent, [*held, again])

    assert (found.lost, found.twice) == ([], [at])
    assert not found.is_clean


def test_a_record_behind_a_later_one_of_its_vessel_is_reordered_and_other_vessels_do_not_matter() -> None:
    sent, held = whole()
    first, second = held[4], held[4 + VESSELS]
    swapped = [first._replace(offset=second.offset), second._replace(offset=first.offset)]
    neighbours = [held[4]._replace(offset=held[6].offset), held[6]._replace(offset=held[4].offset)]

    found = check(sent, [r for r in held if r not in (first, second)] + swapped)
    lawful = check(sent, [r for r in held if r not in (held[4], held[6])] + neighbours)

    assert found.reordered == [4]
    assert lawful.reordered == []


def test_a_vessel_in_two_partitions_has_no_order() -> None:
    sent, held = whole()
    elsewhere = held[-1]._replace(partition=7)

    assert check(sent, [*held[:-1], elsewhere]).reordered == [RECORDS - 1]


def test_a_record_that_lies_elsewhere_than_the_broker_said_is_moved_and_an_untold_place_is_none() -> None:
    sent, held = whole()
    untold = replace(sent, acknowledged={**sent.acknowledged, 3: (held[3].partition, -1)})
    elsewhere = replace(sent, acknowledged={**sent.acknowledged, 3: (held[3].partition, 9_999)})

    assert check(untold, held).is_clean
    assert check(elsewhere, held).moved == [3]


def test_a_record_that_nobody_sent_or_under_another_key_is_foreign() -> None:
    sent, held = whole()
    wrong_key = [held[0]._replace(key="999"), *held[1:]]

    assert check(sent, [*held, Held(0, 9_999, key_of(RECORDS), RECORDS)]).foreign == [RECORDS]
    assert check(sent, wrong_key).foreign == [0]


def test_an_unanswered_record_is_told_even_where_it_arrived() -> None:
    sent, held = whole()
    fewer = {number: place for number, place in sent.acknowledged.items() if number != 5}

    found = check(replace(sent, acknowledged=fewer), held)

    assert (found.unanswered, found.lost) == ([5], [])
    assert not found.is_clean


def test_the_longest_gap_is_that_of_the_partition_that_stood_still() -> None:
    assert longest_gap_s({0: [1.0, 1.1, 1.2, 9.0], 1: [1.0, 5.0, 9.0]}) == pytest.approx(7.8)
    assert longest_gap_s({}) == 0.0


def found(**wrong: Any) -> Findings:
    clean = Findings(100, 1.0, [], [], [], [], [], [])
    return replace(clean, **wrong)


def test_a_cell_with_anything_wrong_or_a_gap_too_long_is_not_clean() -> None:
    assert judge(CELL, 1, found(), gap_counts=True).holds
    for name in ("lost", "twice", "reordered", "foreign", "moved", "unanswered"):
        assert not judge(CELL, 1, found(**{name: [7]}), gap_counts=True).holds
    long = found(longest_gap_s=LONGEST_GAP_SECONDS + 0.1)
    assert not judge(CELL, 1, long, gap_counts=True).holds
    assert judge(CELL, 1, long, gap_counts=False).holds


def test_a_control_in_which_nothing_is_found_fails() -> None:
    control = replace(CELL, name="control/idempotence-off")

    assert judge_control(control, 1, found(twice=[3]), "twice").holds
    assert not judge_control(control, 1, found(), "twice").holds
    assert not judge_control(control, 1, found(lost=[3]), "twice").holds


def test_races_must_keep_every_row_under_the_lock_and_lose_some_without_it() -> None:
    locked, bare = {f"a lock {n}" for n in range(RACES)}, {"a bare 0", "b bare 0"}
    kept = {"lock": locked, "bare": bare}

    assert wrong_of(kept, [*locked, "a bare 0"]) == []
    assert "nothing was lost" in " ".join(wrong_of(kept, [*locked, *bare]))
    assert "under the lock" in " ".join(wrong_of(kept, [*sorted(locked)[1:], "a bare 0"]))
    assert "twice" in " ".join(wrong_of(kept, [*locked, "a lock 0", "a bare 0"]))


def test_a_seed_repeats_the_schedule_and_a_cell_alone_comes_as_among_all() -> None:
    every = schedule(7, 2)

    assert every == schedule(7, 2) != schedule(8, 2)
    assert {cell.name for cell in every} == set(ALL)
    assert schedule(7, 2, ["leader/isolate"]) == [cell for cell in every if cell.name == "leader/isolate"]
    assert {cell.name for cell in schedule(7, 1, ["control/*"])} == set(CONTROLS)


def test_the_matrix_is_eight_faults_of_three_roles() -> None:
    assert len(MATRIX) == 24
    assert {name.split("/")[0] for name in MATRIX} == {"leader", "follower", "controller"}


@pytest.mark.parametrize(("wrong", "code"), [((), 0), (("1 lost, first 7",), 1)])
def test_an_unclean_cell_is_named_and_ends_the_command_with_1(
    monkeypatch: pytest.MonkeyPatch, wrong: tuple[str, ...], code: int
) -> None:
    monkeypatch.setattr(command, "_in_a_home", lambda _settings, cells: [Outcome(cells[0], 1, found(), wrong)])

    table = CliRunner().invoke(command.main, ["--only", "leader/kill", "--inside"])
    machine = CliRunner().invoke(command.main, ["--only", "leader/kill", "--inside", "--json"])

    assert (table.exit_code, machine.exit_code) == (code, code)
    assert ("1 lost, first 7" in table.stdout) is bool(wrong)
    assert json.loads(machine.stdout)["holds"] is (code == 0)


def test_without_the_rights_or_the_programs_the_command_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "missing", lambda: ["the rights of root, for namespaces and mounts"])

    done = CliRunner().invoke(command.main, ["--only", "leader/kill"])

    assert done.exit_code == 2
    assert "needs the rights of root" in done.stderr
