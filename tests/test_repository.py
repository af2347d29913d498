"""Rules of the repository itself: the rings, the pins, one address, nothing of a machine."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
import json
import os
from pathlib import Path
import re
import subprocess
import sys
import tempfile
from urllib.parse import urlsplit

from homeassistant.bootstrap import DEFAULT_INTEGRATIONS
from homeassistant.const import __version__ as ha_version
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integrations
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
import pytest

from release import contents as release

ROOT = Path(__file__).parent.parent
PACKAGE = "custom_components.plexsync"
HOME = "https://github.com/plexsync/plexsync"

ENGINE = f"{PACKAGE}.engine"
MIDDLE = (f"{PACKAGE}.plex", f"{PACKAGE}.sources")


def imports(source: str, module: str, *, package: bool = False) -> Iterator[str]:
    """Yield the full name of everything that a module's source imports.

    Names imported from a module are joined to it, so `from .. import plex` counts
    as the `plex` it means. Imports for type checking count like any other.
    """
    parents = module.split(".") if package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{start}.{alias.name}" for alias in node.names)


def is_within(name: str, package: str) -> bool:
    """Tell whether a full name is a package or something in it."""
    return name == package or name.startswith(f"{package}.")


def may_import(module: str, name: str) -> bool:
    """Tell whether the rings allow a module to import a name.

    The engine imports the standard library, orjson and itself. What speaks to Plex and to the
    sources imports the engine, itself and libraries, but never Home Assistant.
    """
    if is_within(module, ENGINE):
        library = name.split(".", maxsplit=1)[0]
        known = library in sys.stdlib_module_names or library == "orjson"
        return known or is_within(name, ENGINE)
    if any(is_within(module, ring) for ring in MIDDLE):
        if is_within(name, PACKAGE):
            return any(is_within(name, ring) for ring in (ENGINE, *MIDDLE))
        return name.split(".", maxsplit=1)[0] not in (
            "homeassistant",
            "custom_components",
            "tests",
        )
    return not is_within(name, "tests")


def modules() -> Iterator[tuple[str, Path]]:
    """Yield the full name and the file of every module of the integration."""
    for path in sorted((ROOT / PACKAGE.replace(".", "/")).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), path


def test_imports_point_inwards() -> None:
    """Keep the engine free of Plex, sources and Home Assistant, and those two free of it."""
    found = list(modules())
    assert any(is_within(module, ENGINE) for module, _ in found)
    assert [
        f"{module} imports {name}"
        for module, path in found
        for name in imports(
            path.read_text("utf-8"), module, package=path.name == "__init__.py"
        )
        if not may_import(module, name)
    ] == []


def rooms() -> list[str]:
    """Return the rooms of the engine, as the page for newcomers orders them."""
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    return re.findall(r"^\| `engine/(\w+)/` \|", page, re.MULTILINE)


def room_of(name: str) -> str | None:
    """Name the room of the engine that a module is in, or None."""
    if not is_within(name, ENGINE):
        return None
    inside = name.removeprefix(f"{ENGINE}.").split(".")
    return inside[0] if inside[0] in rooms() else None


def test_rooms_import_those_above_only() -> None:
    """Let each room of the engine be understood without what stands below it."""
    folders = {
        each.parent.name
        for each in (ROOT / ENGINE.replace(".", "/")).glob("*/__init__.py")
    }
    order = rooms()
    assert set(order) == folders
    assert [
        f"{module} imports {name}"
        for module, path in modules()
        if (room := room_of(module))
        for name in imports(
            path.read_text("utf-8"), module, package=path.name == "__init__.py"
        )
        if is_within(name, ENGINE)
        and room_of(name) not in order[: order.index(room) + 1]
    ] == []


def graph_of_modules() -> dict[str, set[str]]:
    """Return which modules each module imports; imports for type checking count."""
    found = dict(modules())
    graph = {
        module: {
            other
            for name in imports(
                path.read_text("utf-8"), module, package=path.name == "__init__.py"
            )
            for other in (name, name.rpartition(".")[0])
            if other in found and other != module
        }
        for module, path in found.items()
    }
    # A module names its package in each import; that is there before it.
    packages = {name for name, path in found.items() if path.name == "__init__.py"}
    return {name: others - packages for name, others in graph.items()}


def folder_of(module: str) -> str:
    """Return the folder of a module that is in one below the integration's, else itself."""
    parts = module.removeprefix(f"{PACKAGE}.").split(".")
    return module if len(parts) == 1 else parts[0]


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Let nobody need two files to understand each."""
    graph = graph_of_modules()
    assert graph[f"{ENGINE}.engine"]
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_no_folder_imports_itself_by_way_of_others() -> None:
    """Let nobody need what is around a folder to understand it, and the folder for that."""
    folders: dict[str, set[str]] = {}
    for module, others in graph_of_modules().items():
        folder = folder_of(module)
        folders.setdefault(folder, set()).update(set(map(folder_of, others)) - {folder})
    assert "flows" in folders
    TopologicalSorter(folders).prepare()


@pytest.mark.parametrize(
    ("module", "source", "allowed"),
    [
        ("engine.jobs.queue", "import asyncio, sqlite3", True),
        ("engine.jobs.queue", "from ..model.record import Record", True),
        ("engine.jobs.queue", "from ...engine.model import record", True),
        ("engine.jobs.queue", "from homeassistant.core import HomeAssistant", False),
        ("engine.jobs.queue", "import plexapi.server", False),
        ("engine.jobs.queue", "import requests", False),
        ("engine.jobs.queue", "def later():\n    import aiohttp", False),
        ("engine.jobs.queue", "from ...plex.paths import normal", False),
        ("engine.jobs.queue", "from ... import sources", False),
        ("engine.jobs.queue", "from ...const import DOMAIN", False),
        ("engine.jobs.queue", "from custom_components.plexsync import plex", False),
        ("plex.server", "from plexapi.server import PlexServer", True),
        ("plex.server", "from ..engine.model.faults import Fault", True),
        ("plex.server", "from ..const import DOMAIN", False),
        ("sources.stash.client", "import homeassistant", False),
        ("sources.stash.client", "from ... import coordinator", False),
        ("coordinator", "from .engine.engine import Engine", True),
        ("coordinator", "from homeassistant.core import HomeAssistant", True),
        ("coordinator", "from tests.simulators import plex", False),
    ],
)
def test_import_rule_can_fail(module: str, source: str, allowed: bool) -> None:
    """Judge made-up modules."""
    module = f"{PACKAGE}.{module}"
    assert all(may_import(module, name) for name in imports(source, module)) is allowed


def test_import_rule_reads_packages() -> None:
    """Resolve a relative import of a package's own file against the package."""
    names = imports("from . import engine\nfrom .. import plex", ENGINE, package=True)
    assert list(names) == [f"{ENGINE}.engine", f"{PACKAGE}.plex"]


