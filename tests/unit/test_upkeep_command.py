"""``maritime upkeep`` as a process of its own, and whose locks it takes. No JVM: the tables are in ``ops``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from deltalake import DeltaTable, write_deltalake

from contracts.errors import LockedError
from contracts.settings import Settings
from contracts.tables import GOLD_EMISSION_COMPLIANCE, OPS_DELIVERIES, OPS_QUALITY, SILVER_VERDICTS, Table
from infra.lock import single_writer
from maritime.cli import main
from maritime.writers import alone


@pytest.fixture
def add_files(settings: Settings) -> Callable[[Table], None]:
    """Append three small files to a table."""

    def add(table: Table) -> None:
        for number in range(3):
            write_deltalake(f"{settings.lake}/{table.path}", pa.table({"n": [number]}), mode="append")

    return add


@pytest.fixture
def upkeep_each_second(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """The command, left running on this test's lake."""
    command = [sys.executable, "-m", "maritime", "upkeep", "--every", "1s"]
    wanted = {"MARITIME_HOME": str(settings.home), "MARITIME_UPKEEP_SMALL_FILES": "2"}
    child = subprocess.Popen(command, env={**os.environ, **wanted}, stderr=subprocess.PIPE, text=True)
    yield child
    child.terminate()
    child.communicate(timeout=30)


def files(settings: Settings, table: Table) -> int:
    return len(DeltaTable(f"{settings.lake}/{table.path}").file_uris())


def test_upkeep_that_is_left_running_merges_again_what_has_grown(
    settings: Settings,
    add_files: Callable[[Table], None],
    upkeep_each_second: subprocess.Popen[str],
    eventually: Callable[..., None],
) -> None:
    for _ in range(2):
        add_files(OPS_QUALITY)
        eventually(lambda: files(settings, OPS_QUALITY) == 1)

    assert upkeep_each_second.poll() is None
    assert DeltaTable(f"{settings.lake}/{OPS_QUALITY.path}").to_pyarrow_table().num_rows == 6


def test_a_table_that_cannot_be_cared_for_is_told_and_the_others_are(
    settings: Settings, add_files: Callable[[Table], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_files(OPS_DELIVERIES)
    add_files(OPS_QUALITY)
    for file in Path(settings.lake, OPS_DELIVERIES.path).glob("*.parquet"):
        file.unlink()
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    monkeypatch.setenv("MARITIME_UPKEEP_SMALL_FILES", "2")

    done = CliRunner().invoke(main, ["upkeep", "--once", "--json"])

    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert [deed["table"] for deed in told["done"]] == ["ops.quality"]
    assert "ops.deliveries: not done" in told["failed"][0]
    assert files(settings, OPS_QUALITY) == 1


@pytest.mark.parametrize(
    ("table", "lock"), [(SILVER_VERDICTS, "silver.alerts"), (GOLD_EMISSION_COMPLIANCE, "emissions")]
)
def test_a_table_is_not_touched_while_what_writes_it_runs(settings: Settings, table: Table, lock: str) -> None:
    with single_writer(settings.home / "locks", lock), pytest.raises(LockedError, match=rf"{table.name} .* {lock}"):
        alone(table, settings).__enter__()
