"""All cells of a schedule, one after the other, on one cluster for each run."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from confluent_kafka import KafkaException

from bench.faults.cells import Bench, Outcome
from bench.faults.cluster import Cluster
from bench.faults.driver import driver_kills
from bench.faults.schedule import Cell
from bench.faults.toxiproxy import program
from bench.faults.writers import two_writers
from contracts.errors import MaritimeError
from contracts.settings import Settings

ROOT = Path(__file__).parents[2]
LAKE_CONTROLS = "tests/kafka/test_delivery_controls.py"
LAKE_SECONDS = 1800
WITH_PROXY = ("leader/lost-answers", "control/idempotence-off")
WITHOUT_BROKERS = ("control/two-writers", "control/lake")


def run(settings: Settings, cells: Sequence[Cell], home: Path, tell: Callable[[str], None]) -> list[Outcome]:
    """Run every cell; one that cannot be carried out is unclean, and the cluster is made anew after it."""
    outcomes: list[Outcome] = []
    for number, of_run in groupby(cells, key=lambda cell: cell.run):
        for outcome in _one_run(settings, list(of_run), home / f"run{number}"):
            outcomes.append(outcome)
            tell(f"{len(outcomes):4} of {len(cells)}  {told(outcome)}")
    return outcomes


def told(outcome: Outcome) -> str:
    """A cell in one line."""
    found, cell = outcome.findings, outcome.cell
    if outcome.skipped:
        return f"run {cell.run} {cell.name}: SKIPPED: {outcome.skipped}"
    clean = "found out" if cell.is_control else "clean"
    facts = [f"{outcome.seconds:.0f} s"]
    if found:
        counts = f"{found.acknowledged:,} acknowledged, {len(found.lost)} lost, {len(found.twice)} twice, "
        facts = [f"broker {outcome.broker or '-'}", counts + f"{len(found.reordered)} reordered",
                 f"longest gap {found.longest_gap_s:.1f} s", *facts]  # fmt: skip
    verdict = clean if outcome.holds else "NOT CLEAN: " + "; ".join(outcome.wrong)
    return f"run {cell.run} {cell.name}: {', '.join(facts)}: {verdict}"


def _one_run(settings: Settings, cells: list[Cell], home: Path) -> Iterator[Outcome]:
    with ExitStack() as running:
        bench: Bench | None = None
        for number, cell in enumerate(cells):
            began = time.monotonic()
            try:
                if bench is None and cell.name not in WITHOUT_BROKERS:
                    bench = Bench(running.enter_context(Cluster(settings, home / f"cluster{number}")))
                outcome = _carry_out(bench, cell, settings, home / f"cell{number}")
            except (MaritimeError, KafkaException, OSError, subprocess.SubprocessError) as error:
                outcome = Outcome(cell, wrong=(str(error),))
                running.close()
                bench = None
            yield replace(outcome, seconds=round(time.monotonic() - began, 1))


def _carry_out(bench: Bench | None, cell: Cell, settings: Settings, home: Path) -> Outcome:
    if cell.name in WITH_PROXY and not program(settings).exists():
        return Outcome(cell, skipped="Toxiproxy is not there: it is built by Go (see docs/reliability.md)")
    if cell.name == "control/lake":
        return _lake_controls(cell)
    if cell.name == "control/two-writers":
        return two_writers(cell, home)
    assert bench is not None
    if cell.name == "driver/kill":
        return driver_kills(bench.cluster, cell, home)
    special = {
        "leader/lost-answers": bench.lost_answers,
        "control/idempotence-off": bench.idempotence_off,
        "control/acks-1": bench.acks_1,
        "two-of-three/kill": bench.two_brokers,
        "two-of-three/suspend": bench.two_brokers,
    }
    return special.get(cell.name, bench.one_broker)(cell)


def _lake_controls(cell: Cell) -> Outcome:
    """The controls of the lake are tests: guards taken out of the writes, offsets before the effect, two writers."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", LAKE_CONTROLS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LAKE_SECONDS, check=False)
    last = (done.stdout.splitlines() or ["no output"])[-1].strip("= ")
    is_sound = done.returncode == 0 and "skipped" not in last
    return Outcome(cell, wrong=() if is_sound else (f"{LAKE_CONTROLS}: {last}",))
