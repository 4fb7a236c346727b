"""The audit log: whoever changes a byte of it is found out, and no secret gets into it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from contracts.errors import ContractError
from contracts.settings import Settings
from infra import audit_log
from maritime.verify_audit import audit

Lines = list[bytes]


@pytest.fixture
def log(settings: Settings) -> Path:
    """The log of three acts."""
    audit_log.append(settings, "vacuum", {"table": "silver.positions", "files": 12})
    audit_log.append(settings, "restore", {"table": "gold.vessel_day", "version": 7})
    audit_log.append(settings, "erase", {"tables": ["bronze.ais"], "rows": 4})
    return settings.audit_home / "log.jsonl"


def test_an_act_is_kept_with_who_when_and_what(settings: Settings, log: Path) -> None:
    entry = json.loads(log.read_bytes().splitlines()[1])

    assert (entry["sequence"], entry["act"]) == (2, "restore")
    assert entry["details"] == {"table": "gold.vessel_day", "version": 7}
    assert entry["actor"]
    assert entry["at"].endswith("+00:00")
    assert entry["previous_hash"] == json.loads(log.read_bytes().splitlines()[0])["hash"]
    assert audit_log.verify(settings).is_sound
    assert audit_log.verify(settings).entries == 3


def test_every_single_changed_byte_is_found(settings: Settings, log: Path) -> None:
    for file in (log, log.with_suffix(".seal")):
        content = file.read_bytes()
        missed = []
        for place in range(len(content)):
            flipped = content[place] ^ (1 << place % 8)
            file.write_bytes(content[:place] + bytes([flipped]) + content[place + 1 :])
            if audit_log.verify(settings).is_sound:
                missed.append(place)
        file.write_bytes(content)

        assert missed == []
    assert audit_log.verify(settings).is_sound


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda lines: lines[1:], id="first line removed"),
        pytest.param(lambda lines: [lines[0], lines[2]], id="line in the middle removed"),
        pytest.param(lambda lines: lines[:2], id="last line removed"),
        pytest.param(lambda lines: [lines[0], lines[2], lines[1]], id="lines in another order"),
        pytest.param(lambda lines: [*lines, lines[2]], id="line repeated"),
        pytest.param(lambda lines: [lines[0], b"\n", *lines[1:]], id="empty line added"),
        pytest.param(lambda _: [], id="all removed"),
        pytest.param(lambda lines: [line.replace(b":", b": ", 1) for line in lines], id="same values, other spaces"),
    ],
)
def test_a_removed_moved_or_rewritten_line_is_found(
    settings: Settings, log: Path, change: Callable[[Lines], Lines]
) -> None:
    log.write_bytes(b"".join(change(log.read_bytes().splitlines(keepends=True))))

    assert not audit_log.verify(settings).is_sound


def test_a_log_written_anew_is_found_by_a_hash_that_was_noted(settings: Settings, log: Path) -> None:
    noted = audit_log.verify(settings).last_hash
    log.unlink()
    log.with_suffix(".seal").unlink()
    audit_log.append(settings, "vacuum", {"table": "silver.positions", "files": 13})

    assert audit_log.verify(settings).is_sound
    assert not audit_log.verify(settings, noted).is_sound


def test_nothing_is_added_to_a_log_that_was_changed(settings: Settings, log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b'"files":12', b'"files":13'))
    before = log.read_bytes()

    with pytest.raises(ContractError, match="not as it was written"):
        audit_log.append(settings, "vacuum", {})

    assert log.read_bytes() == before


def test_a_crash_between_line_and_seal_is_no_finding_and_the_next_act_seals_it(settings: Settings, log: Path) -> None:
    seal = log.with_suffix(".seal")
    before = seal.read_bytes()
    audit_log.append(settings, "vacuum", {})
    seal.write_bytes(before)

    assert audit_log.verify(settings).is_sound
    audit_log.append(settings, "vacuum", {})
    assert audit_log.verify(settings).entries == 5
    assert audit_log.verify(settings).is_sound


def test_no_secret_gets_into_the_log(settings: Settings) -> None:
    known = settings.model_copy(update={"kafka_password": SecretStr("s3cret-of-kafka")})
    details = {
        "password": "s3cret-by-name",  # pragma: allowlist secret
        "value": SecretStr("s3cret-by-type"),
        "nested": [{"webhook_token": "s3cret-nested"}, "user:s3cret-of-kafka@host"],
    }

    audit_log.append(known, "security init", details)

    assert "s3cret" not in (settings.audit_home / "log.jsonl").read_text()


def test_the_log_is_for_its_owner_alone(log: Path) -> None:
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (log.parent, log, log.with_suffix(".seal"))]

    assert modes == [0o700, 0o600, 0o600]


def test_the_command_names_the_changed_line_and_ends_with_1(
    settings: Settings, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    sound = CliRunner().invoke(audit, ["--json"])
    log.write_bytes(log.read_bytes().replace(b'"version":7', b'"version":6'))
    changed = CliRunner().invoke(audit, [])

    assert (sound.exit_code, json.loads(sound.stdout)["entries"]) == (0, 3)
    assert changed.exit_code == 1
    assert "Line 2: it was changed" in changed.output
