"""``maritime verify ledger``: does everything add up, from the broker to Gold?"""

from __future__ import annotations

from dataclasses import asdict

import click

from contracts.errors import UnavailableError
from contracts.settings import Settings, load_settings
from infra.console import Command, json_option, out, print_facts, print_json, print_table, say
from infra.marks import TopicState, topic_states
from infra.topics import EVERY
from lakehouse.recount.counting import Recount, recount
from lakehouse.recount.findings import Finding

SHOWN = 50


@click.command("ledger", cls=Command)
@json_option
def verify_ledger(as_json: bool) -> None:
    """Recount every batch from the tables and the broker, and name what does not add up.

    Ends with 0 when everything adds up, with 1 on a difference, with 2 without a lake. Streams may go on meanwhile.
    A broker that is away is told, and the rest is counted.
    """
    settings = load_settings()
    states, broker = _broker(settings)
    found = recount(settings, states)
    if as_json:
        print_json(
            {
                "adds_up": not found.differences,
                "broker": broker,
                "batches": found.batches,
                "counted": found.counted,
                "differences": [asdict(finding) for finding in found.differences],
                "notes": [asdict(finding) for finding in found.findings if not finding.is_difference],
            }
        )
    else:
        _print(found, broker)
    if found.differences:
        raise SystemExit(1)


def _broker(settings: Settings) -> tuple[dict[str, TopicState] | None, str]:
    """The topics, or why the broker cannot be asked."""
    try:
        return topic_states(settings, [topic.name for topic in EVERY]), "up"
    except UnavailableError as error:
        return None, str(error)


def _print(found: Recount, broker: str) -> None:
    if broker != "up":
        say(f"[yellow]Broker:[/yellow] {broker} Its marks were not compared.")
    print_facts(
        {"batches in the ledger": found.batches, **{f"counted: {name}": n for name, n in found.counted.items()}}
    )
    _list("For the record", [finding for finding in found.findings if not finding.is_difference])
    _list("Differences", found.differences)
    out.print("[red]The account does not add up.[/red]" if found.differences else "Everything adds up.")


def _list(title: str, findings: list[Finding]) -> None:
    if findings:
        print_table(title, ["stream or table", "what"], [(f.stream, f.text) for f in findings[:SHOWN]])
    if len(findings) > SHOWN:
        say(f"{len(findings) - SHOWN} more; --json has them all.")