def committed() -> dict[str, str]:
    """Return the text of every file that is committed or would be, by its path."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    texts: dict[str, str] = {}
    for name in filter(None, listed.split("\0")):
        try:
            texts[name] = (ROOT / name).read_text("utf-8")
        except UnicodeDecodeError, FileNotFoundError:  # a picture; deleted meanwhile
            continue
    return texts


def machine_names() -> set[str]:
    """Return what would give this machine away: its folders, registries and mirrors."""
    names = {f"{ROOT}/", f"{Path.home()}/."}
    if ROOT.parent not in (Path("/"), Path.home(), Path(tempfile.gettempdir())):
        names.add(f"{ROOT.parent}/")
    settings = [
        value
        for key, value in os.environ.items()
        if key.upper().startswith(("PIP_", "UV_")) or key.lower().endswith("_proxy")
    ]
    for folder in (Path("/etc"), Path.home(), Path.home() / ".config"):
        files = ("pip.conf", ".pip/pip.conf", "pip/pip.conf", "uv/uv.toml")
        settings += [
            (folder / file).read_text("utf-8")
            for file in files
            if (folder / file).is_file()
        ]
    for pattern in ("sources.list", "sources.list.d/*", "apt.conf.d/*"):
        settings += [
            file.read_text("utf-8", errors="replace")
            for file in Path("/etc/apt").glob(pattern)
            if file.is_file()
        ]
    hosts = {
        urlsplit(url).hostname
        for url in re.findall(r"https?://[^\s\"';,>]+", "\n".join(settings))
    }
    public = {"github.com", "pypi.org"}
    return names | {host for host in hosts - public if host and "." in host}


def test_nothing_of_a_machine_is_committed() -> None:
    """Keep folders, registries and mirrors of a machine out of every file."""
    names = machine_names()
    loopback = re.compile(r"127\.\d+\.\d+\.\d+|localhost")
    assert [
        f"{path}: {name}"
        for path, text in committed().items()
        for name in names
        if not loopback.fullmatch(name) and name in text
    ] == []


def test_pins_name_no_index() -> None:
    """Leave it to each machine where packages come from."""
    for file in (ROOT / "requirements").glob("*.txt"):
        for line in file.read_text("utf-8").splitlines():
            assert re.fullmatch(r"|#.*|[a-z0-9-]+==[\w.]+", line), (
                f"{file.name}: {line}"
            )


def test_one_version() -> None:
    """Have it in the manifest; the changelog tells of it, and nothing else repeats it."""
    version = release.version()
    assert next(iter(release.changelog())) in (version, "Unreleased")
    assert release.changelog()[version]
    told = re.compile(rf"(?<![\d.]){re.escape(version)}(?![\d.])")
    allowed = {"custom_components/plexsync/manifest.json", "CHANGELOG.md"}
    # A version of one of these may be the same by chance.
    of_others = ("requirements/", "tests/", "docs/stash.md", ".github/")
    assert [
        path
        for path, text in committed().items()
        if told.search(text) and path not in allowed and not path.startswith(of_others)
    ] == []


def test_the_store_is_told_what_is_released() -> None:
    """Name the zip that a release has, and the version that the tests run on at least."""
    told = json.loads((ROOT / "hacs.json").read_text("utf-8"))
    assert told.keys() <= {
        "name",
        "content_in_root",
        "zip_release",
        "filename",
        "hide_default_branch",
        "country",
        "homeassistant",
        "hacs",
        "persistent_directory",
    }
    assert told["name"] == "PlexSync"
    assert told["zip_release"] is True
    assert told["filename"] == release.ARCHIVE
    year, month, _ = told["homeassistant"].split(".")
    assert ha_version.split(".")[:2] >= [year, month]
    workflow = (ROOT / ".github/workflows/release.yml").read_text("utf-8")
    assert f"dist/{release.ARCHIVE}" in workflow


def test_one_address() -> None:
    """Name one home in every file, and in the manifest what HACS asks for."""
    others = {
        f"{path}: {url}"
        for path, text in committed().items()
        for url in re.findall(
            r"github\.com/[\w.-]+/[\w.-]*plexsync\b", text, re.IGNORECASE
        )
        if f"https://{url}" != HOME
    }
    assert others == set()
    manifest = ROOT / PACKAGE.replace(".", "/") / "manifest.json"
    if manifest.exists():
        content = json.loads(manifest.read_text("utf-8"))
        assert content["documentation"] == HOME
        assert content["issue_tracker"] == f"{HOME}/issues"


def pinned(name: str) -> dict[str, SpecifierSet]:
    """Read the pins of one file."""
    lines = (ROOT / "requirements" / name).read_text("utf-8").splitlines()
    return {
        canonicalize_name(pin.name): pin.specifier
        for pin in map(Requirement, (line for line in lines if line[:1].isalpha()))
    }


async def test_pins_are_home_assistants(hass: HomeAssistant) -> None:
    """Pin what every Home Assistant with a frontend, and its plex integration, asks for."""
    pins = pinned("test.txt")
    if (following := pinned("next.txt"))["homeassistant"].contains(ha_version):
        pins |= following
    stand_ins = {
        canonicalize_name(file.stem)
        for file in (ROOT / "requirements" / "stand_ins").glob("*.py")
    }
    asked: set[str] = set()
    seen: set[str] = set()
    waiting = {*DEFAULT_INTEGRATIONS, "frontend", "recorder", "history", "logbook"}
    waiting |= {"automation", "script", "my", "plex", "person"}
    while waiting:
        integrations = await async_get_integrations(hass, waiting)
        seen |= waiting
        waiting = set()
        for integration in integrations.values():
            assert not isinstance(integration, Exception)
            asked |= set(integration.requirements)
            waiting |= set(integration.dependencies) - seen
    missing = {
        wanted
        for wanted in asked
        if (name := canonicalize_name(Requirement(wanted).name)) not in stand_ins
        and pins.get(name) != Requirement(wanted).specifier
    }
    assert missing == set()


def test_no_two_classes_have_one_name() -> None:
    """One word has one meaning."""
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "custom_components/plexsync").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(path.name)
    assert not {name: those for name, those in places.items() if len(those) > 1}
