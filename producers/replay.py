"""The replay clock: when the events of a recording are let go."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError

SLICE_SECONDS = 0.05


def parse_speed(text: str) -> float | None:
    """``60x`` as 60.0; null for ``max``.

    Raises:
        ConfigurationError: It is neither ``max`` nor a positive number.
    """
    if text == "max":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)x?", text)
    if not match or float(match[1]) <= 0:
        raise ConfigurationError(f"--speed {text}: give `max`, or how many times faster than real, for example 60x.")
    return float(match[1])


class ReplayClock:
    """Lets events go in feed order, ``speed`` times as fast as their own times pass.

    Feeds are neither sorted nor free of wild stamps. An event is due when the middle stamp of its five
    neighbours is, and the clock never runs backwards: one stamp hours ahead neither holds the feed up nor
    hurries it.
    """

    def __init__(self, speed: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._speed, self._clock = speed, clock
        self._began_at: float | None = None
        self._first_ms = self._latest_ms = 0

    def due_at(self, times_ms: list[int]) -> npt.NDArray[np.float64]:
        """When each event of the batch is due, on this object's clock."""
        stamps = _middle_of_neighbours(np.asarray(times_ms, dtype=np.int64))
        if self._began_at is None:
            self._began_at, self._first_ms = self._clock(), int(stamps[0])
            self._latest_ms = self._first_ms
        reached = np.maximum.accumulate(np.maximum(stamps, self._latest_ms))
        self._latest_ms = int(reached[-1])
        return self._began_at + (reached - self._first_ms) / 1000.0 / self._speed

    def now(self) -> float:
        """Present time of this object's clock."""
        return self._clock()


def _middle_of_neighbours(stamps: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rolling median of five; at the ends the stamp itself, unless it is ahead of the median of the last
    five.
    """
    if len(stamps) < 5:
        return stamps
    middle = stamps.copy()
    middle[2:-2] = np.median(np.lib.stride_tricks.sliding_window_view(stamps, 5), axis=1)
    step = int(np.abs(np.diff(middle[2:-2])).max(initial=0)) if len(stamps) > 5 else 0
    for ends, inner in ((slice(0, 2), middle[2]), (slice(-2, None), middle[-3])):
        wild = np.abs(stamps[ends] - inner) > max(2 * step, 60_000)
        middle[ends] = np.where(wild, inner, stamps[ends])
    return middle
