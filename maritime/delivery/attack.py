"""Carrying out the schedule: each victim has a thread that starts it, kills it, and starts it again."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

from maritime.delivery.schedule import Kill
from maritime.delivery.victims import Victim

POLL_SECONDS = 0.1
RESTART_SECONDS = 1.0
LONGEST_WAY_SECONDS = 300.0
"""Within which a named place must be reached; then the victim is killed from outside."""

Tell = Callable[[str], None]


@dataclass(slots=True)
class Struck:
    """A kill that was carried out. ``reached`` is false for a named place that the victim did not come to."""

    kill: Kill
    at_s: float
    reached: bool = True


@dataclass(slots=True)
class Course:
    """What happened: the kills, and how often a victim ended by itself, by its name and exit code."""

    struck: list[Struck] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)

    def count_end(self, name: str, code: int | None) -> str:
        """Count that a victim ended by itself, and say it."""
        why = f"{name}: exit code {code}"
        self.ended[why] = self.ended.get(why, 0) + 1
        return why


def is_due(kill: Kill, struck: Iterable[Struck], *, in_time: bool) -> bool:
    """Whether a kill is still to be carried out: in time always, later only where no other reached its named place."""
    reached = {earlier.kill.point for earlier in struck if earlier.reached}
    return in_time or (kill.point is not None and kill.point not in reached)


def attack(victims: Iterable[Victim], kills: Mapping[str, Sequence[Kill]], seconds: float, tell: Tell) -> Course:
    """Carry out the kills. Whatever is down between its kills is started again, until the last kill of all.

    A machine that is slower than the schedule reckons does not get through it in time: after ``seconds`` only the
    named places not reached yet are still visited. What runs in the end is left running.
    """
    over, course, began = Event(), Course(), time.monotonic()
    fronts = [_Front(victim, kills[victim.name], over, course, began, seconds, tell) for victim in victims]
    with ThreadPoolExecutor(len(fronts)) as threads:
        futures = [threads.submit(front.run) for front in fronts]
        try:
            for front in fronts:
                front.finished.wait()
        finally:
            over.set()
        for future in futures:
            future.result()
    course.struck.sort(key=lambda struck: struck.at_s)
    return course


@dataclass(slots=True)
class _Front:
    """One victim's part of the attack."""

    victim: Victim
    kills: Sequence[Kill]
    over: Event
    course: Course
    began: float
    seconds: float
    tell: Tell
    finished: Event = field(default_factory=Event)

    def run(self) -> None:
        """Its kills, then keep it running until all others are done."""
        try:
            for kill in self.kills:
                if not is_due(kill, self.course.struck, in_time=self._now() <= self.seconds):
                    continue
                self._strike(kill)
                self.over.wait(kill.away_s)
        except BaseException:
            self.over.set()
            raise
        finally:
            self.finished.set()
        if not self.over.wait(RESTART_SECONDS):
            self.victim.start()
        while not self.over.wait(RESTART_SECONDS):
            self._keep_running(None)

    def _strike(self, kill: Kill) -> None:
        if self.over.is_set():
            return
        self.victim.start(kill.point)
        limit = kill.after_s if kill.point is None else LONGEST_WAY_SECONDS
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline and not self.over.wait(POLL_SECONDS):
            if kill.point and self.victim.exit_code() == -signal.SIGKILL:
                self._note(Struck(kill, self._now()))
                return
            self._keep_running(kill.point)
        while not self.over.is_set() and not self.victim.is_running():
            self._keep_running(kill.point)
        if not self.over.is_set():
            self.victim.kill(kill.how)
            self._note(Struck(kill, self._now(), reached=kill.point is None))

    def _keep_running(self, point: str | None) -> None:
        """Start again what has ended by itself, as a service manager would; a broker that is away ends a stream."""
        if self.victim.is_running():
            return
        ended = self.course.count_end(self.victim.name, self.victim.exit_code())
        self.tell(f"{self._now():6.1f} s  {ended}; started again")
        if not self.over.wait(RESTART_SECONDS):
            self.victim.start(point)

    def _note(self, struck: Struck) -> None:
        self.course.struck.append(struck)
        self.tell(f"{struck.at_s:6.1f} s  {told(struck.kill)}" + ("" if struck.reached else ": NOT REACHED"))

    def _now(self) -> float:
        return round(time.monotonic() - self.began, 1)


def told(kill: Kill) -> str:
    """A kill in words."""
    if kill.point:
        return f"{kill.victim} killed themselves at {kill.point}, back after {kill.away_s} s"
    return f"{kill.victim}: {kill.how} killed {kill.after_s} s after the start, back after {kill.away_s} s"
