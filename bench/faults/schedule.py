"""Which cells are run, in which order and when each fault comes: drawn from a seed, so that a run repeats. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import product

from bench.faults.injections import FAULTS

ROLES = ("leader", "follower", "controller")
MATRIX = tuple("/".join(pair) for pair in product(ROLES, FAULTS))
MORE = ("leader/lost-answers", "two-of-three/kill", "two-of-three/suspend", "driver/kill")
CONTROLS = ("control/idempotence-off", "control/acks-1", "control/two-writers", "control/lake")
"""With a guard taken out: the checker must find what the guard prevents."""
ALL = (*MATRIX, *MORE, *CONTROLS)
WAIT_SECONDS = (1.0, 2.5)


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault. ``wait_s`` passes before it; ``luck``, from 0 to 1, chooses among the brokers that could be meant."""

    run: int
    name: str
    wait_s: float
    luck: float

    @property
    def is_control(self) -> bool:
        """Whether the checker must find something wrong."""
        return self.name in CONTROLS


def schedule(seed: int, runs: int, only: Sequence[str] = ()) -> list[Cell]:
    """The cells of all runs; a cell comes at the same moment whether or not others are left out.

    Args:
        seed: The same seed gives the same schedule.
        runs: How often the whole matrix is run, each time in another order.
        only: Names with ``*``; every cell where empty.
    """
    cells = []
    for run in range(1, runs + 1):
        draw = random.Random(f"{seed}/{run}")
        drawn = [Cell(run, name, round(draw.uniform(*WAIT_SECONDS), 2), round(draw.random(), 3)) for name in ALL]
        draw.shuffle(drawn)
        cells += [cell for cell in drawn if not only or any(fnmatch(cell.name, pattern) for pattern in only)]
    return cells
