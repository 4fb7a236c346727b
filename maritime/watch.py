"""``maritime watch``: what looks at the traffic as it comes, and tells people."""

from __future__ import annotations

import click

from maritime.lazy import LazyGroup

COMMANDS = {
    "collisions": ("maritime.watch_collisions:collisions", "Warn of ships that will pass too close to each other."),
}


@click.group("watch", cls=LazyGroup, commands_at=COMMANDS)
def watch() -> None:
    """Watch the traffic as it comes, and publish alerts to `maritime.alerts`."""
