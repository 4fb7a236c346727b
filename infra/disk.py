"""A full disk: told as what it is, whoever found it, and not as a fault of this program."""

from __future__ import annotations

import errno

from contracts.errors import UnavailableError

MARKS = ("No space left on device", "Disk quota exceeded")
"""How the system says it, and with it Java, Spark and Delta."""


def is_full(error: BaseException) -> bool:
    """Whether a full disk, or a quota that is used up, is what the error is about."""
    is_so = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return is_so or any(mark in str(error) for mark in MARKS)


def full(who: str) -> UnavailableError:
    """The error for whom the disk has stopped."""
    return UnavailableError(
        f"{who} has stopped: the disk is full. Make room (`df -h` shows where; `maritime tables vacuum` frees what "
        "nobody reads any more), then start it again: what was committed stays, and it goes on from there."
    )
