"""A full disk is no fault of the program: it is told in a sentence, with the code of what has to be brought back."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from py4j.protocol import Py4JError  # type: ignore[import-untyped]

from infra.console import Command
from infra.disk import is_full
from lakehouse.runner import in_our_words

FULL = Path("/dev/full")
needs_a_full_disk = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here, which is a disk that is full")


@needs_a_full_disk
def test_a_command_that_finds_the_disk_full_says_so_and_ends_with_5() -> None:
    @click.command("report", cls=Command)
    def report() -> None:
        FULL.write_text("a report")

    result = CliRunner().invoke(report)

    assert result.exit_code == 5
    assert result.stderr.startswith("error: `report` has stopped: the disk is full. Make room (`df -h`")
    assert result.stderr.count("\n") == 1


def test_any_other_fault_keeps_its_trace() -> None:
    @click.command(cls=Command)
    def broken() -> None:
        raise OSError("a fault of ours")

    assert isinstance(CliRunner().invoke(broken).exception, OSError)


def test_a_stream_that_found_the_disk_full_is_told_by_its_name() -> None:
    error = Py4JError("Job aborted.\n\tat org.apache.spark\nCaused by: java.io.IOException: No space left on device")

    told = in_our_words("The stream bronze.ais", error)

    assert str(told).startswith("The stream bronze.ais has stopped: the disk is full.")
    assert is_full(error)
    assert not is_full(Py4JError("Job aborted: Connection refused"))
