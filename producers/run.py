"""One run of a producer: read, wait for the replay clock, publish, keep the position, and account for every
record.
"""

from __future__ import annotations

import bisect
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from contracts.errors import MaritimeError
from contracts.topics import Topic
from producers.feeds.base import Batch, Context, Feed, Shift
from producers.heartbeat import Heartbeat
from producers.lines import Block, Line, is_live, open_blocks
from producers.positions import Position, save
from producers.publisher import Publisher
from producers.replay import SLICE_SECONDS, ReplayClock

PIECE_RECORDS = 2_000
SAVE_EVERY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run shall do."""

    feed: Feed
    format: str
    topic: Topic
    start: Position
    source: str
    speed: float | None = None
    limit: int | None = None
    loop: bool = False
    shift_to_now: bool = False
    assume_start_ms: int | None = None
    mmsi: int | None = None
    station: str | None = None


@dataclass(slots=True)
class Outcome:
    """What became of the records of a run."""

    read: int = 0
    delivered: int = 0
    dead_letters: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    lag_seconds: float | None = None
    position: Position | None = None
    was_stopped: bool = False

    @property
    def identity_holds(self) -> bool:
        """``read = delivered + rejected``, counting only what the broker has acknowledged."""
        return self.read == self.delivered + self.dead_letters

    def as_json(self) -> dict[str, Any]:
        """The outcome for machines."""
        return {
            "read": self.read,
            "delivered": self.delivered,
            "rejected": self.dead_letters,
            "rejected_by_reason": dict(self.rejected),
            "ignored_by_reason": dict(self.ignored),
            "identity_holds": self.identity_holds,
            "seconds": round(self.seconds, 3),
            "records_per_second": round(self.read / self.seconds) if self.seconds else 0,
            "lag_seconds": self.lag_seconds,
            "position": {"path": self.position.path, "line": self.position.line} if self.position else None,
            "was_stopped": self.was_stopped,
        }


class Run:
    """Carries a plan out. ``outcome`` is right at every moment, also after an error."""

    def __init__(
        self,
        plan: Plan,
        publisher: Publisher,
        position_file: Path,
        *,
        stopped: Callable[[], bool],
        notify: Callable[[str], None],
        tick: Callable[[Outcome], None],
        heartbeat: Heartbeat | None = None,
    ) -> None:
        self.outcome = Outcome()
        self._plan, self._publisher, self._file = plan, publisher, position_file
        self._stopped, self._notify, self._tick, self._heartbeat = stopped, notify, tick, heartbeat
        self._clock = ReplayClock(plan.speed) if plan.speed else None
        self._index = plan.start.index
        self._is_resumable = not any(is_live(path) for path in plan.start.paths)
        self._began_at = self._saved_at = time.monotonic()

    def __call__(self) -> Outcome:
        """Run to the end of the feed, the limit, or until stopped.

        Raises:
            MaritimeError: An input is missing or damaged, or Kafka was away for too long. The outcome is
                complete and the position kept.
        """
        try:
            try:
                self._all()
            except MaritimeError:
                self._publisher.flush()  # an input that breaks off: what was read of it is still delivered
                raise
            self._publisher.flush()
        finally:
            if self._is_resumable and self._publisher.read:
                self._save()
            self._account()
            self._publisher.give_up()
        return self.outcome

    def _all(self) -> None:
        start_line, first_pass = self._plan.start.line, True
        while first_pass or (self._plan.loop and not self._is_done()):
            shift = Shift((lambda: time.time_ns() // 1_000_000) if self._plan.shift_to_now else None)
            first_index = self._plan.start.index if first_pass else 0
            for index, path in list(enumerate(self._plan.start.paths))[first_index:]:
                self._index = index
                self._publisher.begin_input(start_line)
                self._one(path, start_line, shift)
                if self._is_done():
                    return
                self._publisher.flush()
                start_line = 0
            first_pass = False

    def _one(self, path: str, start_line: int, shift: Shift) -> None:
        plan = self._plan
        context = Context(
            plan.topic, plan.source, path, start_line, shift, plan.assume_start_ms, plan.mmsi, plan.station
        )
        for batch in plan.feed.read(self._blocks(path), context):
            if self._heartbeat:
                self._heartbeat.heard(batch)
            self.outcome.ignored += batch.ignored
            for piece in self._pieces(self._within_limit(batch)):
                self._publisher.send(piece)
                self._progress()
                if self._is_done():
                    return
            self._publisher.serve(0)
            self._progress()
            if self._is_done():
                return

    def _blocks(self, path: str) -> Iterator[Block]:
        if self._heartbeat is None:
            return open_blocks(path, Line(self._notify, self._stopped))
        return self._heartbeat.listen(open_blocks(path, Line(self._notify, self._stopped, self._heartbeat.connected)))

    def _is_done(self) -> bool:
        limit = self._plan.limit
        return self._stopped() or (limit is not None and self._publisher.read >= limit)

    def _within_limit(self, batch: Batch) -> Batch:
        left = len(batch) if self._plan.limit is None else self._plan.limit - self._publisher.read
        return batch if left >= len(batch) else batch.head(left)

    def _pieces(self, batch: Batch) -> Iterator[Batch]:
        """Cut a batch where it may be stopped: by number, and with a replay clock by what is due."""
        due_at = self._clock.due_at(batch.times_ms) if self._clock and batch.times_ms else None
        begin, count = 0, len(batch.lines)
        while begin < count and not self._stopped():
            end = min(count, begin + PIECE_RECORDS)
            if due_at is not None and self._clock:
                self._wait_until(float(due_at[begin]))
                end = min(end, max(begin + 1, int(due_at.searchsorted(self._clock.now() + SLICE_SECONDS))))
                self.outcome.lag_seconds = max(0.0, self._clock.now() - float(due_at[begin]))
            if end == count:
                break
            yield _part(batch, begin, end, batch.lines[end] - 1)
            begin = end
        if not self._stopped():
            yield _part(batch, begin, count, batch.last_line)

    def _wait_until(self, due_at: float) -> None:
        while self._clock and (left := due_at - self._clock.now()) > 0 and not self._stopped():
            self._publisher.serve(min(left, SLICE_SECONDS))
            self._progress()

    def _progress(self) -> None:
        self._account()
        self._tick(self.outcome)
        if self._is_resumable and time.monotonic() - self._saved_at > SAVE_EVERY_SECONDS:
            self._save()

    def _account(self) -> None:
        publisher, outcome = self._publisher, self.outcome
        outcome.read, outcome.rejected = publisher.read, publisher.rejected
        outcome.delivered, outcome.dead_letters = publisher.delivered, publisher.dead_letters
        outcome.seconds, outcome.was_stopped = time.monotonic() - self._began_at, self._stopped()
        if self._is_resumable:
            outcome.position = replace(self._plan.start, index=self._index, line=publisher.delivered_line)

    def _save(self) -> None:
        self._account()
        if self.outcome.position:
            save(self._file, self.outcome.position)
        self._saved_at = time.monotonic()


def _part(batch: Batch, begin: int, end: int, end_line: int) -> Batch:
    """Events ``[begin, end)`` with the rejections that became known up to ``end_line`` and not before this
    part.
    """
    part = Batch(last_line=end_line)
    for name in ("values", "keys", "headers", "times_ms", "lines"):
        setattr(part, name, getattr(batch, name)[begin:end])
    if batch.rejections:
        known_at = [refused.at_line for refused in batch.rejections]
        first = bisect.bisect_right(known_at, batch.lines[begin] - 1) if begin else 0
        last = len(known_at) if end == len(batch.lines) else bisect.bisect_right(known_at, end_line)
        part.rejections = batch.rejections[first:last]
    return part
