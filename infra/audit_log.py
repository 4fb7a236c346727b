"""The audit log: every administrative act, each line chained to the one before by its hash.

One line of canonical JSON per act in ``<home>/audit/log.jsonl``, and beside it ``log.seal`` with the number of lines
and the last hash: without the seal, lines cut off the end would not be missed. Whoever can rewrite both files can
rewrite history, so note the last hash elsewhere now and then: ``maritime verify audit --expect HASH`` compares.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pwd
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from contracts.errors import ContractError
from contracts.settings import Settings

FIRST_HASH = "0" * 64
HIDDEN = "**********"
SECRET_NAMES = re.compile(r"password|secret|token|api_?key|private_?key|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What the audit log is found to be. ``findings`` is empty when no byte was changed."""

    log: Path
    entries: int
    last_hash: str
    findings: list[str]

    @property
    def is_sound(self) -> bool:
        """Whether the log is as it was written."""
        return not self.findings


def append(settings: Settings, act: str, details: Mapping[str, Any]) -> str:
    """Add one act, for example ``append(settings, "vacuum", {"table": "silver.positions", "files": 12})``.

    Values are JSON or have a text form. Secrets are hidden: ``SecretStr``, names that sound like one, and the
    passwords of the settings wherever they stand. Name no person: what is erased must not live on here.

    Returns:
        The line's hash.

    Raises:
        ContractError: The log does not end as its seal says; nothing is added to it.
    """
    folder = settings.audit_home
    with _turn(folder):
        log, seal = folder / "log.jsonl", folder / "log.seal"
        entries, previous = _end(log, seal)
        body: dict[str, Any] = {
            "sequence": entries + 1,
            "at": datetime.now(UTC).isoformat(),
            "actor": _actor(),
            "act": act,
            "details": _without_secrets(details, _secrets(settings)),
            "previous_hash": previous,
        }
        digest = _digest(body)
        _write(log, _canonical(body | {"hash": digest}) + b"\n")
        _seal(seal, entries + 1, digest)
    return digest


def verify(settings: Settings, expected: str | None = None) -> AuditReport:
    """Follow the chain from the first line to the last and compare its end with the seal.

    Args:
        settings: Whose home holds the log.
        expected: A hash that was noted before; it must be one of the log's.
    """
    folder = settings.audit_home
    log, seal = folder / "log.jsonl", folder / "log.seal"
    with _turn(folder) if folder.exists() else nullcontext():
        hashes, findings = _chain(_bytes(log))
        findings += _seal_findings(_bytes(seal), hashes)
    if expected is not None and expected not in hashes:
        findings.append(f"The hash {expected} that was noted is not in the log: lines were removed or written anew.")
    return AuditReport(log, len(hashes), hashes[-1] if hashes else FIRST_HASH, findings)


def _chain(content: bytes) -> tuple[list[str], list[str]]:
    """The hash that each line claims, and what is wrong with the chain."""
    hashes, findings, previous = [], [], FIRST_HASH
    *lines, rest = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        claimed, finding = _judge(line, number, previous)
        if finding:
            findings.append(f"Line {number}: {finding}")
        hashes.append(claimed)
        previous = claimed
    if rest:
        findings.append(f"Line {len(lines) + 1} is not complete: it was cut, or written by hand.")
    return hashes, findings


def _judge(line: bytes, number: int, previous: str) -> tuple[str, str | None]:
    """The hash that a line claims, and what is wrong with it."""
    try:
        entry = json.loads(line)
        body = {name: value for name, value in entry.items() if name != "hash"}
        claimed, before, sequence = str(entry["hash"]), entry["previous_hash"], entry["sequence"]
    except (ValueError, KeyError, AttributeError):
        return "unreadable", "it cannot be read."
    if line != _canonical(entry) or claimed != _digest(body):
        return claimed, "it was changed: its hash is another."
    if before != previous or sequence != number:
        return claimed, "it does not follow the line before: lines were changed, removed or put in another order."
    return claimed, None


def _seal_findings(seal: bytes, hashes: list[str]) -> list[str]:
    if not seal and not hashes:
        return []
    # A crash between line and seal leaves one line more than the seal counts; the next act seals it.
    lawful = [_sealed(count, hashes) for count in (len(hashes), len(hashes) - 1) if count >= 0]
    return [] if seal in lawful else ["The end of the log is not what its seal says: lines or the seal were changed."]


def _sealed(count: int, hashes: list[str]) -> bytes:
    """What the seal holds after so many lines; nothing before the first."""
    return _canonical({"entries": count, "hash": hashes[count - 1]}) + b"\n" if count else b""


def _end(log: Path, seal: Path) -> tuple[int, str]:
    """Number of lines and last hash, where the log is as its seal says."""
    hashes, findings = _chain(_bytes(log))
    if findings or _seal_findings(_bytes(seal), hashes):
        raise ContractError(
            f"The audit log {log} is not as it was written, so nothing is added to it: `maritime verify audit` says "
            "where. Move its folder away as evidence; a new log begins with the next act."
        )
    return len(hashes), hashes[-1] if hashes else FIRST_HASH


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(body)).hexdigest()


def _canonical(value: object) -> bytes:
    """One way only to write it down, so that a changed space is a changed line."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str).encode()


def _write(log: Path, line: bytes) -> None:
    """One write, on the disk when this returns."""
    with log.open("ab", buffering=0) as file:
        file.write(line)
        os.fsync(file.fileno())
    log.chmod(0o600)


def _seal(seal: Path, entries: int, digest: str) -> None:
    fresh = seal.with_suffix(".new")
    fresh.write_bytes(_canonical({"entries": entries, "hash": digest}) + b"\n")
    fresh.chmod(0o600)
    fresh.replace(seal)


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _actor() -> str:
    """The account that runs this process, by the system and not by a variable."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers run under numbers without a name
        return f"uid {os.getuid()}"


def _secrets(settings: Settings) -> list[str]:
    values = (getattr(settings, name) for name in type(settings).model_fields)
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr) and value.get_secret_value()]


def _without_secrets(value: Any, secrets: list[str], name: str = "") -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, SecretStr) or (SECRET_NAMES.search(name) and value is not None):
        return HIDDEN
    if isinstance(value, Mapping):
        return {str(key): _without_secrets(item, secrets, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets(item, secrets) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Wait for one's turn: acts are rare and short. The folder is for its owner alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "log.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
