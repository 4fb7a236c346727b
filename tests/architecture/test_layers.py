"""The house rules as tests: layers, pure transforms, names that clash with nobody's, packages that import."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS: list[str] = PYPROJECT["tool"]["importlinter"]["root_packages"]
TRANSFORMS = ROOT / "lakehouse/transforms"
ACTIONS = {"collect", "count", "toPandas", "show", "write", "writeStream", "cache", "persist"}
CLOCKS = {"current_timestamp", "current_date", "now", "today", "rand", "uuid"}


def test_imports_point_only_downwards() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", sorted(TRANSFORMS.glob("*.py")), ids=lambda path: path.stem)
def test_a_transform_neither_acts_nor_looks_at_the_clock(module: Path) -> None:
    attributes = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Attribute)]
    methods = {node.attr for node in attributes if ast.unparse(node.value) != "F"}  # F.count is an expression
    everything = {node.attr for node in attributes}

    assert (methods & ACTIONS) | (everything & CLOCKS) == set()


def test_no_dependency_has_a_package_named_like_one_of_our_rooms() -> None:
    owners = packages_distributions()
    others = {room: set(owners.get(room, [])) - {"maritimeiq"} for room in ROOMS}

    assert {room: names for room, names in others.items() if names} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_of_a_room_imports(room: str) -> None:
    package = importlib.import_module(room)

    for module in pkgutil.walk_packages(package.__path__, f"{room}."):
        importlib.import_module(module.name)


def test_every_room_and_each_package_in_it_is_installed() -> None:
    patterns: list[str] = PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    folders = {path.parent for room in ROOMS for path in (ROOT / room).rglob("*.py")}

    assert patterns == [pattern for room in ROOMS for pattern in (room, f"{room}.*")]
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_the_environment_is_read_in_one_place_only() -> None:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    readers = [path for path in files if "os.environ" in path.read_text() or "os.getenv" in path.read_text()]

    assert [str(path.relative_to(ROOT)) for path in readers] == ["contracts/settings.py"]


def test_the_lock_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text()

    assert "://" not in lock
    assert "--index" not in lock
    assert lock.count("--hash=sha256:") > 100
