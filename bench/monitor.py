"""Watches a running line from outside, once a second: records on the broker, rows in Silver, memory, processor time."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from confluent_kafka import Consumer, TopicPartition

from bench.commits import Commit, commits
from contracts.settings import Settings
from contracts.tables import SILVER_POSITIONS
from contracts.topics import AIS
from infra.kafka import client_config


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. ``rss_bytes`` (memory in use) and ``cpu_s`` (since its start) are by role."""

    at: float
    on_broker: int
    in_silver: int
    rss_bytes: Mapping[str, int]
    cpu_s: Mapping[str, float]

    @property
    def lag(self) -> int:
        """Records that are on the broker and not yet in Silver."""
        return self.on_broker - self.in_silver


class Monitor:
    """Looks at one broker, one lake and the processes of some roles, each with all its children."""

    def __init__(self, settings: Settings, roles: Mapping[str, psutil.Process]) -> None:
        self.samples: list[Sample] = []
        self.commits: list[Commit] = []
        self._silver = Path(settings.lake) / SILVER_POSITIONS.path
        self._roles = dict(roles)
        self._consumer = Consumer(client_config(settings) | {"group.id": "bench-monitor"})

    def look(self) -> Sample:
        """Take one sample and keep it."""
        on_broker = self._on_broker()
        at = time.time()
        self.commits += commits(self._silver, len(self.commits) - 1)
        used = {role: _used(process) for role, process in self._roles.items()}
        sample = Sample(
            at=at,
            on_broker=on_broker,
            in_silver=sum(commit.rows for commit in self.commits),
            rss_bytes={role: rss for role, (rss, _) in used.items()},
            cpu_s={role: cpu for role, (_, cpu) in used.items()},
        )
        self.samples.append(sample)
        return sample

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _on_broker(self) -> int:
        partitions = [TopicPartition(AIS.name, number) for number in range(AIS.partitions)]
        return sum(self._consumer.get_watermark_offsets(partition, timeout=10)[1] for partition in partitions)


def _used(process: psutil.Process) -> tuple[int, float]:
    """Memory in bytes and processor seconds of a process and its children; none of one that has ended."""
    rss, cpu = 0, 0.0
    try:
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0, 0.0
    for member in family:
        try:
            rss += member.memory_info().rss
            times = member.cpu_times()
        except psutil.NoSuchProcess:  # it ended while we looked
            continue
        cpu += times.user + times.system
    return rss, cpu
