"""The checks of a run, in a process of their own: Great Expectations takes seconds to import, which a run cannot spare.

    python -m lakehouse.quality.checker

answers each question, a line of standard input, with a line of standard output; it ends with its input.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from contracts.errors import UnavailableError
from contracts.tables import BY_NAME, Table
from lakehouse.quality.findings import Checked, Finding

MODULE = "lakehouse.quality.checker"


class Checker:
    """The process; it is started by the first question, or before by whoever knows that one will come."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        """Start the process, unless it runs. A Ctrl-C is not for it: it ends with the run, which may still ask."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE],  # -P: nothing is imported from where somebody happens to be
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        return self._process

    def check(self, table: Table, path: str, most_rows: int, since: int) -> Checked:
        """As `run.check_table`, but for what Great Expectations itself says.

        Raises:
            UnavailableError: The process has ended; what it said stands on standard error.
        """
        process = self.start()
        assert process.stdin is not None  # both are pipes
        assert process.stdout is not None
        question = {"table": table.name, "path": path, "most_rows": most_rows, "since": since}
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            code = process.wait()
            raise UnavailableError(f"The process that checks tables has ended with {code}: run the command again.")
        return _read(json.loads(answer))

    def close(self) -> None:
        """End the process, wherever it is."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None


def answers(questions: Iterable[str]) -> Iterator[str]:
    """Answer each question as it comes. What checks is imported first, before anybody asks."""
    from lakehouse.quality.run import check_table

    for question in questions:
        asked = json.loads(question)
        yield _written(check_table(BY_NAME[asked.pop("table")], **asked))


def _written(checked: Checked) -> str:
    return json.dumps(asdict(replace(checked, validation=None)), default=str)


def _read(said: dict[str, Any]) -> Checked:
    at, findings = datetime.fromisoformat(said["checked_at"]), (Finding(**finding) for finding in said["findings"])
    return Checked(**{**said, "checked_at": at, "findings": tuple(findings)})


if __name__ == "__main__":
    reply, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints is no answer
    for line in answers(sys.stdin):
        reply.write(line + "\n")
        reply.flush()
