"""Evidence as a document: made of a row, and verified later by retracing the row anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import contracts.regulation
from contracts import fingerprints
from contracts.errors import InputError
from contracts.regulation import FILES, eu, regulation_as
from contracts.settings import Settings
from contracts.tables import BRONZE, BY_NAME, Table
from contracts.topics import Topic
from infra.release import code_version
from lakehouse import provenance
from lakehouse.evidence import values
from lakehouse.evidence.eu_links import EU_LINKS
from lakehouse.evidence.history import Commit
from lakehouse.evidence.links import LINKS
from lakehouse.evidence.retrace import IN_BRONZE, Difference, Links, MissingError, Pins, Step, Trace, find, retrace
from lakehouse.evidence.subject import Subject, typed
from lakehouse.evidence.values import Row
from lakehouse.store import Store

FORMAT = 1
PARTS = {"table", "key", "row", "code", "contracts", "rules", "steps"}
RATED = "regulation_version"


def make(
    store: Store, settings: Settings, subject: Subject, version: int | None = None, links: Links = LINKS
) -> dict[str, Any]:
    """Evidence of a row; ``differences`` in it is empty when the row could be computed anew.

    ``notes`` tell of rules or regulation data that are no longer those by which its rows were written.

    Args:
        store: The lake.
        settings: Today's settings.
        subject: Which row.
        version: As of which version of its table; the latest when unset.
        links: How rows of each table come about.

    Raises:
        InputError: There is no such row, or the way back from it is not known.
    """
    try:
        table, at, row = find(store, subject, version, links)
        trace = retrace(store, settings, table, at, row, {}, links)
    except MissingError as error:
        raise InputError(f"{subject} cannot be retraced. {error}") from error
    return {
        "evidence": FORMAT,
        "made_at": values.plain(datetime.now(UTC)),
        "lake": store.root,
        "table": table.name,
        "key": {column.name: values.plain(row[column.name]) for column in table.key},
        "row": values.plain(row),
        "code": code_version(),
        "contracts": _contracts(trace),
        "rules": _rules(store, trace),
        **({"regulation": _regulation(table, row[RATED])} if RATED in row else {}),
        "steps": [{**step.told(), **_written(step)} for step in trace.steps],
        "notes": [difference.text for difference in _basis_then(store, trace)],
        "differences": [difference.text for difference in trace.differences],
    }


def verify(
    store: Store, settings: Settings, evidence: Mapping[str, Any], links: Links = LINKS
) -> tuple[list[Difference], list[str]]:
    """Retrace the row at the versions named: what does not agree, and notes that change no figure.

    Raises:
        InputError: It is no evidence, or of a table that is not known here.
    """
    table, row = _subject(evidence)
    pins = {(step["table"], int(step["version"])): step for step in evidence["steps"]}
    at = next(int(step["version"]) for step in evidence["steps"] if step["table"] == table.name)
    key = {name: values.plain(value) for name, value in evidence["key"].items()}
    try:
        found = _row_at(store, table, at, row, links)
        if found is None:
            text = f"{table.name} version {at} has no row {key}."
            return [Difference(table.name, text)], _notes(settings, evidence)
        trace = retrace(store, settings, table, at, found, pins, links)
    except MissingError as error:
        return error.differences, _notes(settings, evidence)
    return [
        *_row_differences(table, evidence["row"], values.plain(found)),
        *_step_differences(pins, trace),
        *trace.differences,
        *_basis_differences(evidence, store, trace),
    ], _notes(settings, evidence)


def _subject(evidence: Mapping[str, Any]) -> tuple[Table, Row]:
    is_whole = evidence.keys() >= PARTS and evidence["table"] in [step.get("table") for step in evidence["steps"]]
    if evidence.get("evidence") != FORMAT or not is_whole:
        raise InputError(f"That is no evidence of format {FORMAT}: `maritime evidence` writes it.")
    if evidence["table"] not in BY_NAME:
        raise InputError(f"The evidence is of a table {evidence['table']}, which is not known here.")
    return BY_NAME[evidence["table"]], evidence["key"]


def _row_at(store: Store, table: Table, version: int, key: Row, links: Links) -> Row | None:
    try:
        return find(store, Subject(table, typed(table, key)), version, links)[2]
    except InputError:
        return None


def _written(step: Step) -> dict[str, Any]:
    """Who wrote the rows of a step: the commit, or how many there were and what they rest on."""
    if len(step.commits) == 1:
        return {"commit": step.commits[0].told()}
    if not step.commits:
        return {}
    newest, oldest = step.commits[0], step.commits[-1]
    ends = {"count": len(step.commits), "first": oldest.told(), "last": newest.told()}
    return {"commits": {**ends, "rules": _said(step.commits, "rules"), "code": _said(step.commits, "code")}}


def _said(commits: list[Commit], name: str) -> list[str]:
    return sorted({str(commit.said[name]) for commit in commits if name in commit.said})


def _topics(trace: Trace) -> list[Topic]:
    return [topic for topic, table in BRONZE.items() if table in {step.table for step in trace.steps}]


def _contracts(trace: Trace) -> dict[str, str]:
    """Fingerprint of each table's contract on the way, and of each event's."""
    tables = {step.table.name: fingerprints.of_table(step.table) for step in trace.steps}
    events = {
        f"{topic.short}.{name}": version
        for topic in _topics(trace)
        for name, version in provenance.event_contracts(topic).items()
    }
    return {**tables, **events}


def _rules(store: Store, trace: Trace) -> dict[str, dict[str, str]]:
    """Fingerprint of each row rule of the topics on the way, with the limits that held then."""
    limits = {step.table: step.settings for step in trace.steps if step.table not in IN_BRONZE}
    said: dict[str, dict[str, str]] = {}
    for topic in _topics(trace):
        of_topic = next(then for table, then in limits.items() if BRONZE[topic] in _read_by(table))
        settings = Settings.model_construct(**dict(of_topic))
        said[topic.short] = provenance.rule_versions(store.spark, topic, settings)
    return said


def _read_by(table: Table) -> set[Table]:
    return set(LINKS[table].tables) if table in LINKS else set()


def _regulation(table: Table, version: str) -> dict[str, Any]:
    """Version that the row rests on; the files' hashes where they are still that version."""
    if version != _version_now(table, version):
        return {"version": version}
    return {"version": version, "files": _file_hashes(table)}


