"""A vacuum is planned from who still reads a table, and a restore from who has read it. No JVM: delta-rs tables."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest
from click.testing import CliRunner
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError

from contracts.errors import InputError
from contracts.settings import Settings
from contracts.tables import (
    BRONZE_AIS,
    GOLD_VESSEL_FEATURES,
    GOLD_VOYAGE_ANALYTICS,
    OPS_LEDGER,
    OPS_RUNS,
    SILVER_POSITIONS,
    SILVER_QUARANTINE,
    SILVER_VERDICTS,
    Table,
)
from contracts.topics import AIS
from infra.lock import single_writer
from lakehouse import ledger, replays
from lakehouse.checkpoints import set_aside
from lakehouse.ops_rows import arrow_rows
from lakehouse.store import Store
from lakehouse.upkeep import restore, vacuum
from lakehouse.upkeep.care import care
from maritime.cli import main

NOW = datetime.now(UTC)
Fill = Callable[..., str]


@pytest.fixture
def fill(settings: Settings) -> Fill:
    """Append one row a commit to a table, five times; then merge them, so that five files are left behind."""

    def make(table: Table, metadata: Mapping[int, dict[str, Any]] | None = None) -> str:
        path = f"{settings.lake}/{table.path}"
        for number in range(5):
            told = {"userMetadata": json.dumps(metadata[number])} if metadata and number in metadata else {}
            rows = pa.table({"mmsi": [number]})
            write_deltalake(path, rows, mode="append", commit_properties=CommitProperties(custom_metadata=told))
        DeltaTable(path).optimize.compact()
        return path

    return make


def checkpoint(
    settings: Settings, stream: str, reads: Table | None, offsets: list[dict[str, Any]], finished: int
) -> None:
    """A stream's checkpoint as Spark writes it, with the end of each batch; ``finished`` batches have ended."""
    table_id = str(DeltaTable(f"{settings.lake}/{reads.path}").metadata().id) if reads else "of another table"
    folder = Path(settings.checkpoints) / stream
    for name in ("offsets", "commits"):
        (folder / name).mkdir(parents=True)
    (folder / "metadata").write_text(json.dumps({"id": "c0ffee"}))
    for number, offset in enumerate(offsets):
        lines = ["v1", json.dumps({"batchWatermarkMs": 0}), json.dumps({**offset, "reservoirId": table_id})]
        (folder / "offsets" / str(number)).write_text("\n".join(lines))
    for number in range(finished):
        (folder / "commits" / str(number)).write_text("v1\n{}")


def up_to(version: int, *, first: bool = False) -> dict[str, Any]:
    return {"sourceVersion": 1, "reservoirVersion": version, "index": -1, "isStartingVersion": first}


def plan(table: Table, settings: Settings) -> vacuum.Plan:
    return vacuum.plan(table, settings, NOW, keep_hours=0)


def test_files_left_behind_that_nobody_needs_are_free(settings: Settings, fill: Fill) -> None:
    fill(SILVER_QUARANTINE)

    found = plan(SILVER_QUARANTINE, settings)

    assert len(found.free) == 5
    assert all(size > 0 for size in found.free.values())
    found.refuse()


def test_a_file_that_a_restore_has_taken_back_is_not_deleted(settings: Settings, fill: Fill) -> None:
    path = fill(SILVER_QUARANTINE)
    planned = plan(SILVER_QUARANTINE, settings)
    DeltaTable(path).restore(4)

    vacuum.execute(planned, settings)

    assert DeltaTable(path).to_pyarrow_table().num_rows == 5


def test_files_are_kept_for_their_time(settings: Settings, fill: Fill) -> None:
    fill(SILVER_QUARANTINE)

    assert vacuum.plan(SILVER_QUARANTINE, settings, NOW).old == {}


