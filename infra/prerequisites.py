"""What has to be on the machine before anything is installed: Java 17, 21 or 25.

Standard library only: ``make`` runs ``python -m infra.prerequisites`` before the virtual environment exists.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from contracts.errors import ConfigurationError, MaritimeError

JAVA_VERSIONS = (17, 21, 25)
"""Those that Spark is released for."""
SOUND_25 = (25, 0, 3)
"""Of 25 the first that Spark is released for: in earlier ones what zstd compressed could be corrupted (JDK-8377811)."""

_HOW_TO = "Install Java 17, 21, or 25 from 25.0.3 on, and put it on the PATH or point JAVA_HOME at its folder."


def find_java(java_home: Path | None) -> Path:
    """The ``java`` program, after its version was looked at.

    Raises:
        ConfigurationError: There is none, or its version is not one that Spark runs on.
    """
    found = java_program(java_home)
    version = java_version(_version_text(found))
    if version is None or not _is_released_for(version):
        seen = f"version {'.'.join(map(str, version))}" if version else "of an unknown version"
        raise ConfigurationError(f"{found} is {seen}, which Spark does not run on. {_HOW_TO}")
    return found


def _is_released_for(version: tuple[int, ...]) -> bool:
    return version[0] in JAVA_VERSIONS and not SOUND_25[:1] <= version < SOUND_25


def java_program(java_home: Path | None) -> Path:
    """The ``java`` program of ``java_home`` when given, else the first on the PATH, of whatever version; it is not run.

    Raises:
        ConfigurationError: There is none.
    """
    found = str(java_home / "bin" / "java") if java_home else shutil.which("java")
    if found is None or not Path(found).is_file():
        where = f"JAVA_HOME is {java_home}, where there is no bin/java." if java_home else "Java was not found."
        raise ConfigurationError(f"{where} {_HOW_TO}")
    return Path(found)


def java_version(text: str) -> tuple[int, ...] | None:
    """Version in the output of ``java -version``, its major number first; None when it shows none.

    >>> java_version('openjdk version "17.0.15" 2025-04-15'), java_version('java version "1.8.0_392"')
    ((17, 0, 15), (8, 0))
    """
    match = re.search(r'version "(?:1\.)?(\d+(?:\.\d+)*)', text)
    return tuple(map(int, match.group(1).split("."))) if match else None


def _version_text(java: Path) -> str:
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False)
    except OSError as error:
        raise ConfigurationError(f"{java} cannot be run ({error.strerror}). {_HOW_TO}") from error
    return answer.stderr + answer.stdout


def main(arguments: list[str]) -> int:
    """Check; the one argument is the value of JAVA_HOME, empty when unset."""
    home = arguments[0] if arguments else ""
    try:
        find_java(Path(home) if home else None)
    except MaritimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
