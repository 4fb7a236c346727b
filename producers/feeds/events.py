"""JSON lines of our own events: alerts, voyage events, fuel reports, sensor readings, AIS reports, the
fleet twin's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, Union

from pydantic import Field, TypeAdapter, ValidationError

from contracts.dead_letters import reason_of
from contracts.events import Event, event_id, models_read
from contracts.topics import Topic
from producers.feeds.base import Batch, Context
from producers.feeds.rows import each_line
from producers.lines import Block


def read(blocks: Iterator[Block], context: Context) -> Iterator[Batch]:
    """Batches of the events of one topic; each is validated by its model and passed on in canonical form."""
    adapter = _adapter(context.topic)

    def take(line: bytes, number: int, batch: Batch) -> None:
        try:
            event = adapter.validate_json(line)
        except ValidationError as error:
            batch.reject(number, line, reason_of(error))
            return
        _accept(event, line, number, context, batch)

    return each_line(blocks, context, take)


def _accept(event: Event, line: bytes, number: int, context: Context, batch: Batch) -> None:
    shift_ms = context.shift.offset_ms(event.observed_at_ms)
    if shift_ms:
        event = _shifted(event, shift_ms, line)
    if context.source:
        event = event.model_copy(update={"source": context.source})
    batch.accept(event, number)


def _shifted(event: Event, shift_ms: int, line: bytes) -> Event:
    """The event at another time: every instant in it moves, schedules too, and its id follows."""
    moved = {
        name: value + shift_ms
        for name, value in event
        if name.endswith("_at_ms") and value is not None
    }  # fmt: skip
    moved["event_id"] = event_id(event.event_type, event.key, moved["observed_at_ms"], line)
    return event.model_copy(update=moved)


@lru_cache(maxsize=8)
def _adapter(topic: Topic) -> TypeAdapter[Event]:
    """Validator of a topic's events, told apart by ``event_type``, and by ``schema_version`` where it has several."""
    kinds = tuple(_union(models, "schema_version") for models in dict.fromkeys(models_read(topic).values()))
    return TypeAdapter(_union(kinds, "event_type"))


def _union(choices: tuple[Any, ...], told_by: str) -> Any:  # noqa: ANN401  a type that is built at run time
    if len(choices) == 1:
        return choices[0]
    return Annotated[Union[choices], Field(discriminator=told_by)]  # noqa: UP007  built at run time
