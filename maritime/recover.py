"""``maritime recover``: get a stream going again from the ledger, without loss or repetition."""

from __future__ import annotations

from dataclasses import asdict

import click

from consumers.bronze import BRONZE_FLOWS
from consumers.recovery import Plan, loss_of, plan
from consumers.recovery import recover as recover_stream
from consumers.standing import standing
from contracts.settings import Settings, load_settings
from contracts.topics import Topic
from infra import audit_log
from infra.console import Command, Group, json_option, out, print_json, print_table
from lakehouse.evolution import checkpoint_versions
from lakehouse.flows import Flow, writing
from lakehouse.gold import GOLD_FLOWS
from lakehouse.resume import plan as resuming
from lakehouse.resume import standing as readers
from lakehouse.silver import SILVER_FLOWS
from maritime.options import chosen_topics, topic_option

DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what is wrong and how it would go on; change nothing.")
ACCEPT_LOSS = click.option(
    "--accept-loss", is_flag=True, help="Go on without what is lost; it stays named in ops.origins."
)


@click.group("recover", cls=Group)
def recover() -> None:
    """Get a stream going again where its checkpoint, or what it reads, no longer fits to the ledger."""


@recover.command("bronze", cls=Command)
@topic_option
@DRY_RUN
@ACCEPT_LOSS
@json_option
def bronze(short: str | None, dry_run: bool, accept_loss: bool, as_json: bool) -> None:
    """Let Bronze go on where the ledger ends: after retention, a topic made anew, or a lost checkpoint.

    The old checkpoint is kept under another name, and the next start of the stream begins at the offsets shown.
    Without --accept-loss nothing is done where records are lost: the command ends with 6 and names them.
    """
    settings = load_settings()
    wanted = chosen_topics(short)
    plans = [_bronze(settings, one, dry_run=dry_run, accept_loss=accept_loss) for one in wanted]
    if as_json:
        print_json({"dry_run": dry_run, "streams": [_machine_readable(found) for found in plans]})
        return
    for found in plans:
        _print_bronze(found, dry_run=dry_run)


@recover.command("silver", cls=Command)
@topic_option
@DRY_RUN
@ACCEPT_LOSS
@json_option
def silver(short: str | None, dry_run: bool, accept_loss: bool, as_json: bool) -> None:
    """Let Silver go on where the ledger ends: after a lost or old checkpoint, or where Bronze was changed.

    The old checkpoint is kept under another name, and one that holds the ledger's last batch is made in its place. A
    batch that was cut short is finished first, exactly as it was begun. Without --accept-loss nothing is done where
    rows are lost: the command ends with 6 and names them.
    """
    flows = [flow for flow in SILVER_FLOWS if short is None or flow.name == f"silver.{short}"]
    _readers(flows, dry_run=dry_run, accept_loss=accept_loss, as_json=as_json)


@recover.command("gold", cls=Command)
@DRY_RUN
@ACCEPT_LOSS
@json_option
def gold(dry_run: bool, accept_loss: bool, as_json: bool) -> None:
    """Let Gold go on where the ledger ends: after a lost or old checkpoint, or where silver.positions was changed.

    The same as for Silver.
    """
    _readers(GOLD_FLOWS, dry_run=dry_run, accept_loss=accept_loss, as_json=as_json)


def _readers(flows: list[Flow], *, dry_run: bool, accept_loss: bool, as_json: bool) -> None:
    """Recover streams that read a table of the lake."""
    settings = load_settings()
    plans = [_reader(settings, flow, dry_run=dry_run, accept_loss=accept_loss) for flow in flows]
    if as_json:
        print_json({"dry_run": dry_run, "streams": [{**asdict(one), "has_loss": one.has_loss} for one in plans]})
        return
    for found in plans:
        _print_reader(found, dry_run=dry_run)


def _reader(settings: Settings, flow: Flow, *, dry_run: bool, accept_loss: bool) -> resuming.Plan:
    if dry_run:
        return resuming.plan(settings, readers.standing(settings, flow.name, flow.tables))
    with writing([flow], settings):
        found = resuming.recover(settings, flow.name, flow.tables, accept_loss=accept_loss)
    if found.problem:
        if found.checkpoint_id:
            checkpoint_versions.note(settings, flow.name, flow.versions[-1])
        said = {**asdict(found), "has_loss": found.has_loss}
        audit_log.append(settings, "recover", {**said, "accept_loss": accept_loss})
    return found


def _print_reader(found: resuming.Plan, *, dry_run: bool) -> None:
    if found.problem is None:
        out.print(f"{found.stream}: nothing to recover.", highlight=False)
        return
    out.print(f"{found.stream}: {found.reason}. {_way_on(found)}", highlight=False, soft_wrap=True)
    if found.has_loss:
        out.print(f"[yellow]Lost:[/yellow] {resuming.loss_of(found)}", highlight=False, soft_wrap=True)
    _print_end(has_loss=found.has_loss, dry_run=dry_run)


def _way_on(found: resuming.Plan) -> str:
    """Where the stream goes on, in a sentence or two."""
    places = {batch: readers.Place.of(end) for batch, end in found.ends.items()}
    if not places:
        return f"It begins with the first row of {found.source}."
    first = 0 if found.done is None else found.done + 1
    start = places.get(found.done) if found.done is not None else None
    where = f"at version {start.version} of {found.source}" if start else f"at the beginning of {found.source}"
    told = f"It goes on with batch {first}, {where}."
    if first in places:
        told += f" That batch reads to before version {places[first].version}, neither more nor less."
    return told


def _bronze(settings: Settings, topic: Topic, *, dry_run: bool, accept_loss: bool) -> Plan:
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


def _print_bronze(found: Plan, *, dry_run: bool) -> None:
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
    _print_end(has_loss=found.has_loss, dry_run=dry_run)


def _print_end(*, has_loss: bool, dry_run: bool) -> None:
    done = "Dry run: nothing was changed." if dry_run else "Done: start the stream again."
    out.print(done + (" Add --accept-loss to go on without what is lost." if dry_run and has_loss else ""))
