"""The process that checks what a run has written says what the check itself says."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest

from contracts.errors import UnavailableError
from contracts.tables import GOLD_ROUTE_PERFORMANCE
from lakehouse.quality.checker import Checker
from lakehouse.quality.run import check_table


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Two versions of a table that lacks columns of its contract; a share is impossible in the second."""
    path = str(tmp_path / "routes")
    for share in (0.5, 1.5):
        rows = {"route_id": ["FIHEL-SESTO"], "start_on": [date(2024, 1, 1)], "delayed_share": [share]}
        deltalake.write_deltalake(path, pa.table(rows), mode="append")
    return path


def test_it_finds_what_the_check_finds_question_after_question(table: str) -> None:
    with closing(Checker()) as checker:
        for since in (0, 1):
            found = checker.check(GOLD_ROUTE_PERFORMANCE, table, 1_000, since)
            alone = replace(check_table(GOLD_ROUTE_PERFORMANCE, table, 1_000, since), validation=None)

            assert found == replace(alone, checked_at=found.checked_at)
            assert any("delayed_share" in finding.expectation for finding in found.failed) is (since == 0)


def test_one_that_has_ended_is_told_and_does_not_pass_for_a_check(table: str) -> None:
    with closing(Checker()) as checker:
        checker.start().kill()

        with pytest.raises(UnavailableError, match="has ended with -9"):
            checker.check(GOLD_ROUTE_PERFORMANCE, table, 1_000, 0)


def test_a_check_that_fails_itself_is_no_answer(table: str, capfd: pytest.CaptureFixture[str]) -> None:
    with closing(Checker()) as checker, pytest.raises(UnavailableError, match="has ended with 1"):
        checker.check(GOLD_ROUTE_PERFORMANCE, f"{table}/not-there", 1_000, 0)

    assert "TableNotFoundError" in capfd.readouterr().err
