"""What CONTRIBUTING.md shows is done in a copy of the repository, and tested there."""

from collections.abc import Iterator
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).parent.parent
PARTS = ("blueprints", "custom_components", "demo", "docs", "release", "tests")
TESTED = (
    "tests/test_contract.py::test_the_fields_of_an_item_are_all_in_its_form",
    "tests/test_contract.py::test_every_field_can_be_chosen",
    "tests/test_contract.py::test_every_reason_is_given_somewhere",
    "tests/test_contract.py::test_every_entity_has_a_name_and_an_icon",
    "tests/test_docs.py::test_every_entity_is_documented",
    "tests/test_docs.py::test_every_field_of_an_item_is_documented",
    "tests/plex/test_reading.py::test_every_field",
    "tests/plex/test_edit.py::test_everything_in_one_request",
    "tests/plex/test_wire_form.py::test_texts",
    "tests/test_repository.py::test_imports_point_inwards",
    "tests/test_sensor.py::test_the_sensors_are_what_was_promised",
    "tests/sources/test_feed.py",
)

_BLOCK = re.compile(
    r"^(?P<margin> *)```(?P<kind>diff|python) (?P<path>\S+)\n(?P<text>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


def examples() -> Iterator[tuple[str, str, str]]:
    """Give each block that names a file: kind, file, text without its margin."""
    for block in _BLOCK.finditer((ROOT / "CONTRIBUTING.md").read_text()):
        margin = len(block["margin"])
        lines = [line[margin:] for line in block["text"].splitlines()]
        yield block["kind"], block["path"], "\n".join(lines) + "\n"


def apply(path: Path, diff: str) -> None:
    """Put one change in; what it stands between has to be there once.

    The first and last line of a change may be the beginning and the end of longer ones.
    """
    lines = diff.splitlines()
    before = "\n".join(line[1:] for line in lines if not line.startswith("+"))
    after = "\n".join(line[1:] for line in lines if not line.startswith("-"))
    text = path.read_text()
    assert text.count(before) == 1, (path, before)
    path.write_text(text.replace(before, after))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy what is needed of the repository, with all examples made."""
    for part in PARTS:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / part, tmp_path / part, ignore=ignore)
    for file in ("pyproject.toml", "hacs.json", "README.md", "CHANGELOG.md"):
        shutil.copy(ROOT / file, tmp_path)
    for kind, name, text in examples():
        path = tmp_path / name
        if kind == "diff":
            apply(path, text)
        else:
            assert not path.exists()
            path.write_text(text)
    return tmp_path


def test_the_worked_examples_work(copy: Path) -> None:
    """A field, an entity and a source, as they are shown: tests, style and types."""
    made = [name for kind, name, _ in examples() if kind == "python"]
    assert len(made) == 2
    for command in (
        ("pytest", "-q", "-p", "no:cacheprovider", *TESTED),
        ("ruff", "check", "--no-cache", *made),
        ("ruff", "format", "--check", "--no-cache", *made),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=copy,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout
