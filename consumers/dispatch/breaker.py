"""A circuit breaker: a sink that fails again and again is left alone for a while, then tried with one alert."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class State(StrEnum):
    """Whether calls are made: all of them, none, or one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Condition:
    """What the breaker tells. ``failures`` counts those in a row; ``last_error`` is kept after a recovery."""

    state: State
    since: datetime
    failures: int = 0
    last_error: str = ""


class Breaker:
    """Closed until ``threshold`` calls in a row have failed, then open for a pause, then half-open for one probe.

    Args:
        threshold: Failures in a row that open it.
        pause_seconds: How long it stays open before a probe.
        on_change: Told of each change of state: before, now.
        clock: Seconds that never go back.
        now: Wall clock, for people.
    """

    def __init__(
        self,
        threshold: int,
        pause_seconds: float,
        *,
        on_change: Callable[[Condition, Condition], None] = lambda _before, _now: None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._threshold, self._pause_seconds = threshold, pause_seconds
        self._on_change, self._clock, self._now = on_change, clock, now
        self._opened_at = 0.0
        self._is_probe_out = False
        self.condition = Condition(State.CLOSED, now())

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.condition.state

    @property
    def wait_seconds(self) -> float:
        """Time until a call may be made; 0 when it may be made now."""
        if self.state is not State.OPEN:
            return 0.0
        return max(0.0, self._opened_at + self._pause_seconds - self._clock())

    def allows(self) -> bool:
        """Whether a call may be made now. A half-open breaker says so once, until it is told how the call ended."""
        if self.state is State.OPEN and self.wait_seconds == 0:
            self._become(State.HALF_OPEN, self.condition.failures, self.condition.last_error)
        if self.state is State.HALF_OPEN:
            is_first, self._is_probe_out = not self._is_probe_out, True
            return is_first
        return self.state is State.CLOSED

    def succeeded(self) -> None:
        """The call went well."""
        self._is_probe_out = False
        self._become(State.CLOSED, 0, self.condition.last_error)

    def failed(self, error: str) -> None:
        """The call failed; a failed probe opens the breaker at once."""
        failures = self.condition.failures + 1
        is_open = self.state is not State.CLOSED or failures >= self._threshold
        self._is_probe_out = False
        if is_open:
            self._opened_at = self._clock()
        self._become(State.OPEN if is_open else State.CLOSED, failures, error)

    def _become(self, state: State, failures: int, error: str) -> None:
        before = self.condition
        since = before.since if state is before.state else self._now()
        self.condition = Condition(state, since, failures, error)
        if state is not before.state:
            self._on_change(before, self.condition)
