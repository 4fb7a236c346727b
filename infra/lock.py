"""One writer process per table: a Delta commit on a local disk is not atomic between processes."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import LockedError


@contextmanager
def single_writer(folder: Path, name: str) -> Iterator[None]:
    """Hold the lock ``name`` below ``folder`` until the block ends; the system frees it when the process dies.

    Raises:
        LockedError: Another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(f"Another process writes {name}: stop it first (`maritime status` shows it).") from error
        yield
