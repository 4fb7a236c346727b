"""One cell from beginning to end: write all the time, let the fault come and go, then compare."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from bench.faults.checker import Findings, check
from bench.faults.cluster import Cluster
from bench.faults.injections import FAULTS
from bench.faults.sandbox import NODES
from bench.faults.schedule import Cell
from bench.faults.toxiproxy import proxies
from bench.faults.workload import Writer, read_all

HOLD_SECONDS = 7.0
"""Longer than the longest gap that is allowed: it is bridged by the brokers, not ended by the fault's own end."""
LONGEST_GAP_SECONDS = 5.0
FIRST_SECONDS = 30.0
SETTLED_SECONDS = 0.5
DEAF_SECONDS = 1.5
PAUSED_SECONDS = 1.0
AFTER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a cell showed. ``wrong`` says in words what makes it unclean; ``broker`` is who was meant, 0 for none."""

    cell: Cell
    broker: int = 0
    findings: Findings | None = None
    wrong: tuple[str, ...] = ()
    skipped: str = ""
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether a cell was clean, or a control was found out."""
        return not self.wrong


def judge(cell: Cell, broker: int, findings: Findings, *, gap_counts: bool, wrong: tuple[str, ...] = ()) -> Outcome:
    """A cell in which every guard was in place."""
    said = list(wrong)
    if findings.acknowledged == 0:
        said.append("nothing was acknowledged")
    for name in ("lost", "twice", "reordered", "foreign", "moved", "unanswered"):
        numbers: list[int] = getattr(findings, name)
        if numbers:
            said.append(f"{len(numbers)} {name}, first {numbers[0]}")
    if gap_counts and findings.longest_gap_s > LONGEST_GAP_SECONDS:
        said.append(f"no acknowledgement for {findings.longest_gap_s:.1f} s")
    return Outcome(cell, broker, findings, tuple(said))


def judge_control(cell: Cell, broker: int, findings: Findings, must_find: str) -> Outcome:
    """A cell with a guard taken out: what that guard prevents must have been found."""
    is_found = bool(getattr(findings, must_find))
    return Outcome(cell, broker, findings, () if is_found else (f"the checker found nothing {must_find}",))


@dataclass(frozen=True, slots=True)
class Bench:
    """The cluster with one topic for each cell."""

    cluster: Cluster

    def one_broker(self, cell: Cell) -> Outcome:
        """A fault of one broker in its role."""
        role, fault = cell.name.split("/")
        controller = self.cluster.controller()
        broker, replicas = _roles(role, controller, cell.luck)

        def strike() -> None:
            with FAULTS[fault](self.cluster.nodes[broker]):
                time.sleep(0.0 if fault == "bounces" else HOLD_SECONDS)

        return judge(cell, broker, self._run(cell, replicas, strike), gap_counts=True)

    def two_brokers(self, cell: Cell) -> Outcome:
        """Two of three are gone: nothing may be acknowledged while they are, and nothing lost afterwards."""
        gone = random.Random(cell.luck).sample(NODES, 2)
        acknowledged = [0]
        topic_writer: list[Writer] = []

        def strike() -> None:
            with ExitStack() as faults:
                for broker in gone:
                    faults.enter_context(FAULTS[cell.name.split("/")[1]](self.cluster.nodes[broker]))
                time.sleep(SETTLED_SECONDS)
                before = topic_writer[0].acknowledged
                time.sleep(HOLD_SECONDS)
                acknowledged[0] = topic_writer[0].acknowledged - before

        findings = self._run(cell, _spread(), strike, seen=topic_writer.append)
        wrong = (f"{acknowledged[0]} acknowledged by one broker of three",) if acknowledged[0] else ()
        return judge(cell, 0, findings, gap_counts=False, wrong=wrong)

    def lost_answers(self, cell: Cell) -> Outcome:
        """The leader writes, its answers are lost, and the producer must send again what is already there."""
        broker, findings = self._without_answers(cell)
        return judge(cell, broker, findings, gap_counts=True)

    def idempotence_off(self, cell: Cell) -> Outcome:
        """The same with idempotence off: records are there twice."""
        broker, findings = self._without_answers(cell, {"enable.idempotence": False})
        return judge_control(cell, broker, findings, "twice")

    def acks_1(self, cell: Cell) -> Outcome:
        """A leader that need not wait for the others dies with what they do not have: records are lost."""
        leader, replicas = _roles("leader", self.cluster.controller(), cell.luck)
        others = [node for number, node in self.cluster.nodes.items() if number != leader]

        def strike() -> None:
            for node in others:
                node.send(signal.SIGSTOP)
            time.sleep(PAUSED_SECONDS)
            self.cluster.nodes[leader].stop(signal.SIGKILL)
            for node in others:
                node.send(signal.SIGCONT)
            time.sleep(HOLD_SECONDS)

        findings = self._run(cell, replicas, strike, {"enable.idempotence": False, "acks": 1})
        return judge_control(cell, leader, findings, "lost")

    def _without_answers(self, cell: Cell, overrides: Mapping[str, object] | None = None) -> tuple[int, Findings]:
        leader, replicas = _roles("leader", self.cluster.controller(), cell.luck)
        with proxies(self.cluster.settings) as between:

            def strike() -> None:
                between.lose_answers(leader)
                time.sleep(DEAF_SECONDS)
                between.reconnect(leader)
                time.sleep(AFTER_SECONDS)

            return leader, self._run(
                cell, replicas, strike, {"bootstrap.servers": between.servers, **(overrides or {})}
            )

    def _run(
        self,
        cell: Cell,
        replicas: list[list[int]],
        strike: Callable[[], None],
        overrides: Mapping[str, object] | None = None,
        seen: Callable[[Writer], None] = lambda _: None,
    ) -> Findings:
        topic = f"{cell.name.replace('/', '.')}.{cell.run}"
        self.cluster.create(topic, replicas)
        with Writer(self.cluster.settings, topic, overrides) as writer:
            seen(writer)
            _wait_for_first(writer)
            time.sleep(cell.wait_s)
            strike()
            self.cluster.mend()
            self.cluster.wait_until_whole(topic)
            time.sleep(AFTER_SECONDS)
            sent = writer.stop()
        findings = check(sent, read_all(self.cluster.settings, topic))
        self.cluster.delete(topic)
        return findings


def _wait_for_first(writer: Writer) -> None:
    deadline = time.monotonic() + FIRST_SECONDS
    while not writer.acknowledged and time.monotonic() < deadline:
        time.sleep(0.05)


def _roles(role: str, controller: int, luck: float) -> tuple[int, list[list[int]]]:
    """The broker that is meant, and the replicas of three partitions, the leader of each first.

    Leader and follower are not the controller; the controller leads one partition of three, as in daily life.
    """
    if role == "controller":
        return controller, _spread()
    others = [number for number in NODES if number != controller]
    leader, follower = others if luck < 0.5 else reversed(others)
    return (leader if role == "leader" else follower), [[leader, follower, controller]] * len(NODES)


def _spread() -> list[list[int]]:
    return [[1, 2, 3], [2, 3, 1], [3, 1, 2]]
