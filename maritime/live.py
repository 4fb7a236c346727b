"""``maritime up`` and ``maritime down``: broker, streams, collision watch and a replayed real feed, left running."""

from __future__ import annotations

import click

from contracts.settings import Settings, load_settings
from infra.broker import Broker
from infra.child import Child
from infra.console import Command, json_option, print_facts, print_json, say
from infra.topics import create_topics
from producers import samples


def children(settings: Settings) -> dict[str, Child]:
    """What runs besides the broker: streams, watch, and the bundled real feed replayed as if it were now."""
    logs = settings.home.absolute() / "logs"
    feed = ("produce", "ais", "--from", "noaa", str(samples.NOAA_CSV), "--speed", "1x", "--shift-to-now", "--loop")
    return {
        "streams": Child("streams", ("stream", "all", "--continuous"), logs / "streams.log"),
        "watch": Child("watch", ("watch", "collisions"), logs / "watch.log"),
        "feed": Child("feed", feed, logs / "feed.log"),
    }


@click.command("up", cls=Command)
@click.option("--no-feed", is_flag=True, help="Do not replay the bundled real feed; publish your own.")
@json_option
def up(no_feed: bool, as_json: bool) -> None:
    """Start the broker, the streams, the collision watch and a replay of the bundled real feed; leave them running.

    Running it again starts only what has ended. `maritime status` shows what happens, `maritime down` ends it.
    """
    settings = load_settings()
    broker = Broker(settings).start()
    create_topics(settings)
    wanted = {name: child for name, child in children(settings).items() if not (no_feed and name == "feed")}
    facts: dict[str, object] = {"broker": f"process {broker.pid} on port {broker.port}"}
    for name, child in wanted.items():
        facts[name] = f"process {child.start()}, log {child.log}"
    _tell(facts, as_json=as_json)


@click.command("down", cls=Command)
@json_option
def down(as_json: bool) -> None:
    """End the feed, the watch, the streams (after the batches under way) and the broker. No data is deleted."""
    settings = load_settings()
    facts: dict[str, object] = {}
    for name, child in reversed(children(settings).items()):
        say(f"stopping {name}")
        facts[name] = "stopped" if child.stop() else "was not running"
    facts["broker"] = "stopped" if Broker(settings).stop() else "was not running"
    _tell(facts, as_json=as_json)


def _tell(facts: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(facts)
    else:
        print_facts(facts)
