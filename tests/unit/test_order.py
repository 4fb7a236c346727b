"""The order of the tests themselves, where two workers take them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.order import SAILED, mixed

SPARK = Path(__file__).parent.parent / "spark"


def test_files_that_wait_lie_evenly_among_those_that_compute_and_cheap_ones_come_first() -> None:
    files = ["tests/unit/a", *(f"tests/spark/{n}" for n in range(6)), "tests/kafka/x", "tests/kafka/y", "tests/e2e/z"]

    found = mixed(files)

    assert found[0] == "tests/unit/a"
    assert [found.index(f"tests/kafka/{name}") for name in "xy"] == [3, 7]
    assert [file for file in found if "kafka" not in file] == [file for file in files if "kafka" not in file]


def test_all_files_that_look_at_the_sailed_lake_go_to_one_worker() -> None:
    asking = {file.name for file in SPARK.glob("test_*.py") if re.search(r"\bsailed: Settings", file.read_text())}

    assert asking == set(SAILED)
