"""Where a vessel is named: in the lake, on the broker, in every other file of the home."""

from __future__ import annotations

from pathlib import Path

from contracts.settings import Settings
from infra.erasure.files import named_files
from infra.erasure.hits import Hit
from infra.erasure.records import named_by_topic, named_on_disk
from infra.erasure.subject import Subject
from infra.marks import topic_states
from infra.topics import EVERY
from lakehouse.erasure.scan import scan

TOPIC, SEGMENT = "topic", "segment file"


def prove(settings: Settings, subject: Subject) -> list[Hit]:
    """Every place that names the vessel; none is the proof that it was erased.

    Raises:
        UnavailableError: The broker is away, so that nothing can be said of its topics.
    """
    return [*scan(settings.lake, subject), *_broker(settings, subject), *_files(settings, subject)]


def _broker(settings: Settings, subject: Subject) -> list[Hit]:
    states = topic_states(settings, [topic.name for topic in EVERY])
    readable = [Hit(TOPIC, name, count) for name, count in named_by_topic(settings, subject, states).items()]
    return readable + [Hit(SEGMENT, path, count) for path, count in named_on_disk(settings, subject).items()]


def _files(settings: Settings, subject: Subject) -> list[Hit]:
    home = settings.home.absolute()
    beside = [Path(settings.lake), settings.broker_home / "data", settings.security_home]
    return named_files(home, subject, beside) if home.exists() else []
