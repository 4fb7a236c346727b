"""Which entries of a log may go: judged by the names and times of its files alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.settings import Settings
from contracts.tables import SILVER_POSITIONS, SILVER_VESSELS
from lakehouse.under_way import telling, versions_read
from lakehouse.upkeep.log import LogFile
from lakehouse.upkeep.readers import Reader
from lakehouse.upkeep.thinning import Rule, cut_off, far, free

BEGUN = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
MINUTES, EACH = 300, 10
"""A commit a minute for five hours, a checkpoint each ten."""


def entry(version: int, ending: str) -> LogFile:
    return LogFile(f"_delta_log/{version:020d}.{ending}", version, 1, BEGUN + timedelta(minutes=version))


LOG = [
    entry(version, ending)
    for version in range(MINUTES)
    for ending in ("checkpoint.parquet", "crc", "json")
    if version % EACH == 0 or ending != "checkpoint.parquet"
]


def rule(newest: int = 30, *, all_days: int = 30, hours: int = 168) -> Rule:
    now = BEGUN + timedelta(minutes=MINUTES)
    return Rule(newest, now - timedelta(days=all_days), now - timedelta(hours=hours))


def commits(files: Iterable[LogFile]) -> set[int]:
    return {file.version for file in files if file.is_commit}


def kept(readers: list[Reader], by: Rule) -> set[int]:
    return commits(LOG) - commits(free(LOG, readers, by))


HOURLY = {0, 30, 90, 150, 210}
"""First checkpoints of their hours: 0:30, 1:00, and so on; 4:30 is among the newest."""


def test_all_of_the_newest_are_kept_and_one_an_hour_before() -> None:
    # 269 is one too many; the newest are read from the checkpoint before it
    assert kept([], rule()) == HOURLY | set(range(260, MINUTES))


def test_hours_whose_files_are_no_longer_kept_go() -> None:
    assert kept([], rule(hours=3)) == {150, 210} | set(range(260, MINUTES))


def test_what_is_older_than_the_log_is_to_be_goes_though_it_is_among_the_newest() -> None:
    later = Rule(MINUTES, BEGUN + timedelta(minutes=205), BEGUN + timedelta(minutes=MINUTES))

    assert kept([], later) == set(range(200, MINUTES))


def test_who_follows_the_log_keeps_every_entry_from_the_checkpoint_before() -> None:
    follower = Reader("stream gold.vessels", 123, follows=True)

    assert kept([follower], rule()) == {0, 30, 90} | set(range(120, MINUTES))
    assert cut_off(LOG, [follower], rule()) == [follower]


def test_a_version_that_is_named_keeps_what_it_is_read_from_and_nothing_after_it() -> None:
    pins = [Reader("report", version, whole=True, is_pin=True) for version in (45, 120)]

    assert kept(pins, rule()) == HOURLY | set(range(40, 46)) | {118, 119, 120} | set(range(260, MINUTES))
    assert cut_off(LOG, pins, rule()) == []


def test_versions_that_are_named_far_behind_a_checkpoint_want_one_of_their_own() -> None:
    versions = {45: True, 48: True, 120: True, 58: False, 290: True}
    pins = [Reader("report", version, whole=True, is_pin=is_pin) for version, is_pin in versions.items()]

    # 45 and 48 are the 6th and the 9th entry; from 50 on every entry is kept for the reader at 58
    assert far(LOG, pins, rule()) == [45, 48]
    assert far([file for file in LOG if file.version != 43], pins, rule()) == []  # they cannot be read any more


def test_a_checkpoint_that_is_written_later_stands_for_the_hour_of_its_version() -> None:
    later = LogFile(f"_delta_log/{45:020d}.checkpoint.parquet", 45, 1, BEGUN + timedelta(minutes=215))
    files = sorted([*LOG, later], key=lambda file: file.version)

    assert commits(files) - commits(free(files, [], rule())) == HOURLY | set(range(260, MINUTES))


def test_a_reader_whose_place_is_not_known_keeps_everything() -> None:
    assert kept([Reader("stream silver.ais", 0, everything=True)], rule()) == set(range(MINUTES))


def test_check_sums_go_that_nobody_asks_for_wherever_they_are() -> None:
    gone = {file.version for file in free(LOG, [], rule(MINUTES)) if file.is_check_sum}

    assert gone == set(range(MINUTES - 1 - 50))
    assert commits(free(LOG, [], rule(MINUTES))) == set()


def test_a_log_without_a_checkpoint_keeps_all_its_commits() -> None:
    files = [file for file in LOG if not file.is_checkpoint]

    assert commits(free(files, [], rule())) == set()


def test_the_checkpoints_of_all_that_is_kept_are_kept() -> None:
    gone = {file.version for file in free(LOG, [], rule()) if file.is_checkpoint}

    assert not gone & (HOURLY | set(range(260, MINUTES)))


def test_a_run_that_goes_on_tells_what_it_reads_until_it_ends(settings: Settings) -> None:
    with telling(settings, "voyages", "r1") as tell:
        tell(SILVER_POSITIONS, 7)
        assert list(versions_read(settings, SILVER_POSITIONS)) == [("voyages", 7)]
        assert list(versions_read(settings, SILVER_VESSELS)) == []

    assert list(versions_read(settings, SILVER_POSITIONS)) == []


def test_a_run_whose_process_died_reads_nothing(settings: Settings) -> None:
    left = settings.home.absolute() / "runs" / "voyages.r1.jsonl"
    left.parent.mkdir(parents=True)
    left.write_text('{"table": "silver.positions", "version": 7}\n')

    assert list(versions_read(settings, SILVER_POSITIONS)) == []


@pytest.mark.parametrize("line", ['{"table": "silver.positions", "ver', ""])
def test_a_line_that_is_being_written_is_not_read_yet(settings: Settings, tmp_path: Path, line: str) -> None:
    with telling(settings, "voyages", "r1") as tell:
        tell(SILVER_POSITIONS, 7)
        with (settings.home.absolute() / "runs" / "voyages.r1.jsonl").open("a") as half:
            half.write(line)

        assert list(versions_read(settings, SILVER_POSITIONS)) == [("voyages", 7)]
