"""In which order two workers take the files of tests, so that neither core waits and nothing dear is made twice."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

WAITING = "tests/kafka"
"""Tests of these folders wait for a broker, for others' programs and for time; the rest of the dear ones compute."""
COMPUTING = ("tests/spark", "tests/e2e")
SAILED = ("test_evidence_tracks.py", "test_report_browser.py", "test_report_trails.py")
"""They look at one lake, the fixture ``sailed``, whose making takes two minutes."""


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist tells no types
    """Whole files to one worker, and those that share something dear to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "sailed" if PurePosixPath(file).name in SAILED else file


def mixed(files: Iterable[str]) -> list[str]:
    """Files in their order, but those that wait laid evenly among those that compute.

    >>> mixed(["tests/unit/a", "tests/spark/b", "tests/spark/c", "tests/kafka/d", "tests/e2e/e"])
    ['tests/unit/a', 'tests/spark/b', 'tests/spark/c', 'tests/kafka/d', 'tests/e2e/e']
    """
    found = list(dict.fromkeys(files))
    waiting = [file for file in found if file.startswith(WAITING)]
    computing = [file for file in found if file.startswith(COMPUTING)]
    others = [file for file in found if not file.startswith((WAITING, *COMPUTING))]
    placed = [((at + 0.5) / len(kind), file) for kind in (computing, waiting) for at, file in enumerate(kind)]
    return others + [file for _, file in sorted(placed, key=lambda each: each[0])]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests of a worker into the order of their files; within a file theirs stays."""
    if hasattr(config, "workerinput"):
        place = {file: at for at, file in enumerate(mixed(map(_file, items)))}
        items.sort(key=lambda item: place[_file(item)])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """The scheduler of a run with workers."""
    return ByFile(config, log)


def _file(item: pytest.Item) -> str:
    return item.nodeid.split("::", 1)[0]
