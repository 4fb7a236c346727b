"""Options that several commands have."""

from __future__ import annotations

import click

from contracts.topics import TOPICS, Topic, topic_named

topic_option = click.option(
    "--topic", "short", type=click.Choice([topic.short for topic in TOPICS]), help="Only this topic; else all."
)


def chosen_topics(short: str | None) -> tuple[Topic, ...]:
    """The topic that the option names; all where it was not given."""
    return (topic_named(short),) if short else TOPICS