def _version_now(table: Table, version: str) -> str:
    """Version of the data that are here now, as those of the row's version are named."""
    return eu.eu_rules_as(version).version if table in EU_LINKS else regulation_as(version).version


def _file_hashes(table: Table) -> dict[str, str]:
    folder, names = files(contracts.regulation), eu.FILES if table in EU_LINKS else FILES
    return {f"{name}.csv": hashlib.sha256((folder / f"{name}.csv").read_bytes()).hexdigest() for name in names}


def _basis_then(store: Store, trace: Trace) -> Iterator[Difference]:
    """Where the rows were written by other rules or regulation data than there are now."""
    now = {topic: provenance.rules_version(rules) for topic, rules in _rules(store, trace).items()}
    for step in trace.steps:
        topic = next((topic for topic in _topics(trace) if BRONZE[topic] in _read_by(step.table)), None)
        then = _said(step.commits, "rules")
        if topic and then and then != [now[topic.short]]:
            text = f"{step.table.name} was judged by rules {', '.join(then)} of {topic.short}; now they are "
            yield Difference(topic.short, f"{text}{now[topic.short]}.")
    version = trace.row.get(RATED)
    if version and version != (today := _version_now(trace.steps[0].table, version)):
        text = f"The row rests on regulation data {version}; now they are {today}."
        yield Difference("regulation", text)


def _row_differences(table: Table, recorded: Row, found: Row) -> Iterator[Difference]:
    for name in values.different(recorded, found):
        text = f"{table.name}: {name} is {found.get(name)}, the evidence says {recorded.get(name)}."
        yield Difference(table.name, text)


def _step_differences(pins: Pins, trace: Trace) -> Iterator[Difference]:
    """Steps whose rows or raw bytes are not those that the evidence names."""
    for step in trace.steps:
        recorded, found = pins.get((step.table.name, step.version)), step.told()
        if recorded is None or recorded["sha256"] == found["sha256"]:
            continue
        head = f"{step.table.name} version {step.version}"
        if step.table not in IN_BRONZE:
            rows = f"{found['rows']} rows, the evidence names {recorded['rows']}"
            yield Difference(step.table.name, f"{head}: its rows are not those of the evidence ({rows}).")
            continue
        for text in _offsets(recorded["offsets"], found["offsets"]):
            yield Difference(step.table.name, f"{head}: {text}.")


def _offsets(recorded: list[dict[str, Any]], found: list[dict[str, Any]]) -> Iterator[str]:
    then, now = (
        {(span["topic"], span["partition"], span["start"], span["end"]): span["sha256"] for span in of}
        for of in (recorded, found)
    )
    for place in dict.fromkeys([*then, *now]):
        topic, partition, start, end = place
        named = f"{topic} partition {partition}, offsets [{start}, {end})"
        if place not in now:
            yield f"{named} are not there"
        elif place not in then:
            yield f"{named} are not in the evidence"
        elif then[place] != now[place]:
            yield f"{named}: the raw bytes are others, SHA-256 {now[place]}, the evidence says {then[place]}"


def _basis_differences(evidence: Mapping[str, Any], store: Store, trace: Trace) -> Iterator[Difference]:
    """Contracts, rules and regulation data that are not what they were."""
    yield from _by_name("contract", evidence["contracts"], _contracts(trace))
    now = _rules(store, trace)
    for topic, rules in evidence["rules"].items():
        yield from _by_name(f"rule of {topic}:", rules, now.get(topic, {}))
    then = evidence.get("regulation")
    if then:
        table = trace.steps[0].table
        today = _version_now(table, then["version"])
        if then["version"] != today:
            yield Difference("regulation", f"The regulation data are {today}, the evidence says {then['version']}.")
        yield from _by_name("regulation file", then.get("files", {}), _file_hashes(table))


def _by_name(kind: str, then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    for name, version in then.items():
        if now.get(name) != version:
            told = f"is {now[name]}" if name in now else "is not there"
            yield Difference(name, f"The {kind} {name} {told}, the evidence says {version}.")


def _notes(settings: Settings, evidence: Mapping[str, Any]) -> list[str]:
    """What is other than then and changes no figure here: the code, and settings, for those of then are used."""
    notes = []
    if evidence["code"] != code_version():
        notes.append(f"Computed by version {code_version()}; the evidence was made by {evidence['code']}.")
    for step in evidence["steps"]:
        for name, value in step.get("settings", {}).items():
            if (now := getattr(settings, name, None)) != value:
                notes.append(f"{name} is {now} now; computed with {value}, as {step['table']} was.")
    return list(dict.fromkeys(notes))
