"""Evidence that is kept in the home: as long as a file is there, the versions that it names are kept too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from contracts.errors import InputError
from contracts.settings import Settings


def evidence_folder(settings: Settings) -> Path:
    """Where the files are."""
    return settings.home.absolute() / "evidence"


def kept_versions(settings: Settings, table: str) -> Iterator[tuple[str, int]]:
    """Name of each kept file that rests on the table, and the version that it names.

    Raises:
        InputError: A file there cannot be read: what it needs is not known, so nothing may be taken.
    """
    for file in sorted(evidence_folder(settings).glob("*.json")):
        try:
            steps = json.loads(file.read_text())["steps"]
            versions = [int(step["version"]) for step in steps if step["table"] == table]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file} is no evidence: mend it or move it elsewhere, then go on.") from error
        yield from ((file.name, version) for version in versions)
