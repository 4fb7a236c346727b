"""How long to wait before an alert is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable

LONGEST_SECONDS = 30.0


def backoff_seconds(failures: int, base_seconds: float, chance: Callable[[], float] = random.random) -> float:
    """Exponential backoff with full jitter: anywhere from 0 to ``base * 2^(failures - 1)``, at most 30 s.

    The jitter keeps many dispatchers from coming back at one instant to a sink that has just recovered.

    Args:
        failures: Failed attempts so far, from 1.
        base_seconds: Longest wait after the first failure.
        chance: A number from 0 to 1.
    """
    doublings = min(failures - 1, 32)  # past any use, and a larger power would not fit a float
    return chance() * min(LONGEST_SECONDS, base_seconds * 2.0**doublings)
