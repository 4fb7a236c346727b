"""The runbook has a section for each way in which a command ends, and for each warning of `maritime status`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from consumers.collision.watch import RULE
from consumers.dispatch.breaker import State
from contracts import errors
from contracts.errors import MaritimeError
from lakehouse.silence import ADVICE
from maritime.docs import ROOT
from maritime.error_page import sentences

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
SECTIONS = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
FEWEST_WORDS = 10


def kinds(of: type[MaritimeError] = MaritimeError) -> Iterator[type[MaritimeError]]:
    yield of
    for each in of.__subclasses__():
        yield from kinds(each)


def section(words: str) -> str:
    return next((text for title, text in SECTIONS.items() if words in title), "")


def test_each_exit_code_has_a_section_that_says_what_to_do_and_a_row_in_the_table() -> None:
    declared = {kind.exit_code for kind in kinds() if kind.__module__ == errors.__name__}

    assert [code for code in declared if len(section(f"Code {code}:").split()) < FEWEST_WORDS] == []
    assert [code for code in declared if f"\n| {code} | " not in RUNBOOK] == []
    assert {int(code) for code in re.findall(r"### Code (\d+)", RUNBOOK)} == declared


def test_each_verdict_of_status_has_a_section_and_no_section_is_of_one_that_is_never_given() -> None:
    verdicts = {f"`{verdict}`" for verdict in ADVICE if verdict != "ok"}
    sections = {title for title in SECTIONS if re.fullmatch(r"`[a-z]+_[a-z_]+`|`unknown`", title)}

    assert sections == verdicts
    assert [title for title in verdicts if len(section(title).split()) < FEWEST_WORDS] == []


def test_each_other_warning_has_a_section() -> None:
    broken_states = [state.value for state in State if state is not State.CLOSED]
    warnings = ["`NO: batches", "`silent`", "small files too many", "commits since the checkpoint", "expires on"]
    warnings += [f"`{RULE}`", "collision watch that is `silent`"]

    assert [words for words in (*warnings, *broken_states) if len(section(words).split()) < FEWEST_WORDS] == []


def test_each_sentence_of_an_error_is_listed_and_has_a_section_for_its_code() -> None:
    listed = (ROOT / "docs" / "errors.md").read_text()
    told = sentences(ROOT)

    assert len(told) > 100
    assert [one.text for one in told if one.text.replace("|", "\\|").replace("<", "\\<") not in listed] == []
    assert [one.text for one in told if not section(f"Code {one.exit_code}:")] == []
