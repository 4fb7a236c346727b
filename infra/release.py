"""Which code this is: the version of the distribution, and the commit where it runs from a checkout."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent.parent


@cache
def code_version() -> str:
    """For example ``0.1.0``, or ``0.1.0+3f2a9c41d07b`` from a checkout, ``.changed`` behind it with uncommitted edits.

    Asked for once a process: what is edited while it runs is not what runs.
    """
    try:
        released = version("maritimeiq")
    except PackageNotFoundError:
        released = "0"
    git = shutil.which("git")
    if git is None or not (HERE / ".git").exists():
        return released
    commit = _git(git, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return released
    return f"{released}+{commit}.changed" if _git(git, "status", "--porcelain", "-uno") else f"{released}+{commit}"


def _git(git: str, *words: str) -> str:
    """What git answers; nothing where it refuses, for the checkout may belong to somebody else."""
    done = subprocess.run([git, "-C", str(HERE), *words], capture_output=True, text=True, check=False, timeout=30)
    return done.stdout.strip() if done.returncode == 0 else ""
