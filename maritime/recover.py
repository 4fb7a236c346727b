"""``maritime recover``: get a stream going again from the ledger, without loss or repetition."""

from __future__ import annotations

from dataclasses import asdict

import click

from consumers.bronze import BRONZE_FLOWS
from consumers.recovery import Plan, loss_of, plan
from consumers.recovery import recover as recover_stream
from consumers.standing import standing
from contracts.settings import Settings, load_settings
from contracts.topics import TOPICS, Topic, topic_named
from infra import audit_log
from infra.console import Command, Group, json_option, out, print_json, print_table
from lakehouse.flows import writing


@click.group("recover", cls=Group)
def recover() -> None:
    """Get a stream going again where its checkpoint or topic no longer fits to the lake."""


@recover.command("bronze", cls=Command)
@click.option("--topic", type=click.Choice([topic.short for topic in TOPICS]), help="Only this topic; else all.")
@click.option("--dry-run", is_flag=True, help="Show what is wrong and how it would go on; change nothing.")
@click.option("--accept-loss", is_flag=True, help="Go on without what is lost; it stays named in ops.origins.")
@json_option
def bronze(topic: str | None, dry_run: bool, accept_loss: bool, as_json: bool) -> None:
    """Let Bronze go on where the ledger ends: after retention, a topic made anew, or a lost checkpoint.

    The old checkpoint is kept under another name, and the next start of the stream begins at the offsets shown.
    Without --accept-loss nothing is done where records are lost: the command ends with 6 and names them.
    """
    settings = load_settings()
    wanted = [topic_named(topic)] if topic else list(TOPICS)
    plans = [_one(settings, one, dry_run=dry_run, accept_loss=accept_loss) for one in wanted]
    if as_json:
        print_json({"dry_run": dry_run, "streams": [_machine_readable(found) for found in plans]})
        return
    for found in plans:
        _print(found, dry_run=dry_run)


def _one(settings: Settings, topic: Topic, *, dry_run: bool, accept_loss: bool) -> Plan:
    if dry_run:
        return plan(standing(settings, topic))
    flow = next(flow for flow in BRONZE_FLOWS if flow.name == f"bronze.{topic.short}")
    with writing([flow], settings):
        found = recover_stream(settings, topic, accept_loss=accept_loss)
    if found.problem or found.entries:
        audit_log.append(settings, "recover", {**_machine_readable(found), "accept_loss": accept_loss})
    return found


def _machine_readable(found: Plan) -> dict[str, object]:
    whole = asdict(found)
    return {**whole, "entries": [entry["batch_id"] for entry in whole["entries"]], "has_loss": found.has_loss}


def _print(found: Plan, *, dry_run: bool) -> None:
    if found.problem is None and not found.entries:
        out.print(f"{found.stream}: nothing to recover.", highlight=False)
        return
    if found.problem:
        out.print(f"{found.stream}: {found.reason}.", highlight=False)
        places = [(str(partition), offset) for partition, offset in found.starts.items()]
        print_table("It goes on at", ["partition", "offset"], places)
    if found.has_loss:
        out.print(f"[yellow]Lost:[/yellow] {loss_of(found)}", highlight=False, soft_wrap=True)
    if found.entries:
        numbers = ", ".join(str(entry.batch_id) for entry in found.entries)
        out.print(f"{found.stream}: the ledger gets batch {numbers} back from the table's log.", highlight=False)
    done = "Dry run: nothing was changed." if dry_run else "Done: start the stream again."
    out.print(done + (" Add --accept-loss to go on without what is lost." if dry_run and found.has_loss else ""))
