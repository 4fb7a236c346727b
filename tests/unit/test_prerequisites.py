"""Java missing, too old or too new is said in one sentence with what to do, before anything is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from infra.prerequisites import find_java

ROOT = Path(__file__).parents[2]


def _java(home: Path, version: str) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return home


@pytest.mark.parametrize("version", ["17.0.15", "21.0.9", "21", "25.0.3", "25.0.10.1"])
def test_a_java_that_spark_runs_on_is_taken(tmp_path: Path, version: str) -> None:
    assert find_java(_java(tmp_path, version)) == tmp_path / "bin" / "java"


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "25", "25.0.2", "26.0.1"])
def test_a_java_too_old_or_too_new_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(ConfigurationError, match="Install Java 17, 21, or 25"):
        find_java(_java(tmp_path, version))


def test_no_java_on_the_path_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigurationError, match="Java was not found"):
        find_java(None)


def test_the_check_needs_nothing_installed(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c"]
    program = f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from infra import prerequisites as p; "
    program += f"sys.exit(p.main([{str(tmp_path)!r}]))"

    done = subprocess.run([*command, program], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Install Java 17, 21, or 25" in done.stderr
