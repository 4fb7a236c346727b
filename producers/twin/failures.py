"""When main engine components wear out and fail. Intervals, components and severities are modelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from producers.twin.config import STEP_S, TwinConfig

STEPS_PER_DAY = 86_400 // STEP_S
COMPONENTS = ("bearing", "injector", "turbocharger", "cooling_pump")
_SHORTEST_ONSET_DAYS, _LONGEST_ONSET_DAYS = 5, 20


@dataclass(frozen=True, slots=True)
class Failure:
    """A wear that begins at ``onset``, fails at ``failed`` and is over at ``repaired`` (steps; may lie
    outside).
    """

    component: str
    onset: int
    failed: int
    repaired: int
    severity: float


def next_failure(rng: np.random.Generator, config: TwinConfig, since: int, *, is_first: bool) -> Failure:
    """The failure that the engine heads for after ``since``; it comes about at sea, so it may still be put
    off.

    Wear begins 5 to 20 days before. At the start of the twin an engine may already be worn.
    """
    onset_days = rng.uniform(_SHORTEST_ONSET_DAYS, _LONGEST_ONSET_DAYS)
    mean_days = max(config.days_between_failures - (0 if is_first else onset_days), 1.0)
    failed = since + int(STEPS_PER_DAY * (rng.exponential(mean_days) + (0 if is_first else onset_days)))
    return Failure(
        component=str(rng.choice(COMPONENTS)),
        onset=failed - int(STEPS_PER_DAY * onset_days),
        failed=failed,
        repaired=failed + int(rng.uniform(12, 24) * 3_600 / STEP_S),
        severity=float(np.clip(rng.lognormal(-0.1, 0.35), 0.4, 1.6)),
    )


def wear(failures: Sequence[Failure], component: str, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Wear of a component at these steps: 0 healthy, growing with the square of time up to its severity at
    failure.
    """
    total = np.zeros(len(steps))
    for failure in failures:
        if failure.component == component:
            share = (steps - failure.onset) / max(failure.failed - failure.onset, 1)
            grown = failure.severity * np.clip(share, 0, 1) ** 2
            total += np.where(steps < failure.repaired, grown, 0.0)
    return total
