"""Versions of tables that runs read while they go on: a log that is thinned meanwhile keeps them.

A run tells them in a file of the home, one line each, and holds that file until it ends. A run in another home is not
known here: it has the time in which the table gets ``MARITIME_UPKEEP_LOG_VERSIONS`` new versions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.settings import Settings
from contracts.tables import Table
from infra.lock import is_alive, sign_of_life

Tell = Callable[[Table, int], None]
"""Tells that a version of a table is read from now on."""


@contextmanager
def telling(settings: Settings, job: str, run_id: str) -> Iterator[Tell]:
    """For the length of a run: what is told in the block is read until it ends."""
    with sign_of_life(_folder(settings) / f"{job}.{run_id}.jsonl") as handle:

        def tell(table: Table, version: int) -> None:
            handle.write(json.dumps({"table": table.name, "version": version}) + "\n")
            handle.flush()

        yield tell


def versions_read(settings: Settings, table: Table) -> Iterator[tuple[str, int]]:
    """Job of each run that goes on, and each version of the table that it reads."""
    for file in sorted(_folder(settings).glob("*.jsonl")):
        if not is_alive(file):
            continue
        for line in file.read_text().splitlines(keepends=True):
            if line.endswith("\n") and (told := json.loads(line))["table"] == table.name:
                yield file.name.split(".")[0], int(told["version"])


def _folder(settings: Settings) -> Path:
    return settings.home.absolute() / "runs"
