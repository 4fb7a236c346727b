"""What changes in the events of a topic against those in force, and whether a producer may publish by them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from contracts import fingerprints
from contracts.compatibility import (
    JsonSchema,
    breaking_changes,
    committed_schemas,
    event_schemas,
    widening_changes,
)
from contracts.errors import ContractError
from contracts.settings import Settings
from contracts.topics import TOPICS, Topic
from lakehouse.evolution.change import Change, refuse
from lakehouse.evolution.in_force import State, in_force, next_state, record

T = TypeVar("T")
WAY_OUT = (
    "Records that are published already would be misread. Give the event a new version and keep the model of this one, "
    "rename a field by an alias, or retire it: docs/contracts.md shows each."
)


def admit(settings: Settings, topic: Topic) -> None:
    """See that whoever reads the topic can read what this program will publish. Nothing has been sent by then.

    What is new and breaks nothing comes into force with this, unless the topic's contract is frozen.

    Raises:
        ContractError: An event would break its readers, or the contract is frozen and it is not as in force.
    """
    states = in_force(settings.lake)
    changes = event_changes(states, [topic])
    refuse(changes, f"Nothing was published to {topic.name}")
    if changes and settings.contract_mode(topic) == "freeze":
        told = "; ".join(f"{change.contract}: {change.text}" for change in changes)
        raise ContractError(
            f"Nothing was published to {topic.name}, whose contract is frozen: {told}. `maritime contract diff` shows "
            "what is new, `maritime contract apply` brings it into force."
        )
    record(settings.lake, new_states(states, changes, [topic]))


def event_changes(states: Mapping[str, State], topics: Iterable[Topic] = TOPICS) -> list[Change]:
    """What this program's events change against those in force, and against the files it was released with.

    A program that knows less than what is in force is of yesterday: its events are read as ever, which is no change.
    A topic without any event in force has nothing to be compared with.
    """
    found = []
    released = committed_schemas()
    for topic in topics:
        mine = _of(topic, event_schemas())
        known = {name: json.loads(state.definition) for name, state in _of(topic, states).items()}
        for name, schema in _of(topic, released).items():
            reasons = breaking_changes(schema, mine[name]) if name in mine else ["removed"]
            found += [Change(name, text, "refused", WAY_OUT) for text in reasons]
        if known:
            found += [change for name, schema in mine.items() for change in _against(name, schema, known.get(name))]
    return list(dict.fromkeys(found))


def new_states(states: Mapping[str, State], changes: Iterable[Change], topics: Iterable[Topic] = TOPICS) -> list[State]:
    """The states that come into force with the changes, and those of events that never had one."""
    texts: dict[str, list[str]] = {}
    for change in changes:
        texts.setdefault(change.contract, []).append(change.text)
    return [
        next_state(states.get(name), name, fingerprints.of_json(schema), json.dumps(schema), texts.get(name, []))
        for topic in topics
        for name, schema in _of(topic, event_schemas()).items()
        if name in texts or name not in states
    ]


def _against(name: str, mine: JsonSchema, known: JsonSchema | None) -> Iterator[Change]:
    if known is None:
        yield Change(name, "new event or version", "told")
    elif not breaking_changes(mine, known):
        return  # as in force, or of yesterday
    elif breaks := breaking_changes(known, mine):
        yield from (Change(name, text, "refused", WAY_OUT) for text in breaks)
    else:
        yield from (Change(name, text, "told") for text in widening_changes(known, mine))


def _of(topic: Topic, by_name: Mapping[str, T]) -> dict[str, T]:
    """Those of a topic: an event's name begins with the topic's."""
    return {name: value for name, value in by_name.items() if name.startswith(f"{topic.short}.")}
