"""Does the broker agree with what Bronze has read? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from infra.marks import TopicState
from lakehouse.deliveries import Delivery
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


def deliveries(stream: str, counted: Iterable[Delivery], state: TopicState) -> Iterator[Finding]:
    """What producers count as delivered is not more than the topic has taken in its life.

    A producer that was killed, or that is not ours, keeps no account: what it sent is told as such.

    Args:
        stream: The Bronze stream of the topic, or the dead letter topic's name.
        counted: Deliveries to the topic, also to earlier ones of its name.
        state: The topic on the broker.
    """
    delivered = sum(delivery.rows_delivered for delivery in counted if delivery.topic_id == state.topic_id)
    taken = sum(end for _, end in state.marks.values())
    if delivered > taken:
        text = f"producers count {delivered} records delivered to {state.name}, which has taken {taken} in its life"
        yield Finding(stream, f"{text}: {delivered - taken} are gone")
    if delivered < taken:
        text = f"{taken - delivered} of {taken} records in {state.name} came from producers that left no account"
        yield Finding(stream, f"{text} (killed, still running, or not ours)", is_difference=False)
