"""The ``maritime`` command. It only wires: each command lives in its room and is imported when it is asked for."""

from __future__ import annotations

import click

from maritime.lazy import LazyGroup

COMMANDS = {
    "demo": ("maritime.demo:demo", "Run the whole line once: broker, real feeds, streams, reports, model, summary."),
    "up": ("maritime.live:up", "Start the broker and the streams and leave them running."),
    "down": ("maritime.live:down", "Stop what `up` started."),
    "status": ("maritime.status:status", "Show topics, streams and tables: lag, outcomes, freshness."),
    "broker": ("infra.commands:broker", "Start, stop and inspect the embedded Kafka broker."),
    "topics": ("infra.commands:topics", "Create the Kafka topics, or check them against their contract."),
    "security": ("maritime.security:security", "Certificates, users and rights of the embedded broker."),
    "jars": ("maritime.jars:jars", "Fetch the jars of Spark and Kafka and prepare their classes, once."),
    "twin": ("producers.twin.commands:twin", "Generate a fleet with its ground truth."),
    "produce": ("producers.commands:produce", "Publish a feed to Kafka."),
    "stream": ("maritime.stream:stream", "Run the Bronze, Silver and Gold streams."),
    "watch": ("maritime.watch:watch", "Watch the traffic as it comes: ships that will pass too close."),
    "dispatch": ("maritime.dispatch:dispatch", "Take alerts to a webhook or a log, each once."),
    "quality": ("maritime.quality:quality", "Check the tables by what their contracts say of them."),
    "quarantine": ("maritime.quarantine:quarantine", "See what Silver refused and why; judge it again."),
    "dlq": ("maritime.dead_letters:dlq", "See what producers refused and why; send it again."),
    "verify": ("maritime.verify:verify", "Prove that nothing was lost and nothing is there twice."),
    "evidence": ("maritime.evidence:evidence", "Show what a row rests on, down to the raw records."),
    "recover": ("maritime.recover:recover", "Get a stream going again from the ledger."),
    "erase": ("maritime.erase:erase", "Erase a vessel for good, as the law may ask, and prove it."),
    "register": ("batch_jobs.commands:register_group", "Load and show the ship register."),
    "voyages": ("batch_jobs.voyages:main", "Voyage analytics; the same as maritime-voyages."),
    "tracks": ("batch_jobs.tracks:main", "Port calls, sailings and events at sea; the same as maritime-tracks."),
    "emissions": ("batch_jobs.emissions:main", "Emissions and compliance; the same as maritime-emissions."),
    "train": ("ml.train:main", "Train the maintenance model; the same as maritime-train."),
    "score": ("ml.score:main", "Score vessels with it; the same as maritime-score."),
    "tables": ("maritime.tables:tables", "Show the tables' health and history, and care for them."),
    "contract": ("maritime.contract:contract", "Show how contracts in force differ from this release's; apply these."),
    "upkeep": ("maritime.upkeep:upkeep", "Care for all tables by itself: merge, checkpoint, delete what nobody needs."),
    "sql": ("maritime.sql:sql", "Query the lake with SQL."),
}
"""Where each command lives and its line of help: known here, so that ``maritime --help`` imports none of them."""


@click.group(cls=LazyGroup, commands_at=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="maritimeiq")
def main() -> None:
    """MaritimeIQ: AIS, sensors, alerts and voyages from Kafka to Delta tables, reports and predictions.

    Begin with `maritime demo`. Settings are MARITIME_* variables or lines of a .env file: see docs/settings.md.
    """
