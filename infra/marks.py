"""Topics as the broker has them: identity, and first offset and end of every partition."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from confluent_kafka import TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from contracts.settings import Settings
from infra.kafka import ANSWER_SECONDS, admin

EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic on the broker. ``marks`` maps each partition to its first offset and the offset after its last."""

    name: str
    topic_id: str
    marks: Mapping[int, tuple[int, int]]


def topic_states(settings: Settings, names: Collection[str]) -> dict[str, TopicState]:
    """State of each of these topics by name; one that is not on the broker is left out.

    Raises:
        UnavailableError: The broker did not answer.
    """
    with admin(settings) as client:
        there = client.list_topics(timeout=ANSWER_SECONDS).topics
        wanted = [name for name in names if name in there]
        if not wanted:
            return {}
        ids = _ids(client, wanted)
        places = [TopicPartition(name, number) for name in wanted for number in sorted(there[name].partitions)]
        first, end = (_offsets(client, places, spec) for spec in (EARLIEST, LATEST))
    return {
        name: TopicState(name, ids[name], {p: (first[t, p], end[t, p]) for t, p in first if t == name})
        for name in wanted
    }


def topic_ids(settings: Settings, names: Collection[str]) -> dict[str, str]:
    """Kafka's id of each of these topics, which are there; no partition needs a leader for that.

    Raises:
        UnavailableError: The broker did not answer.
    """
    with admin(settings) as client:
        return _ids(client, names)


def _ids(client: AdminClient, names: Collection[str]) -> dict[str, str]:
    futures = client.describe_topics(TopicCollection(list(names)), request_timeout=ANSWER_SECONDS)
    return {name: str(future.result().topic_id) for name, future in futures.items()}


def _offsets(client: AdminClient, places: list[TopicPartition], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    futures = client.list_offsets(dict.fromkeys(places, spec), request_timeout=ANSWER_SECONDS)
    return {(place.topic, place.partition): future.result().offset for place, future in futures.items()}
