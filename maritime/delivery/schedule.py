"""When what is killed, and how: drawn from a seed, so that a failure can be repeated. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import cycle

POINTS = (
    "bronze.ais.before_tables",
    "bronze.ais.before_ledger",
    "bronze.ais.before_checkpoint",
    "silver.ais.after_accepted",
    "silver.ais.after_late",
    "silver.ais.after_segments",
    "silver.ais.after_identities",
    "silver.ais.after_vessels",
    "silver.ais.after_quarantine",
    "silver.ais.before_ledger",
    "silver.ais.before_checkpoint",
    "gold.vessels.after_days",
    "gold.vessels.before_ledger",
    "gold.vessels.before_checkpoint",
)
"""The named places: offsets planned and nothing written, between two tables' commits, between the last commit and the
ledger, between the ledger and the checkpoint."""
POINT_SECONDS = 25.0
"""What reaching a named place is reckoned to take, most of it the start of Spark."""
AWAY_SECONDS = (0.0, 4.0)

PRODUCER, BROKER, STREAMS, EXECUTOR = "producer", "broker", "streams", "executor"
ALL, DRIVER, JVM = "all its processes", "its Python process alone", "its JVM alone"
RUNS_SECONDS = {PRODUCER: (3.0, 25.0), BROKER: (8.0, 40.0), STREAMS: (4.0, 40.0), EXECUTOR: (10.0, 50.0)}
"""How long each runs until it is killed; Spark is killed while it starts too."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One SIGKILL: ``after_s`` seconds after the start of the ``victim``, which is started again ``away_s`` later.

    With a ``point`` it is the victim that kills itself, there.
    """

    victim: str
    how: str
    after_s: float
    away_s: float
    point: str | None = None


def schedule(seed: int, seconds: float) -> dict[str, list[Kill]]:
    """The kills of each victim in order: so many as fit in the time, and at least one; of the streams also two points.

    The streams die by turns at random moments and at two named places; over a long run every place is visited.
    """
    draw = random.Random(seed)
    return {
        PRODUCER: _at_random(draw, PRODUCER, seconds),
        BROKER: _at_random(draw, BROKER, seconds),
        STREAMS: _of_streams(draw, seconds),
        EXECUTOR: _at_random(draw, EXECUTOR, seconds),
    }


def _at_random(draw: random.Random, victim: str, seconds: float) -> list[Kill]:
    kills = [_kill(draw, victim, ALL)]
    while _length(kills) < seconds:
        kills.append(_kill(draw, victim, ALL))
    return kills


def _of_streams(draw: random.Random, seconds: float) -> list[Kill]:
    points = cycle(draw.sample(POINTS, len(POINTS)))
    hows = cycle((ALL, DRIVER, JVM))
    kills: list[Kill] = []
    while not kills or _length(kills) < seconds:
        kills.append(_kill(draw, STREAMS, next(hows)))
        kills += [Kill(STREAMS, ALL, POINT_SECONDS, _away(draw), next(points)) for _ in range(2)]
    return kills


def _kill(draw: random.Random, victim: str, how: str) -> Kill:
    return Kill(victim, how, round(draw.uniform(*RUNS_SECONDS[victim]), 1), _away(draw))


def _away(draw: random.Random) -> float:
    return round(draw.uniform(*AWAY_SECONDS), 1)


def _length(kills: list[Kill]) -> float:
    return sum(kill.after_s + kill.away_s for kill in kills)