def test_a_vacuum_that_would_cut_a_stream_off_is_refused_by_name(settings: Settings, fill: Fill) -> None:
    path = fill(BRONZE_AIS)
    checkpoint(settings, "silver.ais", BRONZE_AIS, [up_to(3)], finished=1)

    found = plan(BRONZE_AIS, settings)

    assert len(found.free) == 3  # what the commits 3 and 4 added is still to be read, though it is merged since
    vacuum.execute(found, settings)
    assert len(list(Path(path).glob("*.parquet"))) == 3
    assert DeltaTable(path).to_pyarrow_table().num_rows == 5
    with pytest.raises(InputError, match=r"stream silver\.ais still has to read bronze\.ais version 3: 2 of 5 files"):
        found.refuse()


def test_a_batch_that_is_not_finished_still_has_to_be_read(settings: Settings, fill: Fill) -> None:
    fill(BRONZE_AIS)
    checkpoint(settings, "silver.ais", BRONZE_AIS, [up_to(3), up_to(6)], finished=1)

    assert len(plan(BRONZE_AIS, settings).free) == 3


def test_a_stream_that_is_still_in_its_first_whole_read_needs_all_of_that_version(
    settings: Settings, fill: Fill
) -> None:
    fill(BRONZE_AIS)
    checkpoint(settings, "silver.ais", BRONZE_AIS, [up_to(2, first=True)], finished=1)

    assert plan(BRONZE_AIS, settings).free == {}


def test_a_stream_that_has_not_finished_its_first_batch_needs_everything(settings: Settings, fill: Fill) -> None:
    fill(BRONZE_AIS)
    checkpoint(settings, "silver.ais", BRONZE_AIS, [up_to(6)], finished=0)

    assert plan(BRONZE_AIS, settings).free == {}


def test_a_stream_that_has_read_everything_is_in_nobodys_way(settings: Settings, fill: Fill) -> None:
    fill(BRONZE_AIS)
    checkpoint(settings, "silver.ais", BRONZE_AIS, [up_to(6)], finished=1)

    assert len(plan(BRONZE_AIS, settings).free) == 5


def test_a_batch_to_be_replayed_keeps_the_version_that_it_was_judged_by(settings: Settings, fill: Fill) -> None:
    app_id = f"{SILVER_POSITIONS.name}:silver.ais:c0ffee"
    fill(SILVER_POSITIONS, {4: {"app_id": app_id, "batch_id": 1}})
    checkpoint(settings, "silver.ais", None, [up_to(1), up_to(2)], finished=1)

    with pytest.raises(InputError, match=r"stream silver\.ais, to replay its batch 1, .* version 3: 4 of 5 files"):
        plan(SILVER_POSITIONS, settings).refuse()


def test_a_stream_of_a_user_is_known_by_its_checkpoint(settings: Settings, fill: Fill) -> None:
    fill(GOLD_VOYAGE_ANALYTICS)
    checkpoint(settings, "harbour-board", GOLD_VOYAGE_ANALYTICS, [up_to(4)], finished=1)

    with pytest.raises(InputError, match=r"stream harbour-board still has to read gold\.voyage_analytics version 4: 1"):
        plan(GOLD_VOYAGE_ANALYTICS, settings).refuse()


def test_a_checkpoint_that_was_set_aside_keeps_nothing(settings: Settings, fill: Fill) -> None:
    fill(BRONZE_AIS)
    checkpoint(settings, "silver.ais", BRONZE_AIS, [up_to(3)], finished=1)

    set_aside(settings, "silver.ais", NOW)

    assert len(plan(BRONZE_AIS, settings).free) == 5


@pytest.mark.parametrize(("knows_the_end", "needed"), [(True, 2), (False, 5)])
def test_a_stream_whose_checkpoint_is_lost_is_not_cut_off(
    settings: Settings, fill: Fill, *, knows_the_end: bool, needed: int
) -> None:
    path = fill(BRONZE_AIS)
    end = json.dumps({**up_to(3), "reservoirId": str(DeltaTable(path).metadata().id)})
    row = asdict(replace(entry("silver.ais", 0, {}), source_end=end if knows_the_end else None))
    write_deltalake(f"{settings.lake}/{OPS_LEDGER.path}", arrow_rows(OPS_LEDGER, [row]))

    with pytest.raises(InputError, match=rf"silver\.ais, whose checkpoint is lost, still .*: {needed} of 5 files"):
        plan(BRONZE_AIS, settings).refuse()


