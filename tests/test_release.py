"""The zip of a release holds what it should, and works where nothing else is."""

from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

from release import trial
from release.archive import build, install
from release.contents import (
    ARCHIVE,
    COMPONENT,
    KINDS,
    LEFT_OUT,
    ReleaseError,
    check_tag,
    committed,
    contents,
    notes,
    version,
)
from tests.simulators.plex import PlexSimulator

MODULES = {
    path.relative_to(COMPONENT).as_posix()
    for path in COMPONENT.rglob("*.py")
    if "__pycache__" not in path.parts
}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Make the zip."""
    target = tmp_path / ARCHIVE
    build(target)
    return target


def test_it_holds_the_component_and_nothing_else(archive: Path) -> None:
    """Each module and what Home Assistant reads, no cache, no test, no folder above."""
    with ZipFile(archive) as opened:
        names = set(opened.namelist())
    assert {name for name in names if name.endswith(".py")} == MODULES
    assert {"manifest.json", "icons.json", "services.yaml", "LICENSE"} <= names
    assert "translations/en.json" in names
    assert "brand/icon.png" in names
    assert not [name for name in names if "__pycache__" in name or name.startswith("/")]
    assert not names & set(LEFT_OUT)


def test_the_same_files_give_the_same_bytes(tmp_path: Path, archive: Path) -> None:
    """Whoever doubts a release can make it again."""
    again = tmp_path / "again.zip"
    build(again)
    assert again.read_bytes() == archive.read_bytes()


def test_a_file_of_an_unknown_kind_is_refused() -> None:
    """Somebody has to say whether it is released."""
    with pytest.raises(ReleaseError, match=r"notes\.txt"):
        contents([PurePosixPath("__init__.py"), PurePosixPath("engine/notes.txt")])


def test_each_kind_is_there() -> None:
    """No rule is left of what is gone."""
    files = committed()
    for kind in (*KINDS, *LEFT_OUT):
        assert [each for each in files if each.full_match(kind)], kind


def test_a_tag_names_the_version() -> None:
    """Refuse a tag that was set before the manifest was changed."""
    check_tag(f"v{version()}")
    for tag in (version(), "v0.0.1", ""):
        with pytest.raises(ReleaseError):
            check_tag(tag)


def test_the_notes_are_those_of_the_version() -> None:
    """Say what is new, and nothing of the versions before."""
    assert notes().startswith(("#", "The"))
    assert "\n## " not in notes()


def test_it_is_unpacked_where_home_assistant_looks(
    tmp_path: Path, archive: Path
) -> None:
    """The manifest lies in a folder of the component's name."""
    folder = install(archive, tmp_path / "config")
    assert folder == tmp_path / "config/custom_components/plexsync"
    assert (folder / "manifest.json").read_text() == (
        COMPONENT / "manifest.json"
    ).read_text()


@pytest.mark.timeout(240)
async def test_it_works_in_a_bare_home_assistant(
    tmp_path: Path, archive: Path, socket_enabled: None
) -> None:
    """Imported whole, set up as a person does, and one item is written."""
    assert PlexSimulator.__module__.startswith("tests.")  # of this process only
    assert await trial.set_up(archive, tmp_path / "bare")
