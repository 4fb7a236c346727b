"""`maritime up` leaves the line running live, and `maritime down` ends it without losing a record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from contracts.settings import Settings
from contracts.topics import AIS
from infra.broker import Broker
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

    def maritime(*arguments: str) -> str:
        command = [sys.executable, "-m", "maritime", *arguments]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr[:4000] + done.stderr[-9000:]
        return done.stdout

    first = json.loads(maritime("up", "--json"))
    try:
        assert json.loads(maritime("up", "--json")) == first  # what runs is found again, not started twice
        eventually(lambda: any(e["rows_read"] for e in ledger.entries(settings.lake, "silver.ais")), seconds=240)
    finally:
        stopped = json.loads(maritime("down", "--json"))
    assert stopped == {"feed": "stopped", "watch": "stopped", "streams": "stopped", "broker": "stopped"}

    Broker(settings).start()
    try:
        maritime("stream", "all", "--once")  # what was under way when all was ended
        on_broker = {topic["topic"]: topic["records"] for topic in json.loads(maritime("status", "--json"))["topics"]}
    finally:
        Broker(settings).stop()
    name, in_bronze, read_by_silver, *_, adds_up = accounts(settings)[0]
    assert name == AIS.name
    assert (in_bronze, read_by_silver, adds_up) == (on_broker[AIS.name], on_broker[AIS.name], "yes")
