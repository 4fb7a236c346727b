"""`maritime up` leaves the line running live, and `maritime down` ends it without losing a record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contracts.settings import Settings
from lakehouse import ledger
from maritime.summary import accounts


def test_the_line_runs_live_until_it_is_told_to_stop(
    tmp_path: Path, free_port: Callable[[], int], eventually: Callable[..., None]
) -> None:
    settings = Settings(home=tmp_path / "home", kafka_servers=f"127.0.0.1:{free_port()}")
    environment = os.environ | {
        "MARITIME_HOME": str(settings.home),
        "MARITIME_KAFKA_SERVERS": settings.kafka_servers,
        "MARITIME_SPARK_DRIVER_MEMORY": "2g",
    }

    def maritime(*arguments: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "maritime", *arguments, "--json"]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    first = maritime("up")
    try:
        assert maritime("up") == first  # what runs is found again, not started twice
        eventually(lambda: bool(ledger.entries(settings.lake, "silver.ais")), seconds=240)
    finally:
        stopped = maritime("down")

    assert stopped == {"feed": "stopped", "streams": "stopped", "broker": "stopped"}
    assert all(entry["rows_read"] for entry in ledger.entries(settings.lake, "silver.ais"))
    assert {row[0]: row[2] for row in accounts(settings)}["maritime.ais.data"] > 0  # type: ignore[operator]
