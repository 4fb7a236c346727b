"""Commands for what the platform stands on: the embedded broker and the topics."""

from __future__ import annotations

from dataclasses import asdict

import click

from contracts.settings import load_settings
from infra import audit_log
from infra.broker import Broker, BrokerStatus
from infra.console import Group, json_option, print_facts, print_json, say
from infra.topics import check_topics, create_topics


@click.group(cls=Group)
def broker() -> None:
    """The embedded Kafka broker, for machines without Docker."""


@broker.command()
@json_option
def start(as_json: bool) -> None:
    """Start the broker, or find it running; it stays up when this command ends."""
    _tell(Broker(load_settings()).start(), as_json)


@broker.command()
@json_option
def stop(as_json: bool) -> None:
    """Stop the broker in an orderly way; its records stay."""
    instance = Broker(load_settings())
    if not instance.stop():
        say("The broker was not running.")
    _tell(instance.status(), as_json)


@broker.command()
@json_option
def status(as_json: bool) -> None:
    """Show whether it runs, on which port, since when, and how much it holds."""
    _tell(Broker(load_settings()).status(), as_json)


@broker.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def reset(yes: bool, as_json: bool) -> None:
    """Stop the broker and delete its records.

    Streams that read them must start from new checkpoints afterwards, since their offsets are gone.
    """
    settings = load_settings()
    instance = Broker(settings)
    if not yes:
        click.confirm(f"Delete all records below {instance.data}?", abort=True, err=True)
    audit_log.append(settings, "broker reset", {"folder": instance.data})
    instance.reset()
    _tell(instance.status(), as_json)


@click.group(cls=Group)
def topics() -> None:
    """The topics of the contract on the broker."""


@topics.command()
@json_option
def create(as_json: bool) -> None:
    """Make the topics that are missing, dead letter topics too."""
    made = create_topics(load_settings())
    if as_json:
        print_json({"created": made})
    else:
        say(f"Created {', '.join(made)}." if made else "All topics were there already.")


@topics.command()
@json_option
def check(as_json: bool) -> None:
    """Compare the topics on the broker with the contract; exit code 3 when a partition count differs."""
    check_topics(load_settings())
    if as_json:
        print_json({"agree": True})
    else:
        say("The topics are as the contract says.")


def _tell(state: BrokerStatus, as_json: bool) -> None:
    if as_json:
        print_json(asdict(state))
    else:
        print_facts(asdict(state))
