"""The ledger is merged while streams of other processes write it, and stays what it was."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime

import pytest
from deltalake import DeltaTable, write_deltalake

from contracts.errors import LockedError
from contracts.settings import Settings
from contracts.tables import OPS_LEDGER
from lakehouse import ledger
from lakehouse.ops_rows import arrow_rows
from lakehouse.upkeep import ops_tables, vacuum

BATCHES = 30
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def entry(stream: str, batch_id: int) -> ledger.Entry:
    span = ledger.OffsetRange("t", 0, batch_id, batch_id + 1)
    return ledger.Entry(stream, batch_id, f"{stream}:c", (span,), 1, 1, NOW, NOW, watermarks={"noaa": NOW})


def write_entries(root: str, stream: str) -> None:
    for batch_id in range(BATCHES):
        ledger.record(root, entry(stream, batch_id))


def files(settings: Settings) -> int:
    return len(DeltaTable(f"{settings.lake}/{OPS_LEDGER.path}").file_uris())


@pytest.fixture
def empty_ledger(settings: Settings) -> Settings:
    write_deltalake(f"{settings.lake}/{OPS_LEDGER.path}", arrow_rows(OPS_LEDGER, []))
    return settings


def test_no_entry_is_lost_while_the_ledger_is_merged(empty_ledger: Settings) -> None:
    settings = empty_ledger
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_entries, args=(settings.lake, stream)) for stream in ("a", "b")]
    for writer in writers:
        writer.start()
    merged = 0
    while any(writer.is_alive() for writer in writers):
        if files(settings) > 3:
            ops_tables.merge(OPS_LEDGER, settings)
            merged += 1
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert merged > 1

    found = [(row["stream"], row["batch_id"]) for row in ledger.entries(settings.lake)]

    assert found == [(stream, batch_id) for stream in ("a", "b") for batch_id in range(BATCHES)]


def test_a_merged_ledger_still_refuses_an_entry_that_it_has(empty_ledger: Settings) -> None:
    settings = empty_ledger
    for batch_id in range(5):
        ledger.record(settings.lake, entry("a", batch_id))
    before = ledger.entries(settings.lake)

    ops_tables.merge(OPS_LEDGER, settings)
    vacuum.execute(vacuum.plan(OPS_LEDGER, settings, NOW, keep_hours=0), settings)
    ledger.record(settings.lake, entry("a", 4))

    assert files(settings) == 1
    assert ledger.entries(settings.lake) == before
    assert ledger.watermarks_before(settings.lake, "a", "a:c", 5) == {"noaa": NOW}


def test_two_processes_do_not_merge_the_ledger_at_once(empty_ledger: Settings) -> None:
    with ops_tables.upkeep_turn(OPS_LEDGER, empty_ledger), pytest.raises(LockedError):
        ops_tables.upkeep_turn(OPS_LEDGER, empty_ledger).__enter__()
