"""A batch job's own check: bad rows do not stay in Gold, and `maritime quality check` tells what is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import deltalake
import pytest
from click.testing import CliRunner
from pyspark.sql import DataFrame

from batch_jobs.runs import Run
from contracts.errors import ContractError, UnavailableError
from contracts.settings import Settings
from contracts.tables import GOLD_ROUTE_PERFORMANCE, OPS_QUALITY
from lakehouse.quality.checker import Checker
from lakehouse.runs import recorded
from lakehouse.schema import spark_schema
from lakehouse.store import Store
from maritime.quality import check

TABLE = GOLD_ROUTE_PERFORMANCE
JANUARY = {"start_on": (date(2024, 1, 1), date(2024, 1, 1))}


def routes(store: Store, *changes: dict[str, Any]) -> DataFrame:
    """One route a row: ten voyages, of which nine arrived and three were late."""
    lawful = {
        "start_on": date(2024, 1, 1), "end_on": date(2024, 1, 31), "voyages": 10, "arrived_voyages": 9,
        "delayed_voyages": 3, "delayed_share": 1 / 3, "mean_duration_hours": 20.0, "mean_delay_hours": 1.0,
        "mean_speed_kn": 12.0, "distance_nm": 2_400.0, "source": "noaa",
    }  # fmt: skip
    rows = [{"route_id": f"route {number}", **lawful, **change} for number, change in enumerate(changes)]
    values = [tuple(row[name] for name in TABLE.columns) for row in rows]
    return store.spark.createDataFrame(values, spark_schema(TABLE))


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    """One process for the checks of all these tests."""
    with closing(Checker()) as found:
        yield found


def checked_run(store: Store, checker: Checker) -> Run:
    return Run("routes", {}, store, datetime.now(UTC), 1_000, checker)


def unchecked_run(store: Store) -> Run:
    return Run("routes", {}, store, datetime.now(UTC))


def found(store: Store) -> list[dict[str, Any]]:
    rows = deltalake.DeltaTable(f"{store.root}/{OPS_QUALITY.path}").to_pyarrow_table().to_pylist()
    return [row for row in rows if not row["is_met"]]


def test_rows_that_break_a_rule_that_stops_are_taken_back_and_stay_readable(store: Store, checker: Checker) -> None:
    checked_run(store, checker).write(TABLE, routes(store, {}, {}), JANUARY)
    assert found(store) == []

    with pytest.raises(
        ContractError, match=r"delayed_voyages at most arrived_voyages.*1 of 1 rows.*version 1.*version 2"
    ):
        checked_run(store, checker).write(TABLE, routes(store, {"delayed_voyages": 10}), JANUARY)

    assert store.read(TABLE).count() == 2
    assert [row.delayed_voyages for row in store.read(TABLE, version=2).collect()] == [10]
    assert [(row["expectation"], row["action"], row["rows_failed"]) for row in found(store)] == [
        ("delayed_voyages at most arrived_voyages", "stop", 1)
    ]


def test_rows_that_could_not_be_checked_are_taken_back_too(store: Store) -> None:
    unchecked_run(store).write(TABLE, routes(store, {}, {}), JANUARY)
    with closing(Checker()) as lost:
        lost.start().kill()
        with pytest.raises(UnavailableError, match=r"ended with -9.*gold.route_performance is again as in version 1"):
            checked_run(store, lost).write(TABLE, routes(store, {}), JANUARY)

    assert store.read(TABLE).count() == 2


def test_what_an_earlier_run_left_is_not_held_against_this_one(store: Store, checker: Checker) -> None:
    unchecked_run(store).write(TABLE, routes(store, {"delayed_share": 2.0}), JANUARY)

    february = {"start_on": date(2024, 2, 1), "end_on": date(2024, 2, 29)}
    checked_run(store, checker).write(
        TABLE, routes(store, february), {"start_on": (date(2024, 2, 1), date(2024, 2, 1))}
    )

    assert store.read(TABLE).count() == 2


def test_the_command_tells_what_is_wrong_and_ends_with_1(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    unchecked_run(store).write(TABLE, routes(store, {}, {"route_id": "route 0", "delayed_share": 1.5}), JANUARY)

    result = CliRunner().invoke(check, ["--json", "--docs", TABLE.name])

    assert result.exit_code == 1
    (told,) = json.loads(result.stdout)["tables"]
    failed = {finding["expectation"]: finding["rows_failed"] for finding in told["failed"]}
    assert failed == {"route_id, start_on, end_on: unique": 2, "delayed_share: 0 to 1": 1}
    pages = Path(settings.home) / "quality"
    assert TABLE.name in (pages / "index.html").read_text()
    page = (pages / f"{TABLE.name}.html").read_text()
    assert "delayed_share" in page
    assert "<script" not in page
    assert 'src="http' not in page


def test_an_unknown_table_and_one_that_is_not_there_are_one_sentence(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))

    unknown = CliRunner().invoke(check, ["gold.vessel_dy"])
    absent = CliRunner().invoke(check, ["gold.vessel_day"])

    assert (unknown.exit_code, absent.exit_code) == (2, 2)
    assert "Did you mean gold.vessel_day?" in unknown.stderr
    assert "run its stream or job first" in absent.stderr


@pytest.mark.parametrize("is_on", [True, False])
def test_the_setting_switches_the_check_of_jobs(store: Store, settings: Settings, is_on: bool) -> None:
    with recorded(Run, "routes", {}, settings.model_copy(update={"quality_after_jobs": is_on})) as job:
        assert job.check_rows == (settings.quality_sample_rows if is_on else None)
