"""A Silver or Gold stream that no longer fits to the ledger is told before it writes, and the plan loses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from contracts.errors import ContractError, DataLossError, MaritimeError
from contracts.settings import Settings
from contracts.tables import BRONZE_AIS, OPS_LEDGER
from lakehouse import ledger
from lakehouse.checkpoints import Checkpoint, checkpoint, rebuild, source_end
from lakehouse.commits import Commit
from lakehouse.ledger import Entry, OffsetRange
from lakehouse.ops_rows import arrow_rows
from lakehouse.resume.checks import problems
from lakehouse.resume.plan import Plan, plan
from lakehouse.resume.source import source
from lakehouse.resume.standing import Standing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPAN = OffsetRange("maritime.ais.data", 0, 40, 50)


@pytest.fixture
def bronze(settings: Settings) -> str:
    """A Bronze table of five versions, each of which added a file."""
    path = f"{settings.lake}/{BRONZE_AIS.path}"
    for number in range(5):
        write_deltalake(path, pa.table({"kafka_offset": [number]}), mode="append")
    write_deltalake(f"{settings.lake}/{OPS_LEDGER.path}", arrow_rows(OPS_LEDGER, []))
    for number in range(5):
        span = replace(SPAN, start=10 * number, end=10 * number + 10)
        versions = {BRONZE_AIS.name: number}
        ledger.record(settings.lake, Entry("bronze.ais", number, "b", (span,), 0, 0, NOW, NOW, versions=versions))
    return path


@pytest.fixture
def at(settings: Settings, bronze: str) -> Callable[..., str]:
    """Where a batch ends in Bronze, in Spark's words: before a version."""
    table_id = str(deltalake.DeltaTable(bronze).metadata().id)

    def place(version: int, index: int = -1, *, is_snapshot: bool = False) -> str:
        said = {"sourceVersion": 1, "reservoirId": table_id, "reservoirVersion": version, "index": index}
        return json.dumps(said | {"isStartingVersion": is_snapshot}, separators=(",", ":"))

    return place


@pytest.fixture
def sound(settings: Settings, at: Callable[..., str]) -> Standing:
    """A stream that has read the first three versions in two batches."""
    entries = [{"batch_id": n, "app_id": "silver.ais:c1", "source_end": at(n + 2)} for n in range(2)]
    return Standing("silver.ais", source(settings, BRONZE_AIS), entries, (), Checkpoint("c1", 1, 1), {1: at(3)})


def half_done(batch_id: int, end: str | None) -> Commit:
    return Commit("silver.ais:c1", batch_id, (), 1, 7, NOW, end)


def first(now: Standing) -> MaritimeError | None:
    return next(problems(now), None)


def refused(settings: Settings, now: Standing, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        plan(settings, now)


def test_a_stream_that_fits_has_nothing_in_its_way(settings: Settings, sound: Standing) -> None:
    assert first(sound) is None
    assert first(replace(sound, checkpoint=Checkpoint("c1", planned=2, done=1))) is None  # killed within batch 2
    assert first(replace(sound, entries=[], checkpoint=None)) is None  # a first start
    assert plan(settings, sound).problem is None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "its checkpoint is lost"),
        (Checkpoint("c9", 0, None), "not the one that wrote the last batch"),
        (Checkpoint("c1", 0, 0), "ends with batch 0, the lake holds batch 1"),
        (Checkpoint("c1", 2, 2), "holds batch 2 as done, the ledger ends with batch 1"),
    ],
    ids=["lost", "another", "an old one", "an old lake"],
)
def test_a_checkpoint_that_does_not_fit_is_told_and_made_anew_where_the_ledger_ends(
    settings: Settings, sound: Standing, at: Callable[..., str], found: Checkpoint | None, words: str
) -> None:
    now = replace(sound, checkpoint=found)

    error, way_on = first(now), plan(settings, now)

    assert words in str(error)
    assert "nothing was written" in str(error)
    assert "`maritime recover silver --topic ais --dry-run`" in str(error)
    assert (way_on.checkpoint_id, way_on.done, way_on.ends, way_on.has_loss) == ("c1", 1, {1: at(3)}, False)


def test_a_batch_that_was_cut_short_is_finished_as_it_was_begun(
    settings: Settings, sound: Standing, at: Callable[..., str]
) -> None:
    now = replace(sound, checkpoint=None, half_done=(half_done(2, at(4)),))

    assert plan(settings, now).ends == {1: at(3), 2: at(4)}
    assert plan(settings, replace(now, entries=[], half_done=(half_done(0, at(4)),))).ends == {0: at(4)}


def test_a_stream_that_the_ledger_cannot_place_is_refused_by_name(
    settings: Settings, sound: Standing, at: Callable[..., str]
) -> None:
    lost = replace(sound, checkpoint=None)
    old = [{**entry, "source_end": None} for entry in sound.entries]

    refused(settings, replace(lost, entries=old), "batch 1 of an earlier release does not say where it ended")
    refused(settings, replace(lost, half_done=(half_done(2, None),)), "batch 2, which was cut short, does not say")
    refused(settings, replace(lost, half_done=(half_done(2, at(4)), half_done(3, at(5)))), "lacks batch 3")


def test_another_table_in_the_place_of_bronze_is_told(settings: Settings, sound: Standing) -> None:
    assert sound.source is not None
    for other, words in (
        (None, "is gone"),
        (replace(sound.source, table_id="other"), "was made anew"),
        (replace(sound.source, version=1), "ends with version 1, and it has read version 2"),
    ):
        now = replace(sound, source=other)
        assert words in str(first(now))
        refused(settings, now, "Bring the old one back")


