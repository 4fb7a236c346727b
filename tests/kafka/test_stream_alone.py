"""A stream as a program of its own, whose Spark is killed under it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import psutil

from contracts.errors import UnavailableError
from contracts.settings import Settings
from lakehouse import ledger


def test_a_stream_whose_spark_was_killed_says_so_and_how_it_goes_on(
    kafka: Settings, eventually: Callable[..., None]
) -> None:
    environment = os.environ | {"MARITIME_HOME": str(kafka.home), "MARITIME_KAFKA_SERVERS": kafka.kafka_servers}
    command = [sys.executable, "-m", "maritime", "stream", "bronze", "--continuous"]
    with psutil.Popen(command, env=environment, stderr=-1, stdout=-1, text=True) as stream:
        eventually(lambda: ledger.entries(kafka.lake, "bronze.ais") != [])
        for child in stream.children():
            child.kill()
        told = stream.communicate(timeout=60)[1]
    assert stream.returncode == UnavailableError.exit_code
    assert "The process of Spark has ended by itself" in told
    assert "Traceback" not in told
