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

NEAR = 5
"""So many commits after its checkpoint, a version that is named keeps; of one further on, a checkpoint is written."""
TELLING = 2
"""Commits before a version that is named: a merge of files does not say what the rows rest on, a batch does."""
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
    first = _whole_from(files, readers, rule)
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


def far(files: Sequence[LogFile], readers: Sequence[Reader], rule: Rule) -> list[int]:
    """Versions that are named and kept, and before which so many commits are kept that a checkpoint pays off."""
    checkpoints, first = _checkpoints(files), _whole_from(files, readers, rule)
    commits = {file.version for file in files if file.is_commit}
    read = {
        reader.version: range(_last_before(checkpoints, reader.version), reader.version + 1)
        for reader in readers
        if reader.is_pin and reader.version < first
    }
    return sorted(pin for pin, needed in read.items() if len(needed) > NEAR and commits.issuperset(needed))


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


def _whole_from(files: Sequence[LogFile], readers: Sequence[Reader], rule: Rule) -> int:
    """From where on no commit goes."""
    followed = (reader.version for reader in readers if not reader.is_pin)
    return _last_before(_checkpoints(files), min([_dispensable(files, rule), *followed]))


def _needed_by(pin: int, checkpoints: Sequence[int]) -> set[int]:
    """The checkpoint before a version, and the commits from there to it; some in any case: they tell who wrote it."""
    return set(range(min(_last_before(checkpoints, pin), pin - TELLING), pin + 1))


def _one_an_hour(files: Sequence[LogFile], since: datetime) -> Iterator[int]:
    """The first checkpoint of each hour by the clock: later ones do not change which it is."""
    written_at = {file.version: file.written_at for file in files if file.is_commit}
    hours = set()
    for version in _checkpoints(files):
        at = written_at.get(version, since)
        hour = at.replace(minute=0, second=0, microsecond=0)
        if hour not in hours:
            hours.add(hour)
            if at >= since:
                yield version


def _checkpoints(files: Sequence[LogFile]) -> list[int]:
    return [file.version for file in files if file.is_checkpoint]


def _last_before(checkpoints: Sequence[int], version: int) -> int:
    """The checkpoint from which a version is read: the last one up to it; 0 where it is read from the first commit."""
    place = bisect_right(checkpoints, version)
    return checkpoints[place - 1] if place else 0
