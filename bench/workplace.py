"""Where a benchmark works: a broker of its own on a free port, in a temporary home that is gone afterwards."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.settings import Settings
from contracts.topics import Topic
from infra.broker import Broker, free_port
from infra.topics import create_topics


@contextmanager
def own_broker(**chosen: object) -> Iterator[Settings]:
    """Settings of a new home with a running broker and the contract's topics; ``chosen`` are further settings."""
    with tempfile.TemporaryDirectory(prefix="maritime-bench-") as folder:
        settings = Settings.model_validate(
            {"home": Path(folder), "lake_root": None, "kafka_servers": f"127.0.0.1:{free_port()}", **chosen}
        )
        broker = Broker(settings)
        broker.start()
        try:
            create_topics(settings)
            yield settings
        finally:
            broker.stop()


def command(settings: Settings, *arguments: str) -> list[str]:
    """Command line of a child process: Python with ``arguments``, in the same home and at the same broker."""
    places = {
        "MARITIME_HOME": settings.home,
        "MARITIME_KAFKA_SERVERS": settings.kafka_servers,
        "MARITIME_KAFKA_COMPRESSION": settings.kafka_compression,
    }
    named = [f"{name}={value}" for name, value in places.items()]
    return ["env", "-u", "MARITIME_LAKE_ROOT", *named, sys.executable, *arguments]


def topic_bytes(settings: Settings, topic: Topic) -> int:
    """Bytes of the topic's records on the broker's disk; its indexes are made larger than they are filled."""
    return sum(segment.stat().st_size for segment in settings.broker_home.rglob(f"{topic.name}-*/*.log"))
