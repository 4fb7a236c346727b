"""What stands in a Bronze stream's way is told before it writes, and the plan to go on loses and repeats nothing."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime

import pytest

from consumers.preflight import problems
from consumers.recovery import plan
from consumers.standing import Standing
from contracts.errors import ContractError, DataLossError, MaritimeError, UnavailableError
from contracts.topics import ALERTS
from infra.marks import TopicState
from lakehouse.checkpoints import Checkpoint
from lakehouse.ledger import Entry, OffsetRange
from lakehouse.origins import FIRST_START, Origin, Reached, reached
from lakehouse.recount.account import batch_of
from lakehouse.recount.batches import contiguity

MARKS = {0: (0, 30), 1: (0, 9), 2: (0, 5)}
SOUND = Standing(
    topic=ALERTS,
    known=Reached({0: 25, 1: 9, 2: 0}, topic_id="id-1", app_id="bronze.alerts:c1"),
    last_batch=4,
    not_entered=(),
    checkpoint=Checkpoint("c1", planned=4, done=4),
    state=TopicState(ALERTS.name, "id-1", MARKS),
)


def with_marks(**changes: tuple[int, int]) -> TopicState:
    return TopicState(ALERTS.name, "id-1", MARKS | {int(name[1:]): marks for name, marks in changes.items()})


def first(standing: Standing) -> MaritimeError | None:
    return next(problems(standing), None)


def test_a_stream_that_fits_has_nothing_in_its_way() -> None:
    assert first(SOUND) is None
    assert first(replace(SOUND, checkpoint=Checkpoint("c1", planned=5, done=4))) is None  # killed within batch 5
    assert plan(SOUND).problem is None


def test_a_first_start_has_nothing_in_its_way() -> None:
    new = replace(SOUND, known=Reached(), last_batch=None, checkpoint=None)

    assert first(replace(new, state=with_marks(p0=(7, 30)))) is None  # it begins where the topic does


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"state": None}, DataLossError, "deleted or made anew, and is not on the broker"),
        ({"state": TopicState(ALERTS.name, "id-2", MARKS)}, DataLossError, "deleted or made anew"),
        ({"state": with_marks(p0=(27, 30))}, DataLossError, r"offsets \[25, 27\) of partition 0"),
        ({"state": with_marks(p0=(0, 20))}, DataLossError, "ends before what the lake holds"),
        ({"state": with_marks(p3=(0, 1))}, ContractError, "4 partitions, and 3 are known"),
        ({"checkpoint": None}, ContractError, "checkpoint is lost"),
        ({"checkpoint": Checkpoint("c9", 0, None)}, ContractError, "not the one that wrote the last batch"),
        ({"checkpoint": Checkpoint("c1", 3, 3)}, ContractError, "ends with batch 3, the lake holds batch 4"),
        ({"checkpoint": Checkpoint("c1", 5, 5)}, ContractError, "batch 5 as done, the lake ends with batch 4"),
        (
            {"known": Reached(), "last_batch": None},
            ContractError,
            "holds batches that the lake does not",
        ),
    ],
    ids=[
        "topic deleted", "topic made anew", "retention", "topic cut back", "partitions changed", "checkpoint lost",
        "another checkpoint", "an old checkpoint", "an old lake", "no lake",
    ],
)  # fmt: skip
def test_each_fault_is_told_in_one_sentence_with_the_command(
    change: dict[str, object], kind: type[MaritimeError], words: str
) -> None:
    error = first(replace(SOUND, **change))  # type: ignore[arg-type]

    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error
    assert "nothing was written" in str(error)
    assert "`maritime recover bronze --topic alerts --dry-run`" in str(error)


def test_a_topic_that_nobody_has_made_yet_is_told_as_such() -> None:
    new = replace(SOUND, known=Reached(), last_batch=None, checkpoint=None, state=None)

    assert isinstance(first(new), UnavailableError)


def test_more_records_than_before_do_not_hide_that_the_topic_is_another_one() -> None:
    other = TopicState(ALERTS.name, "id-2", dict.fromkeys(MARKS, (0, 1000000)))

    assert isinstance(first(replace(SOUND, state=other)), DataLossError)


def test_a_recovered_stream_starts_with_a_new_checkpoint_and_with_no_old_one() -> None:
    recovered = replace(SOUND, known=replace(SOUND.known, is_fresh=True))

    assert first(replace(recovered, checkpoint=None)) is None
    assert first(replace(recovered, checkpoint=Checkpoint("c2", 0, None))) is None
    assert isinstance(first(recovered), ContractError)


def test_a_lost_checkpoint_goes_on_at_the_ledgers_offsets_and_loses_nothing() -> None:
    found = plan(replace(SOUND, checkpoint=None))

    assert (found.starts, found.gaps, found.has_loss) == ({0: 25, 1: 9, 2: 0}, (), False)


def test_what_retention_took_is_named_and_only_that() -> None:
    found = plan(replace(SOUND, state=with_marks(p0=(27, 30), p1=(5, 9))))

    assert found.starts == {0: 27, 1: 9, 2: 0}
    assert (found.gaps, found.has_loss) == ((OffsetRange(ALERTS.name, 0, 25, 27),), True)


def test_a_topic_made_anew_is_read_from_its_first_record() -> None:
    found = plan(replace(SOUND, state=TopicState(ALERTS.name, "id-2", {0: (0, 3), 1: (2, 40), 2: (0, 0)})))

    assert found.starts == {0: 0, 1: 2, 2: 0}
    assert (found.gaps, found.has_loss) == ((OffsetRange(ALERTS.name, 1, 0, 2),), True)


def test_a_new_partition_is_read_from_its_first_record_and_the_others_go_on() -> None:
    found = plan(replace(SOUND, state=with_marks(p3=(0, 8))))

    assert (found.starts, found.has_loss) == ({0: 25, 1: 9, 2: 0, 3: 0}, False)


def test_a_lost_ledger_row_is_entered_again_but_not_that_of_a_batch_under_way() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    lost = Entry("bronze.alerts", 2, "bronze.alerts:c1", (), 0, 0, began, began)
    now = replace(SOUND, not_entered=(lost, replace(lost, batch_id=5)), last_batch=5)

    found = plan(replace(now, checkpoint=Checkpoint("c1", planned=5, done=4)))

    assert (found.problem, found.entries) == (None, (lost,))


def test_a_stream_that_ran_before_starts_were_noted_goes_on_with_its_checkpoint() -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    batch = Entry("bronze.alerts", 0, "bronze.alerts:c1", (OffsetRange(ALERTS.name, 0, 7, 25),), 18, 18, began, began)
    noted = Origin("bronze.alerts", datetime(2026, 2, 1, tzinfo=UTC), ALERTS.name, "id-1", FIRST_START, {"0": 25})

    known = reached([noted], [asdict(batch)])

    assert known == Reached({0: 25}, "id-1", "bronze.alerts:c1", is_fresh=False)
    assert list(contiguity("bronze.alerts", [batch_of(asdict(batch))], [asdict(batch)], [noted])) == []
