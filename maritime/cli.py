"""The ``maritime`` command. It only wires: each command lives in its room and is imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import click

from infra.console import Group

COMMANDS = {
    "demo": ("maritime.demo:demo", "Run the whole line once: broker, real feeds, streams, reports, model, summary."),
    "up": ("maritime.live:up", "Start the broker and the streams and leave them running."),
    "down": ("maritime.live:down", "Stop what `up` started."),
    "status": ("maritime.status:status", "Show topics, streams and tables: lag, outcomes, freshness."),
    "broker": ("infra.commands:broker", "Start, stop and inspect the embedded Kafka broker."),
    "topics": ("infra.commands:topics", "Create the Kafka topics, or check them against their contract."),
    "jars": ("infra.commands:jars", "Fetch the jars of Spark and Kafka, checked against the lock."),
    "twin": ("producers.twin.commands:twin", "Generate a fleet with its ground truth."),
    "produce": ("producers.commands:produce", "Publish a feed to Kafka."),
    "stream": ("maritime.stream:stream", "Run the Bronze, Silver and Gold streams."),
    "register": ("batch_jobs.commands:register_group", "Load and show the ship register."),
    "voyages": ("batch_jobs.voyages:main", "Voyage analytics; the same as maritime-voyages."),
    "emissions": ("batch_jobs.emissions:main", "Emissions and compliance; the same as maritime-emissions."),
    "train": ("ml.train:main", "Train the maintenance model; the same as maritime-train."),
    "score": ("ml.score:main", "Score vessels with it; the same as maritime-score."),
    "sql": ("maritime.sql:sql", "Query the lake with SQL."),
}
"""Where each command lives and its line of help: known here, so that ``maritime --help`` imports none of them."""


class LazyGroup(Group):
    """A group that imports a command only when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's own signature
        """In the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command, or nothing for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        rows: Sequence[tuple[str, str]] = [(name, text) for name, (_, text) in COMMANDS.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="maritimeiq")
def main() -> None:
    """MaritimeIQ: AIS, sensors, alerts and voyages from Kafka to Delta tables, reports and predictions.

    Begin with `maritime demo`. Settings are MARITIME_* variables or lines of a .env file: see docs/settings.md.
    """
