"""Which worker takes which files of tests: nothing dear is made twice."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

SAILED = ("test_evidence_tracks.py", "test_report_browser.py", "test_report_trails.py")
"""They look at one lake, the fixture ``sailed``, whose making takes two minutes."""


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist tells no types
    """Whole files to one worker, and those that share something dear to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "sailed" if PurePosixPath(file).name in SAILED else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """The scheduler of a run with workers."""
    return ByFile(config, log)