def remove_file(bronze: str, version: int) -> None:
    log = Path(bronze, "_delta_log", f"{version:020d}.json").read_text()
    (name,) = (json.loads(line)["add"]["path"] for line in log.splitlines() if '"add"' in line)
    Path(bronze, name).unlink()


def test_rows_that_are_gone_before_they_were_read_are_named_with_their_offsets(
    settings: Settings, sound: Standing, bronze: str, at: Callable[..., str]
) -> None:
    remove_file(bronze, 4)

    assert isinstance(first(sound), DataLossError)
    before = plan(settings, sound)
    assert (before.ends, before.has_loss) == (
        {1: at(3), 2: at(4)},
        False,
    )  # version 3 is read first, then it asks again
    after = plan(settings, caught_up_to(sound, at(4)))
    assert (after.ends, after.lost, after.gaps) == ({2: at(5)}, (4,), (SPAN,))


def test_versions_that_are_no_longer_in_the_log_are_lost_together(
    settings: Settings, sound: Standing, bronze: str, at: Callable[..., str]
) -> None:
    for version in (3, 4):
        Path(bronze, "_delta_log", f"{version:020d}.json").unlink()

    found = plan(settings, sound)

    assert (found.lost, found.ends) == ((3, 4), {1: at(5)})
    assert [(gap.start, gap.end) for gap in found.gaps] == [(30, 40), (40, 50)]


def test_rows_deleted_from_bronze_stop_the_stream_and_cost_it_nothing(
    settings: Settings, sound: Standing, bronze: str, at: Callable[..., str]
) -> None:
    deltalake.DeltaTable(bronze).delete("kafka_offset = 0")
    now = replace(sound, source=source(settings, BRONZE_AIS))

    assert isinstance(first(now), ContractError)
    assert "version 5 of bronze.ais, which it has not read, took rows away" in str(first(now))
    assert plan(settings, now).ends == {1: at(3), 2: at(5)}
    caught_up: Plan = plan(settings, caught_up_to(now, at(5)))
    assert (caught_up.ends, caught_up.has_loss) == ({2: at(6)}, False)
    assert first(replace(caught_up_to(now, at(5)), checkpoint_ends={2: at(6)})) is None  # led past the deletion


def test_a_batch_that_is_to_be_finished_first_is_not_stopped_by_what_comes_after_it(
    settings: Settings, sound: Standing, bronze: str, at: Callable[..., str]
) -> None:
    deltalake.DeltaTable(bronze).delete("kafka_offset = 0")
    rebuilt = replace(sound, checkpoint=Checkpoint("c1", 2, 1), checkpoint_ends={1: at(3), 2: at(5)})

    assert first(replace(rebuilt, source=source(settings, BRONZE_AIS))) is None


def test_files_that_were_merged_are_not_in_the_way(settings: Settings, sound: Standing, bronze: str) -> None:
    deltalake.DeltaTable(bronze).optimize.compact()

    assert first(replace(sound, source=source(settings, BRONZE_AIS))) is None


def test_the_rest_of_a_first_read_is_read_before_what_is_in_the_way(
    settings: Settings, sound: Standing, bronze: str, at: Callable[..., str]
) -> None:
    remove_file(bronze, 4)
    in_midst = at(3, 0, is_snapshot=True)

    assert plan(settings, replace(sound, checkpoint_ends={1: in_midst})).ends == {1: in_midst, 2: at(4)}


def test_a_checkpoint_that_was_made_anew_reads_as_the_old_one(settings: Settings, at: Callable[..., str]) -> None:
    rebuild(settings, "silver.ais", "c1", {1: at(3), 2: at(4)}, done=1)

    assert checkpoint(settings, "silver.ais") == Checkpoint("c1", planned=2, done=1)
    assert [source_end(settings, "silver.ais", batch) for batch in range(3)] == [None, at(3), at(4)]


def test_where_all_is_done_the_last_batch_has_a_batch_before_it_which_spark_asks_for(
    settings: Settings, at: Callable[..., str]
) -> None:
    rebuild(settings, "silver.ais", "c1", {2: at(4)}, done=2)

    assert [source_end(settings, "silver.ais", batch) for batch in range(3)] == [None, at(4), at(4)]


def test_a_ledger_of_an_earlier_release_goes_on(settings: Settings) -> None:
    old = arrow_rows(OPS_LEDGER, []).drop_columns(["source_end"])
    write_deltalake(f"{settings.lake}/{OPS_LEDGER.path}", old)

    ledger.record(settings.lake, Entry("silver.ais", 0, "silver.ais:c", (), 0, 0, NOW, NOW, source_end="there"))

    assert [row["source_end"] for row in ledger.entries(settings.lake)] == ["there"]


def test_a_row_that_was_taken_from_the_ledger_is_entered_again_with_its_batch(settings: Settings) -> None:
    path = f"{settings.lake}/{OPS_LEDGER.path}"
    write_deltalake(path, arrow_rows(OPS_LEDGER, []))
    entry = Entry("silver.ais", 0, "silver.ais:c", (), 0, 0, NOW, NOW)
    for _ in range(2):
        ledger.record(settings.lake, entry)
    assert len(ledger.entries(settings.lake)) == 1
    deltalake.DeltaTable(path).delete("batch_id = 0")

    ledger.record(settings.lake, entry)

    assert len(ledger.entries(settings.lake)) == 1


def caught_up_to(now: Standing, end: str) -> Standing:
    """The stream after one more batch that ends there."""
    entry = {"batch_id": 2, "app_id": "silver.ais:c1", "source_end": end}
    return replace(now, entries=[*now.entries, entry], checkpoint=Checkpoint("c1", 2, 2), checkpoint_ends={2: end})
