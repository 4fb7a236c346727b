"""One writer process per table: a Delta commit on a local disk is not atomic between processes. And signs of life."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

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


@contextmanager
def sign_of_life(file: Path) -> Iterator[TextIO]:
    """A file that is there, and held, until the block ends; one whose process died is left behind, held by nobody."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield handle
        finally:
            file.unlink(missing_ok=True)


def is_alive(file: Path) -> bool:
    """Whether the process that made this sign of life still holds it."""
    try:
        with file.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
