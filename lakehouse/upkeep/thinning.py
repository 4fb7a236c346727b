"""Which entries of a table's log may go: a log that keeps every version of a stream grows slow to list.

A stream commits each second. On a local disk Delta lists the whole folder of the log for every append and every read,
so a month of versions would cost minutes each time. All of the newest versions are kept, and all that a stream or a
broken batch goes on from. Of those before, what a run, evidence or a model names, and one an hour as long as the files
of the hour are kept. Between these the log has gaps: a version that is kept is read from its checkpoint on, and one
that is not is refused by every reader, never mistaken for another.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lakehouse.upkeep.log import LogFile
from lakehouse.upkeep.readers import Reader

CHECK_SUMS = 50
"""Delta asks for the check sum of the newest versions only; older ones are half of the files that it lists."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``newest`` versions are all kept if they are not from before ``all_since``, and one an hour ``hourly_since``."""

    newest: int
    all_since: datetime
    hourly_since: datetime


def free(files: Sequence[LogFile], readers: Sequence[Reader], rule: Rule) -> list[LogFile]:
    """Files of the log that can go.

    Args:
        files: All of the log, by version.
        readers: Everybody who needs an older version of the table.
        rule: What is kept for nobody in particular.
    """
    checkpoints, newest = _checkpoints(files), _newest(files)
    followed = (reader.version for reader in readers if not reader.is_pin)
    first = _last_before(checkpoints, min([_dispensable(files, rule), *followed]))
    kept = set(_one_an_hour(files, rule.hourly_since))
    for reader in readers:
        if reader.is_pin:
            kept |= _needed_by(reader.version, checkpoints)
    return [
        file
        for file in files
        if (file.version < first and file.version not in kept)
        or (file.is_check_sum and file.version < newest - CHECK_SUMS)
    ]


def cut_off(files: Sequence[LogFile], readers: Sequence[Reader], rule: Rule) -> list[Reader]:
    """Those for whom all entries are kept from where they are, also such as would go otherwise."""
    start = _last_before(_checkpoints(files), _dispensable(files, rule))
    return [reader for reader in readers if not reader.is_pin and reader.version < start]


def _newest(files: Sequence[LogFile]) -> int:
    return max((file.version for file in files if file.is_commit), default=-1)


def _dispensable(files: Sequence[LogFile], rule: Rule) -> int:
    """The newest version that is too old, or one too many."""
    old = (file.version for file in files if file.is_commit and file.written_at < rule.all_since)
    return max([_newest(files) - rule.newest, *old])


def _needed_by(pin: int, checkpoints: Sequence[int]) -> set[int]:
    """The checkpoint before a version, and the commits from there to it: one of them tells who wrote its rows."""
    return set(range(_last_before(checkpoints, pin - 1), pin + 1))


def _one_an_hour(files: Sequence[LogFile], since: datetime) -> Iterator[int]:
    """The first checkpoint of each hour by the clock: later ones do not change which it is."""
    hours = set()
    for file in files:
        hour = file.written_at.replace(minute=0, second=0, microsecond=0)
        if file.is_checkpoint and hour not in hours:
            hours.add(hour)
            if file.written_at >= since:
                yield file.version


def _checkpoints(files: Sequence[LogFile]) -> list[int]:
    return [file.version for file in files if file.is_checkpoint]


def _last_before(checkpoints: Sequence[int], version: int) -> int:
    """The checkpoint from which a version is read: the last one up to it; 0 where it is read from the first commit."""
    place = bisect_right(checkpoints, version)
    return checkpoints[place - 1] if place else 0
