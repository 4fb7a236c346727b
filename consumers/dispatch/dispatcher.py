"""What becomes of each alert: delivered once, held while the sink is away, or a dead letter with its reason."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from consumers.dispatch.alerts import Poison, ReadAlert, read_alert
from consumers.dispatch.backoff import backoff_seconds
from consumers.dispatch.breaker import Breaker, State
from consumers.dispatch.dead_letters import DeadLetters
from consumers.dispatch.journal import Journal, Member
from consumers.dispatch.reader import Reader, Record
from consumers.dispatch.sinks import Sink, SinkFailedError, SinkRefusedError
from contracts.errors import UnavailableError
from infra import crash

POLL_SECONDS = 0.5
TELL_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How hard to try."""

    attempts: int
    backoff_seconds: float
    hold_seconds: float
    crash_at: str | None = None


@dataclass(slots=True)
class Outcome:
    """What became of the records that were taken up.

    ``left`` are those given back unfinished: by a stop, or because another member owns them now.
    """

    read: int = 0
    delivered: int = 0
    already_done: int = 0
    left: int = 0
    failed_attempts: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)

    @property
    def identity_holds(self) -> bool:
        """``read = delivered + already done + dead letters + left``."""
        return self.read == self.delivered + self.already_done + self.dead_letters.total() + self.left

    def as_json(self) -> dict[str, Any]:
        """The outcome for machines."""
        return {
            "read": self.read,
            "delivered": self.delivered,
            "already_done": self.already_done,
            "dead_letters": self.dead_letters.total(),
            "dead_letters_by_reason": dict(self.dead_letters),
            "left": self.left,
            "failed_attempts": self.failed_attempts,
            "identity_holds": self.identity_holds,
        }


@dataclass(slots=True)
class _Tries:
    """What was tried for one alert."""

    started_at: float
    counted: int = 0
    made: int = 0
    last_error: str = ""


class Dispatcher:
    """Takes record after record from the reader to the sink. ``outcome`` is right at every moment."""

    def __init__(
        self,
        name: str,
        reader: Reader,
        sink: Sink,
        journal: Journal,
        dead_letters: DeadLetters,
        breaker: Breaker,
        policy: Policy,
        *,
        stopped: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.outcome = Outcome()
        self._name, self._reader, self._sink, self._journal = name, reader, sink, journal
        self._dead_letters, self._breaker, self._policy, self._stopped = dead_letters, breaker, policy, stopped
        self._clock, self._chance = clock, chance
        self._told_at = 0.0

    def run(self, *, once: bool) -> Outcome:
        """Dispatch until stopped; with ``once`` until all that is there has been read.

        Raises:
            UnavailableError: The journal or the dead letter topic cannot be written; with ``once`` also when the
                sink is away. Nothing is lost: what is not done is not committed.
            MaritimeError: Kafka refuses, or has lost records.
        """
        self._journal.forget_old(datetime.now(UTC))
        self.tell()
        try:
            while not self._stopped() and not (once and self._reader.is_at_end):
                record = self._reader.next(POLL_SECONDS)
                if record is not None:
                    self._take_up(record, once=once)
                if self._clock() - self._told_at > TELL_EVERY_SECONDS:
                    self.tell()
        finally:
            self._reader.close()
            self.tell(has_left=True)
        return self.outcome

    def tell(self, *, has_left: bool = False) -> None:
        """Note in the journal how this dispatcher is, for ``maritime status``."""
        self._told_at = self._clock()
        now = datetime.now(UTC)
        self._journal.tell(Member(self._name, self._sink.name, self._breaker.condition, now, has_left))

    def _take_up(self, record: Record, *, once: bool) -> None:
        self.outcome.read += 1
        alert = read_alert(record.value)
        if isinstance(alert, Poison):
            self._bury(record, alert.reason, _Tries(self._clock()))
        elif self._journal.is_done(self._sink.name, alert.event_id):
            self.outcome.already_done += 1
            self._reader.done(record)
        else:
            self._deliver(record, alert, once=once)

    def _deliver(self, record: Record, alert: ReadAlert, *, once: bool) -> None:
        """Try until it is delivered, refused, given up, or no longer ours."""
        tries = _Tries(self._clock())
        while self._may_try(record, once=once):
            was_probe = self._breaker.state is State.HALF_OPEN
            tries.made += 1
            try:
                self._sink.send(alert, record.value or b"")
            except SinkRefusedError as error:
                self._breaker.succeeded()  # it works; it is this alert that it will not have
                tries.last_error = str(error)
                self._bury(record, "refused_by_sink", tries)
                return
            except SinkFailedError as error:
                self._note_failure(tries, error, was_probe=was_probe)
            else:
                self._breaker.succeeded()
                self._note_delivered(record, alert)
                return
            if self._is_given_up(tries):
                self._bury(record, "attempts_exhausted", tries)
                return
            if self._breaker.state is State.CLOSED:
                pause = backoff_seconds(tries.counted, self._policy.backoff_seconds, self._chance)
                self._reader.wait(pause, self._is_over_for(record))
        self.outcome.left += 1

    def _may_try(self, record: Record, *, once: bool) -> bool:
        """Wait until the breaker lets a call through; False when the record is no longer ours to deliver."""
        is_over = self._is_over_for(record)
        while not is_over():
            if self._breaker.allows():
                return True
            if once:
                self.outcome.left += 1
                raise UnavailableError(
                    f"The {self._sink.name} sink is away: {self._breaker.condition.last_error}. "
                    "What is not delivered is not committed; run again."
                )
            self._reader.wait(min(self._breaker.wait_seconds, TELL_EVERY_SECONDS), is_over)
            self.tell()
        return False

    def _is_over_for(self, record: Record) -> Callable[[], bool]:
        return lambda: self._stopped() or not self._reader.owns(record)

    def _note_failure(self, tries: _Tries, error: SinkFailedError, *, was_probe: bool) -> None:
        """Count it, but for a probe that finds the sink still away: that is not the alert's doing."""
        self.outcome.failed_attempts += 1
        self._breaker.failed(str(error))
        tries.last_error = str(error)
        if not (was_probe and error.is_outage):
            tries.counted += 1

    def _is_given_up(self, tries: _Tries) -> bool:
        is_held_too_long = self._clock() - tries.started_at > self._policy.hold_seconds
        return tries.counted >= self._policy.attempts or is_held_too_long

    def _note_delivered(self, record: Record, alert: ReadAlert) -> None:
        crash.point("dispatch.before_journal", self._policy.crash_at)
        self._journal.note_done(self._sink.name, alert.event_id, datetime.now(UTC))
        crash.point("dispatch.before_commit", self._policy.crash_at)
        self.outcome.delivered += 1
        self._reader.done(record)

    def _bury(self, record: Record, reason: str, tries: _Tries) -> None:
        """Write the dead letter, and only then commit; at once, since the journal keeps no dead letters."""
        self._dead_letters.bury(record, reason, tries.made, tries.last_error)
        crash.point("dispatch.after_dead_letter", self._policy.crash_at)
        self.outcome.dead_letters[reason] += 1
        self._reader.done(record)
        self._reader.commit()
