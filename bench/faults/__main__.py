"""Faults of three brokers: ``python -m bench.faults [--runs N] [--seed S] [--only leader/isolate] [--json]``.

docs/reliability.md tells what is done and how to read it. It needs root, for namespaces and small disks.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bench.faults.cells import Outcome
from bench.faults.run import WITH_PROXY, run
from bench.faults.sandbox import missing, run_inside, wire
from bench.faults.schedule import Cell, schedule
from bench.faults.toxiproxy import build
from contracts.errors import ConfigurationError
from contracts.settings import Settings, load_settings
from infra.console import Command, json_option, out, print_facts, print_json, print_table, say
from infra.jars import kafka_jars, spark_jars


@click.command(cls=Command)
@click.option("--runs", type=click.IntRange(min=1), default=1, show_default=True, help="How often the whole matrix.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same schedule.")
@click.option(
    "--only", multiple=True, help="Cells by name, with *: leader/isolate, */kill, control/*. May be repeated."
)
@click.option("--inside", is_flag=True, hidden=True, help="Already in namespaces of its own.")
@json_option
@click.pass_context
def main(ctx: click.Context, runs: int, seed: int, only: tuple[str, ...], inside: bool, as_json: bool) -> None:
    """Faults of one and two brokers of three and of what writes the lake; every control must be found out.

    Exit code 1 when a cell is unclean or a control is not found out; the logs are then kept.
    """
    cells = schedule(seed, runs, only)
    if not cells:
        raise ConfigurationError(f"--only {' '.join(only)}: there is no such cell. docs/reliability.md lists them.")
    if not inside:
        _prepare(cells)
        ctx.exit(run_inside(["-m", "bench.faults", *sys.argv[1:], "--inside"]))
    say(f"Seed {seed}, {runs} {'run' if runs == 1 else 'runs'}, {len(cells)} cells:")
    for cell in cells:
        say(f"  run {cell.run} {cell.name} after {cell.wait_s} s, luck {cell.luck}")
    outcomes = _in_a_home(load_settings(), cells)
    _report(seed, runs, outcomes, as_json=as_json)
    if not all(outcome.holds for outcome in outcomes):
        ctx.exit(1)


def _prepare(cells: Sequence[Cell]) -> None:
    """Everything that comes from outside; inside there is no network but the brokers' own.

    Raises:
        ConfigurationError: This machine cannot run it.
    """
    lacking = missing()
    if lacking:
        raise ConfigurationError(f"The fault suite needs {', '.join(lacking)}.")
    settings = load_settings()
    kafka_jars(settings)
    spark_jars(settings)
    if any(cell.name in WITH_PROXY for cell in cells) and (why := build(settings)):
        say(f"{' and '.join(WITH_PROXY)} will be skipped: {why}.")


def _in_a_home(settings: Settings, cells: Sequence[Cell]) -> list[Outcome]:
    home = Path(tempfile.mkdtemp(prefix="maritime-faults-"))
    wire()
    outcomes: list[Outcome] = []
    try:
        outcomes = run(settings, cells, home, say)
    finally:
        if outcomes and all(outcome.holds for outcome in outcomes):
            shutil.rmtree(home, ignore_errors=True)
        else:
            say(f"Kept, with the brokers' logs: {home}")
    return outcomes


def _report(seed: int, runs: int, outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    facts = _facts(seed, runs, outcomes)
    if as_json:
        print_json({**facts, "outcomes": [{**asdict(o), "holds": o.holds} for o in outcomes]})
        return
    columns = ["cell", "clean", "acked", "lost", "twice", "order", "gap s"]
    print_table("Faults, and what was found", columns, _rows(outcomes))
    for outcome in outcomes:
        if not outcome.holds or outcome.skipped:
            out.print(f"run {outcome.cell.run} {outcome.cell.name}: {'; '.join(outcome.wrong) or outcome.skipped}",
                      highlight=False, markup=False, soft_wrap=True)  # fmt: skip
    print_facts(facts)


def _facts(seed: int, runs: int, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    done = [o for o in outcomes if not o.skipped]
    guarded = [o for o in done if not o.cell.is_control]
    controls = [o for o in done if o.cell.is_control]
    return {
        "seed": seed,
        "runs": runs,
        "cells": len(guarded),
        "cells_clean": sum(o.holds for o in guarded),
        "controls": len(controls),
        "controls_found_out": sum(o.holds for o in controls),
        "skipped": sorted({o.cell.name for o in outcomes if o.skipped}),
        "acknowledged": sum(o.findings.acknowledged for o in guarded if o.findings),
        "holds": all(o.holds for o in outcomes),
    }


def _rows(outcomes: Sequence[Outcome]) -> list[list[object]]:
    """One row a cell over all runs."""
    by_name: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in sorted(outcomes, key=lambda o: (o.cell.is_control, o.cell.name)):
        by_name[outcome.cell.name].append(outcome)
    rows: list[list[object]] = []
    for name, of in by_name.items():
        found = [o.findings for o in of if o.findings]
        sums = [sum(len(getattr(f, what)) for f in found) for what in ("lost", "twice", "reordered")]
        held = f"{sum(o.holds for o in of)} of {len(of)}"
        told = [sum(f.acknowledged for f in found), *sums, max(f.longest_gap_s for f in found)] if found else [None] * 5
        rows.append([name, "skipped" if of[0].skipped else held, *told])
    return rows


if __name__ == "__main__":
    main()