def test_a_reader_of_a_change_feed_keeps_the_files_that_tell_of_the_changes(settings: Settings) -> None:
    path = f"{settings.lake}/{GOLD_VOYAGE_ANALYTICS.path}"
    feed_on = {"delta.enableChangeDataFeed": "true"}
    write_deltalake(path, pa.table({"mmsi": [1, 2], "delay": [0, 0]}), configuration=feed_on)
    for minutes in (1, 2):
        DeltaTable(path).update(updates={"delay": f"{minutes}"}, predicate="mmsi = 1")
    in_feed = {f"_change_data/{file.name}" for file in Path(path, "_change_data").iterdir()}
    checkpoint(settings, "port-screen", GOLD_VOYAGE_ANALYTICS, [up_to(2)], finished=1)

    found = plan(GOLD_VOYAGE_ANALYTICS, settings)

    assert len(in_feed) == 2
    assert len(in_feed & found.free.keys()) == 1  # the first update has been read, the second has not
    with pytest.raises(InputError, match=r"change-feed reader port-screen still .* version 2: 2 of 4 files"):
        found.refuse()


def test_a_replay_that_broke_off_keeps_the_version_that_it_judges(settings: Settings, fill: Fill) -> None:
    fill(SILVER_QUARANTINE)
    write_deltalake(f"{settings.lake}/{OPS_LEDGER.path}", arrow_rows(OPS_LEDGER, []))
    versions = {SILVER_QUARANTINE.name: 1, SILVER_VERDICTS.name: 0}
    replays.record(settings.lake, replays.new_intent(settings.lake, AIS, None, versions))

    with pytest.raises(InputError, match=r"broken replay\.ais of .* to finish its batch 0, .* version 1: 2 of 5 files"):
        plan(SILVER_QUARANTINE, settings).refuse()


def record_run(settings: Settings, table: Table, version: int, finished_at: datetime) -> None:
    columns = {
        "run_id": ["r1"],
        "job": ["voyages"],
        "finished_at": pa.array([finished_at], pa.timestamp("us", tz="UTC")),
        "versions": pa.array([[(table.name, version)]], pa.map_(pa.string(), pa.int64())),
    }
    write_deltalake(f"{settings.lake}/{OPS_RUNS.path}", pa.table(columns), mode="append")


def test_the_version_of_a_recorded_run_is_kept_for_a_set_time(settings: Settings, fill: Fill) -> None:
    fill(GOLD_VOYAGE_ANALYTICS)
    record_run(settings, GOLD_VOYAGE_ANALYTICS, 1, NOW - timedelta(days=89))

    with pytest.raises(InputError, match=r"report of the voyages run of .* still .* version 1: 2 of"):
        plan(GOLD_VOYAGE_ANALYTICS, settings).refuse()
    plan(GOLD_VOYAGE_ANALYTICS, settings.model_copy(update={"upkeep_pin_days": 88})).refuse()


def test_what_a_registered_model_learned_from_is_kept(settings: Settings, fill: Fill) -> None:
    import mlflow

    fill(GOLD_VESSEL_FEATURES)
    (settings.home.absolute() / "mlflow").mkdir(parents=True)
    client = mlflow.MlflowClient(settings.mlflow_store, settings.mlflow_store)
    run = client.create_run(client.create_experiment("e", artifact_location=str(settings.home)))
    client.log_param(run.info.run_id, "features_version", 0)
    client.create_registered_model("predictive_maintenance")
    client.create_model_version("predictive_maintenance", str(settings.home), run.info.run_id)

    with pytest.raises(
        InputError, match=r"model predictive_maintenance version 1 still has to read .* version 0: 1 of"
    ):
        plan(GOLD_VESSEL_FEATURES, settings).refuse()


def old_log(path: str) -> None:
    """A checkpoint of the newest version, and a log that is 40 days old."""
    DeltaTable(path).create_checkpoint()
    then = time.time() - 40 * 86_400
    for file in Path(path, "_delta_log").iterdir():
        os.utime(file, (then, then))


