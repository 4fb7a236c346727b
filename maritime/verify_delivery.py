"""``maritime verify delivery``: kill every part while records flow, then show that each is in the lake once."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from contracts.settings import load_settings
from infra.console import Command, json_option, out, print_facts, print_json, print_table, say
from maritime.delivery.attack import told
from maritime.delivery.proof import Finding
from maritime.delivery.run import Verdict, verify
from maritime.delivery.schedule import Kill, schedule
from maritime.delivery.workplace import own_settings

NAMES_SHOWN = 10


@click.command("delivery", cls=Command)
@click.option("--minutes", type=click.FloatRange(min=0.5), default=5.0, show_default=True, help="How long to kill.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same stream and kills.")
@json_option
@click.pass_context
def delivery(ctx: click.Context, minutes: float, seed: int, as_json: bool) -> None:
    """Publish a known stream while broker, producer, Spark driver and executor are killed, then prove what arrived.

    It works in a temporary home with a broker and a lake of its own and touches nothing of yours. The stream is
    generated and says so. The schedule of kills is told first. Exit code 1 when a record is lost, is there twice or out
    of order, or a named place was not reached; the home is then kept, and its place told.
    """
    kills = schedule(seed, minutes * 60)
    _tell_schedule(seed, kills)
    home = Path(tempfile.mkdtemp(prefix="maritime-delivery-"))
    holds = False
    try:
        with _sigterm_as_ctrl_c():
            verdict = verify(own_settings(load_settings(), home), seed, kills, minutes * 60, say)
        holds = verdict.holds
        facts = _facts(seed, minutes, verdict, None if holds else home)
        _tell(facts, verdict, as_json=as_json, schedule_of=kills)
    finally:
        if holds:
            shutil.rmtree(home)
        else:
            say(f"Kept, with the logs of all processes: {home}")
    if not holds:
        ctx.exit(1)


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """What was started is also ended when a CI run is cancelled."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell_schedule(seed: int, kills: Mapping[str, Sequence[Kill]]) -> None:
    say(f"Seed {seed}: {sum(map(len, kills.values()))} kills.")
    for of in kills.values():
        for kill in of:
            say(f"  {told(kill)}")


def _facts(seed: int, minutes: float, verdict: Verdict, home: Path | None) -> dict[str, object]:
    findings = verdict.findings
    return {
        "seed": seed,
        "minutes": minutes,
        "data": "generated",
        "kills": len(verdict.kills),
        "acknowledged": verdict.acknowledged,
        "lost": sum(len(finding.lost) for finding in findings),
        "twice": sum(len(finding.twice) for finding in findings),
        "reordered": sum(len(finding.reordered) for finding in findings),
        "foreign": sum(len(finding.foreign) for finding in findings),
        "not_reached": verdict.not_reached,
        "ended_by_themselves": dict(verdict.ended),
        "kept": home,
        "holds": verdict.holds,
    }


def _tell(
    facts: dict[str, object], verdict: Verdict, *, as_json: bool, schedule_of: Mapping[str, Sequence[Kill]]
) -> None:
    if as_json:
        print_json({**facts, "findings": [_as_json(f) for f in verdict.findings],
                    "schedule": {name: [asdict(kill) for kill in of] for name, of in schedule_of.items()},
                    "struck": [asdict(struck) for struck in verdict.kills]})  # fmt: skip
        return
    rows = [(f.check, f.expected, f.found, "yes" if f.holds else "NO") for f in verdict.findings]
    print_table("What was sent, and what arrived", ["check", "expected", "found", "holds"], rows)
    for finding in verdict.findings:
        _name(finding)
    print_facts(facts)


def _as_json(finding: Finding) -> dict[str, Any]:
    return {**asdict(finding), "holds": finding.holds}


def _name(finding: Finding) -> None:
    """The first names of what is wrong; all are in the JSON."""
    for what in ("lost", "twice", "reordered", "foreign"):
        names: list[str] = getattr(finding, what)
        if names:
            more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
            out.print(f"  {what}: {', '.join(names[:NAMES_SHOWN])}{more}", highlight=False, soft_wrap=True)
