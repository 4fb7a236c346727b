"""Which worker takes which tests."""

from __future__ import annotations

import re
from pathlib import Path

from tests.workers import SAILED

SPARK = Path(__file__).parent.parent / "spark"


def test_all_files_that_look_at_the_sailed_lake_go_to_one_worker() -> None:
    asking = {file.name for file in SPARK.glob("test_*.py") if re.search(r"\bsailed: Settings", file.read_text())}

    assert asking == set(SAILED)