def test_old_log_entries_go_unless_a_stream_begins_before_them(settings: Settings, fill: Fill) -> None:
    path = fill(BRONZE_AIS)
    old_log(path)
    assert len(vacuum.plan(BRONZE_AIS, settings, NOW).log_free) == 5
    checkpoint(settings, "silver.ais", BRONZE_AIS, [up_to(4)], finished=1)

    found = vacuum.plan(BRONZE_AIS, settings, NOW)

    assert found.log_free == []
    with pytest.raises(InputError, match=r"silver\.ais still has to read bronze\.ais version 4: log entries"):
        found.refuse()


def test_log_entries_before_the_earliest_that_is_needed_go(settings: Settings, fill: Fill) -> None:
    path = fill(BRONZE_AIS)
    DeltaTable(path, version=2).create_checkpoint()
    old_log(path)
    checkpoint(settings, "silver.ais", BRONZE_AIS, [up_to(4)], finished=1)

    vacuum.execute(vacuum.plan(BRONZE_AIS, settings, NOW), settings)

    assert not Path(path, "_delta_log", f"{1:020d}.json").exists()
    assert DeltaTable(path, version=4).to_pyarrow_table().num_rows == 5


def test_the_log_that_is_deleted_is_the_log_that_was_planned(settings: Settings, fill: Fill) -> None:
    path = fill(SILVER_QUARANTINE)
    old_log(path)
    before = set(Path(path, "_delta_log").iterdir())
    found = vacuum.plan(SILVER_QUARANTINE, settings, NOW)

    vacuum.execute(found, settings)

    gone = before - set(Path(path, "_delta_log").iterdir())
    assert {file.name for file in gone} == {Path(name).name for name in found.log_free}
    assert len(gone) == 5
    assert DeltaTable(path).version() == 5


def test_versions_that_many_runs_name_get_a_checkpoint_and_the_commits_before_go(settings: Settings) -> None:
    path = f"{settings.lake}/{GOLD_VOYAGE_ANALYTICS.path}"
    for number in range(12):
        write_deltalake(path, pa.table({"mmsi": [number]}), mode="append")
    DeltaTable(path, version=10).create_checkpoint()
    for version in (5, 6, 7, 8):
        record_run(settings, GOLD_VOYAGE_ANALYTICS, version, NOW)
    keen = settings.model_copy(update={"upkeep_log_versions": 1})

    class Checkpoints:
        """Stands for Spark's; the log is the same."""

        def checkpoint(self, table: Table, version: int) -> None:
            DeltaTable(f"{settings.lake}/{table.path}", version=version).create_checkpoint()

    store = cast("Store", Checkpoints())
    list(care(GOLD_VOYAGE_ANALYTICS, keen, lambda: store, nullcontext, NOW))
    vacuum.execute(vacuum.plan(GOLD_VOYAGE_ANALYTICS, keen, NOW), keen)

    kept = {int(file.name[:20]) for file in Path(path, "_delta_log").glob("*.json")}
    assert kept == {3, 4, 5, 6, 7, 8, 10, 11}  # 3 and 4 tell who wrote what 5 holds
    rows = [DeltaTable(path, version=version).to_pyarrow_table().num_rows for version in (5, 8, 10, 11)]
    assert rows == [6, 9, 11, 12]
    with pytest.raises(DeltaError):
        DeltaTable(path, version=4)


def entry(stream: str, batch_id: int, versions: dict[str, int]) -> ledger.Entry:
    return ledger.Entry(stream, batch_id, f"{stream}:c0ffee", (), 1, 1, NOW, NOW, versions=versions)


def test_a_table_that_a_stream_reads_is_not_restored(settings: Settings, fill: Fill) -> None:
    fill(SILVER_POSITIONS)

    with pytest.raises(InputError, match=r"read by the stream gold\.vessels"):
        restore.compare(SILVER_POSITIONS, 1, settings)


