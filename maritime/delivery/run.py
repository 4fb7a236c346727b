"""One proof from beginning to end: publish and kill, let everything drain, compare."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import MaritimeError
from contracts.settings import Settings
from infra.topics import create_topics
from maritime.delivery.attack import Course, Struck, Tell, attack
from maritime.delivery.evidence import collect
from maritime.delivery.executors import Executors, SparkCluster
from maritime.delivery.proof import Finding, prove
from maritime.delivery.schedule import ALL, Kill
from maritime.delivery.stream import EVENTS_PER_S, write_stream
from maritime.delivery.victims import EmbeddedBroker, Producer, Streams
from maritime.delivery.workplace import command

DRAIN_SECONDS = 1800
DRAIN_STARTS = 3
STREAM_LONGER_THAN_KILLS = 3
STREAM_AT_LEAST_SECONDS = 600
_EXCEPTION = re.compile(r"(Caused by: )?(\w+\.)*\w*(Exception|Error)\b|error: ")
DATA_AT_FAULT = (3, 6)
"""Exit codes with which a stream says that data is wrong or gone; nothing that is killed may bring these about."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a proof found. ``ended`` counts what ended by itself, by name and exit code."""

    acknowledged: int
    kills: list[Struck]
    ended: Mapping[str, int]
    findings: list[Finding]

    @property
    def not_reached(self) -> list[str]:
        """Named places that no stream came to: what is to be proven there is not proven."""
        return [struck.kill.point or "" for struck in self.kills if not struck.reached]

    @property
    def at_fault(self) -> list[str]:
        """Programs that ended by themselves with a code that speaks of wrong or missing data."""
        return [ended for ended in self.ended if any(ended.endswith(f"exit code {code}") for code in DATA_AT_FAULT)]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, twice or out of order, and every named place was reached."""
        is_sound = all(finding.holds for finding in self.findings)
        return is_sound and self.acknowledged > 0 and not self.not_reached and not self.at_fault


def verify(settings: Settings, seed: int, kills: Mapping[str, Sequence[Kill]], seconds: float, tell: Tell) -> Verdict:
    """Publish the known stream while the kills are carried out, drain, and compare.

    Args:
        settings: A home of the proof's own; its broker is started here and stopped at the end.
        seed: Of the stream.
        kills: By victim.
        seconds: After which only named places not reached yet are still visited.
        tell: Takes a line of progress.

    Raises:
        MaritimeError: The streams did not drain, or the producer did not end in order.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    path = settings.home / "stream.jsonl"
    stream = write_stream(path, seed, _events(kills))
    broker, producer, cluster = EmbeddedBroker(settings), Producer(settings, path), SparkCluster(settings)
    streams = Streams(settings)
    try:
        broker.start()
        create_topics(settings)
        cluster.start()
        streams.settings = settings = settings.model_copy(update={"spark_master": cluster.master})
        course = attack((broker, producer, streams, Executors(cluster)), kills, seconds, tell)
        broker.start()
        _drain(settings, producer, streams, course, tell)
        acknowledged = producer.acknowledged()
        findings = prove(stream, acknowledged, collect(settings))
        return Verdict(acknowledged, course.struck, course.ended, findings)
    finally:
        producer.kill(ALL)
        streams.kill(ALL)
        cluster.stop()
        broker.broker.stop()


def _events(kills: Mapping[str, Sequence[Kill]]) -> int:
    """More than can be published while the schedule is carried out, at the stream's own pace."""
    seconds = max(sum(kill.after_s + kill.away_s for kill in of) for of in kills.values())
    return int(max(STREAM_LONGER_THAN_KILLS * seconds, STREAM_AT_LEAST_SECONDS) * EVENTS_PER_S)


def _drain(settings: Settings, producer: Producer, streams: Streams, course: Course, tell: Tell) -> None:
    """End the producer in order, so that its record is complete, and let the streams catch up.

    Streams that end by themselves are started again and counted, as they were before.
    """
    code = producer.stop()
    if code not in (0, None):
        raise MaritimeError(f"The producer did not end in order (exit code {code}): {cause(producer.log.read_text())}")
    streams.stop()
    tell(f"{producer.acknowledged():,} lines acknowledged; the streams catch up")
    for start in range(1, DRAIN_STARTS + 1):
        log = settings.home / f"drain-{start}.log"
        if not (code := _catch_up(settings, log)):
            return
        tell(f"{course.count_end(streams.name, code)}: {cause(log.read_text())}")
    raise MaritimeError(f"The streams did not catch up in {DRAIN_STARTS} starts (exit code {code}).")


def _catch_up(settings: Settings, log: Path) -> int:
    with log.open("wb") as output:
        return subprocess.run(
            command(settings, "stream", "all", "--once"),
            cwd=settings.home, stdout=output, stderr=output, timeout=DRAIN_SECONDS, check=False,
        ).returncode  # fmt: skip


def cause(log: str) -> str:
    """Why a program ended, by what it printed: its last exception, without the trace and plan; else its last lines."""
    lines = log.splitlines()
    named = [line for line in lines if _EXCEPTION.match(line)]
    return " / ".join(named[-1:] or lines[-3:])
