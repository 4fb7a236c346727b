"""``maritime contract``: what changes between the contracts in force and those of this release, and making it so."""

from __future__ import annotations

import json

import click

from contracts.settings import load_settings
from infra.console import Command, Group, json_option, out, print_json, print_table, say
from lakehouse.evolution.change import Change, refuse
from lakehouse.evolution.in_force import State, in_force
from maritime.contract_plan import carry_out, plan_of

WORDS = {"told": "yes", "needed": "yes, before anything is written", "refused": "no"}
"""Whether a change is made, by its weight."""


@click.group("contract", cls=Group)
def contract() -> None:
    """Show how the contracts in force differ from those of this release, and change them. NAME is a table or an event.

    Tables are changed by ALTER TABLE only: no file is written anew, and no value is dropped.
    """


@contract.command("list", cls=Command)
@json_option
def list_contracts(as_json: bool) -> None:
    """Show which state of each contract is in force, since when, and which release brought it."""
    states = sorted(in_force(load_settings().lake).values(), key=lambda state: state.contract)
    rows = [{**_row(state), "since": f"{state.applied_at:%F %T}", "release": state.code_version} for state in states]
    if as_json:
        print_json({"contracts": rows})
    elif rows:
        print_table("Contracts in force", list(rows[0]), [list(row.values()) for row in rows])
    else:
        say("None yet: the first `maritime produce` registers its events, `maritime contract apply` the tables.")


@contract.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
@click.pass_context
def diff(context: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Show what `apply` would change, and what it would refuse. Nothing is written.

    Ends with 0 where nothing differs, 1 where something does, 3 where a change is refused.
    """
    changes = plan_of(load_settings(), names).changes
    is_refused = any(change.weight == "refused" for change in changes)
    if as_json:
        print_json({"changes": [_as_json(change) for change in changes], "is_refused": is_refused})
    else:
        _print(changes)
    context.exit(3 if is_refused else 1 if changes else 0)


@contract.command("apply", cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def apply_changes(names: tuple[str, ...], as_json: bool) -> None:
    """Make what `diff` shows. Where one change is refused, none of those asked for is made.

    The streams that write or read a table stand still meanwhile: one that runs is named, and ends the command. What
    was applied is in ops.contracts and in the audit log; a second run changes nothing.
    """
    settings = load_settings()
    plan = plan_of(settings, names)
    refuse(plan.changes, "Nothing was changed")
    done = carry_out(settings, plan)
    if as_json:
        print_json({"applied": [{**_row(state), "changes": json.loads(state.changes)} for state in done]})
    elif done:
        rows = [
            [*_row(state).values(), "; ".join(json.loads(state.changes)) or "registered as it is"] for state in done
        ]
        print_table("Applied", ["contract", "state", "fingerprint", "changes"], rows)
    else:
        out.print("No difference.")


def _print(changes: tuple[Change, ...]) -> None:
    if not changes:
        out.print("No difference.")
        return
    rows = [(change.contract, change.text, WORDS[change.weight]) for change in changes]
    print_table("Contracts", ["contract", "change", "is made"], rows)
    for way_out in dict.fromkeys(change.way_out for change in changes if change.way_out):
        out.print(way_out, highlight=False, soft_wrap=True)


def _row(state: State) -> dict[str, object]:
    return {"contract": state.contract, "state": state.contract_version, "fingerprint": state.fingerprint}


def _as_json(change: Change) -> dict[str, object]:
    made = {"is_made": change.weight != "refused", "is_needed": change.weight == "needed"}
    return {"contract": change.contract, "change": change.text, **made, "way_out": change.way_out}
