"""Does the broker agree with what Bronze has read? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from infra.marks import TopicState
from lakehouse.origins import Reached
from lakehouse.recount.findings import Finding, at


def broker(stream: str, topic: str, known: Reached, state: TopicState | None) -> Iterator[Finding]:
    """Bronze's reached offsets lie within the topic's marks; what is behind is lag, what is gone is loss.

    Args:
        stream: The Bronze stream.
        topic: Its topic.
        known: How far it has read.
        state: The topic on the broker; null where it is not there.
    """
    if state is None:
        if known.offsets:
            yield Finding(stream, f"{topic} is not on the broker, but Bronze has read it")
        return
    if known.topic_id not in (None, state.topic_id):
        text = f"{topic} was deleted and made anew: Bronze has read the topic with id {known.topic_id}"
        yield Finding(stream, f"{text}, the broker has {state.topic_id}")
        return
    for partition in sorted(known.offsets.keys() - state.marks.keys()):
        yield Finding(
            stream, f"partition {partition} is not on the broker, but Bronze has read it", True, (), partition
        )
    for partition, (low, high) in sorted(state.marks.items()):
        offset = known.offsets.get(partition, 0 if known.offsets else low)
        if low > offset:
            yield at(stream, "gone from the broker before Bronze read them", partition, offset, low)
        if offset > high:
            yield at(stream, "read by Bronze, but beyond the end of the topic", partition, high, offset)
        if max(low, offset) < high:
            yield at(stream, "not read yet (lag)", partition, max(low, offset), high, differs=False)
