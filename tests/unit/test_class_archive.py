"""Class archives: a JVM uses the one that fits it, and one that is not whole is never used."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from contracts.errors import MaritimeError
from contracts.settings import Settings
from infra import class_archive
from infra.class_archive import KEPT, QUICK_START, java_options, place, written
from infra.jars import kafka_jars
from infra.prerequisites import find_java
from maritime.cli import main
from maritime.demo import type_in


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    """Settings whose cache holds no archive."""
    return Settings(cache=tmp_path)


def test_without_an_archive_a_jvm_is_told_nothing(empty: Settings) -> None:
    assert java_options(empty, "spark") == []


def test_kafkas_jvm_takes_its_classes_from_an_archive_that_it_has_written(tmp_path: Path) -> None:
    jars = kafka_jars(Settings())
    cache = Settings(cache=tmp_path)
    program = ["-cp", ":".join(map(str, jars)), "kafka.tools.StorageTool", "random-uuid"]
    java = str(find_java(None))

    with written(cache, "kafka") as option:
        subprocess.run([java, *option.replace('"', "").split(), *program], check=True, capture_output=True)
    log = "-Xlog:class+load:stdout"
    second = subprocess.run(
        [java, *java_options(cache, "kafka"), log, *program], check=True, capture_output=True, text=True
    )

    assert "kafka.tools.StorageTool$ source: shared objects file (top)" in second.stdout


def test_an_archive_that_the_jvm_cannot_use_is_passed_over_in_silence(empty: Settings) -> None:
    archive = place(empty, "spark")
    archive.parent.mkdir()
    archive.write_bytes(b"not an archive")

    done = subprocess.run(
        [str(find_java(None)), *java_options(empty, "spark"), "-version"], check=True, capture_output=True, text=True
    )

    assert done.stdout == ""


def test_java_with_its_first_compiler_alone_has_room_for_the_code_of_all_streams() -> None:
    flags = subprocess.run(
        [str(find_java(None)), *QUICK_START.split(), "-XX:+PrintFlagsFinal", "-version"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    told = re.search(r"ReservedCodeCacheSize\s+= (\d+)", flags.stdout)
    assert told
    assert int(told[1]) == 240 << 20


def test_an_archive_that_was_not_finished_is_not_there(empty: Settings) -> None:
    def killed() -> None:
        with written(empty, "spark") as option:
            Path(option.split('"')[1].removeprefix("-XX:ArchiveClassesAtExit=")).write_bytes(b"half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        killed()

    assert list(place(empty, "spark").parent.iterdir()) == []


def test_other_jars_have_another_archive(empty: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = place(empty, "spark")
    (tmp_path / "jars.lock").write_text("spark org.example:tool:2.0 abc\n")
    monkeypatch.setattr(class_archive, "LOCK", tmp_path / "jars.lock")

    assert place(empty, "spark") != before


def test_archives_of_long_ago_are_deleted(empty: Settings) -> None:
    folder = place(empty, "spark").parent
    folder.mkdir()
    for number in range(2 * KEPT):
        (folder / f"spark-{number}.jsa").touch()

    with written(empty, "spark"):
        pass

    assert len(list(folder.iterdir())) == KEPT


def test_where_no_classes_can_be_prepared_the_jars_are_still_made_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jars").symlink_to(kafka_jars(Settings())[0].parent)
    (tmp_path / "classes").write_text("a file where a folder is wanted")
    monkeypatch.setenv("MARITIME_CACHE", str(tmp_path))

    result = CliRunner().invoke(main, ["jars", "--json"])

    assert result.exit_code == 0
    assert '"class_archives": []' in result.stdout
    assert "classes cannot be written: File exists. Starts are slower without;" in result.stderr


def test_a_command_that_fails_ends_the_line_that_it_is_part_of(tmp_path: Path) -> None:
    missing = str(tmp_path / "positions.csv")

    with pytest.raises(MaritimeError, match=r"`maritime produce ais .*positions\.csv` ended with 2"):
        type_in(["produce", "ais", "--from", "noaa", missing])