def test_a_restore_that_would_lose_what_the_ledger_counts_is_refused(settings: Settings, fill: Fill) -> None:
    fill(SILVER_QUARANTINE)
    for batch_id in (3, 4):
        row = asdict(entry("silver.ais", batch_id, {SILVER_QUARANTINE.name: batch_id}))
        write_deltalake(f"{settings.lake}/{OPS_LEDGER.path}", arrow_rows(OPS_LEDGER, [row]), mode="append")

    with pytest.raises(InputError, match=r"holds batches 4 to 4 of silver\.ais since version 3"):
        restore.compare(SILVER_QUARANTINE, 3, settings)
    assert restore.compare(SILVER_QUARANTINE, 4, settings).then.files == 5
    with pytest.raises(InputError, match="an account of what happened"):
        restore.compare(OPS_LEDGER, 0, settings)


def test_a_version_whose_files_are_gone_is_not_restored(settings: Settings, fill: Fill) -> None:
    path = fill(GOLD_VOYAGE_ANALYTICS)
    DeltaTable(path).vacuum(0, dry_run=False, enforce_retention_duration=False)

    with pytest.raises(InputError, match=r"Version 4 .* cannot be restored: 5 of its files are deleted"):
        restore.compare(GOLD_VOYAGE_ANALYTICS, 4, settings)
    with pytest.raises(InputError, match="no earlier version 99"):
        restore.compare(GOLD_VOYAGE_ANALYTICS, 99, settings)


@pytest.mark.parametrize("arguments", [("optimize",), ("checkpoint",)])
def test_a_table_whose_stream_runs_is_refused_by_name(
    settings: Settings, fill: Fill, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    fill(SILVER_QUARANTINE)
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))

    with single_writer(settings.home / "locks", "silver.sensors"):
        done = CliRunner().invoke(main, ["tables", *arguments, "silver.quarantine"])

    assert done.exit_code == 4
    assert "silver.quarantine is being written by the stream silver.sensors" in done.stderr
    assert "MARITIME_UPKEEP_MINUTES" in done.stderr


def test_what_is_shown_is_also_told_to_machines(
    settings: Settings, fill: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(SILVER_QUARANTINE, {2: {"app_id": "a", "batch_id": 7}})
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))

    def told(*arguments: str) -> dict[str, Any]:
        done = CliRunner().invoke(main, ["tables", *arguments, "--json"])
        assert done.exit_code == 0, done.output
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    (listed,) = told("list")["tables"]
    assert (listed["table"], listed["rows"], listed["files"], listed["version"]) == ("silver.quarantine", 5, 1, 5)
    (health,) = told("health", "silver.quarantine")["tables"]
    assert (health["small_files"], health["log_commits"], health["verdict"]) == (1, 6, "sound")
    assert health["deleted_mb"] > 0
    versions = {row["version"]: row for row in told("history", "silver.quarantine")["versions"]}
    assert (versions[5]["operation"], versions[2]["batch_id"]) == ("OPTIMIZE", 7)
    (vacuumed,) = told("vacuum", "--dry-run")["tables"]
    assert (vacuumed["files"], vacuumed["paths"]) == (0, [])


def test_an_unknown_table_is_refused_and_the_nearest_named() -> None:
    done = CliRunner().invoke(main, ["tables", "list", "silver.position"])

    assert done.exit_code == 2
    assert "Did you mean silver.positions?" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("silver.quarantine", "--zorder-by", "mmsi,vessel"), "has no column vessel"),
        (("silver.quarantine", "--zorder-by", "mmsi,headers"), "Files tell no bounds of headers: sort"),
        (("silver.quarantine", "--zorder-by", "mmsi", "--clustered"), "a table has one of the two"),
        (("--zorder-by", "mmsi"), "name the tables that you mean"),
        (("ops.ledger", "--zorder-by", "stream"), "written by several processes"),
    ],
)
def test_a_layout_that_a_table_cannot_have_is_refused(
    settings: Settings, fill: Fill, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    fill(SILVER_QUARANTINE)
    fill(OPS_LEDGER)
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))

    done = CliRunner().invoke(main, ["tables", "optimize", *arguments])

    assert done.exit_code == 2
    assert sentence in done.stderr
