"""Home Assistant's quality scale: every rule is answered for, and what shows it exists."""

import ast
from collections.abc import Iterator
from datetime import timedelta
import importlib.metadata
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util.yaml import load_yaml_dict
from packaging.requirements import Requirement
import pytest

from custom_components.plexsync import coordinator
from tests.home import make_entry, set_up, stash_subentry
from tests.simulators.plex import PlexSimulator
from tests.simulators.stash import StashSimulator
from tests.test_contract import ENTITIES, INTEGRATION, MANIFEST, ROOT, sources

# All rules of the integration quality scale, as core's own lists have them.
RULES = frozenset(
    [
        "action-setup",
        "appropriate-polling",
        "brands",
        "common-modules",
        "config-flow-test-coverage",
        "config-flow",
        "dependency-transparency",
        "docs-actions",
        "docs-triggers",
        "docs-conditions",
        "docs-high-level-description",
        "docs-installation-instructions",
        "docs-removal-instructions",
        "entity-event-setup",
        "entity-unique-id",
        "has-entity-name",
        "runtime-data",
        "test-before-configure",
        "test-before-setup",
        "unique-config-entry",
        "action-exceptions",
        "config-entry-unloading",
        "docs-configuration-parameters",
        "docs-installation-parameters",
        "entity-unavailable",
        "integration-owner",
        "log-when-unavailable",
        "parallel-updates",
        "reauthentication-flow",
        "test-coverage",
        "devices",
        "diagnostics",
        "discovery-update-info",
        "discovery",
        "docs-data-update",
        "docs-examples",
        "docs-known-limitations",
        "docs-supported-devices",
        "docs-supported-functions",
        "docs-troubleshooting",
        "docs-use-cases",
        "dynamic-devices",
        "entity-category",
        "entity-device-class",
        "entity-disabled-by-default",
        "entity-translations",
        "exception-translations",
        "icon-translations",
        "reconfiguration-flow",
        "repair-issues",
        "stale-devices",
        "async-dependency",
        "inject-websession",
        "strict-typing",
    ]
)
STATES: dict[str, Any] = load_yaml_dict(str(INTEGRATION / "quality_scale.yaml"))[
    "rules"
]


def state_of_rule(rule: str) -> str:
    """Say done, todo or exempt."""
    state = STATES[rule]
    return state if isinstance(state, str) else str(state["status"])


def shown() -> dict[str, list[str]]:
    """Give what shows each rule, as the page names it."""
    page = (ROOT / "docs/quality-scale.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", page, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a rule with two rows"
    return {rule: re.findall(r"`([^`]+)`", evidence) for rule, evidence in rows}


def test_every_rule_is_answered_for() -> None:
    """All 54, with a reason for each that is not simply done."""
    assert len(RULES) == 54
    assert STATES.keys() == RULES
    for rule, state in STATES.items():
        if isinstance(state, str):
            assert state == "done", rule
        else:
            assert state["status"] in ("done", "todo", "exempt"), rule
            assert state["comment"].strip(), rule


def test_what_is_done_is_shown() -> None:
    """Name something for each rule that is done, and for no other."""
    done = {rule for rule in RULES if state_of_rule(rule) == "done"}
    assert shown().keys() == done
    assert all(shown().values())


@pytest.mark.parametrize(
    "evidence", sorted({e for all_ in shown().values() for e in all_})
)
def test_what_shows_it_is_there(evidence: str) -> None:
    """Find the file, and the test in it."""
    file, _, test = evidence.partition("::")
    content = (ROOT / file).read_text()
    assert content
    if test:
        assert re.search(rf"^(async )?def {test}\(", content, re.MULTILINE)


# Rules that no other test shows


def classes(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each class with each name that it inherits from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                name = base.value if isinstance(base, ast.Subscript) else base
                yield node.name, getattr(name, "id", "")


def test_what_is_common_stands_where_it_is_looked_for() -> None:
    """Keep the coordinator and what entities share in the modules that all have."""
    where = {
        base: module
        for module, tree in sources()
        for _, base in classes(tree)
        if base in ("DataUpdateCoordinator", "CoordinatorEntity")
    }
    assert where == {
        "DataUpdateCoordinator": "coordinator.py",
        "CoordinatorEntity": "entity.py",
    }


def test_an_entry_keeps_its_own_things() -> None:
    """Leave nothing of ours in the dictionary that all integrations share."""
    for module, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Subscript) and isinstance(
                node.value, ast.Attribute
            ):
                assert node.value.attr != "data" or "hass" not in ast.unparse(
                    node.value
                ), f"{module}:{node.lineno}"


def test_the_coordinator_asks_no_server() -> None:
    """Follow by it only what time alone changes; work and probes have their own clocks."""
    assert timedelta(seconds=30) <= coordinator._LOOK  # noqa: SLF001  # how often it looks
    assert MANIFEST["iot_class"] == "local_push"


def test_entities_begin_to_listen_when_they_are_added() -> None:
    """Subscribe in no constructor, and end with the entity."""
    for module, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                said = ast.unparse(node)
                if module.removesuffix(".py") in ENTITIES or module == "entity.py":
                    assert "async_listen" not in said, module
                    assert "async_add_listener" not in said, module
    event = (INTEGRATION / "event.py").read_text()
    assert "async_on_remove(self.coordinator.async_listen(" in event


async def test_every_entity_is_known_again(
    hass: HomeAssistant, plex: PlexSimulator, stash: StashSimulator
) -> None:
    """Give each an id of its own, and leave its name to the device and the texts."""
    entry = await set_up(hass, make_entry(plex, stash_subentry(stash)))
    found = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert len(found) == sum(map(len, ENTITIES.values()))
    for each in found:
        assert each.has_entity_name, each.entity_id
        assert each.unique_id.startswith(f"{entry.entry_id}_")
        assert each.translation_key


def test_what_is_asked_for_is_open() -> None:
    """Ask for libraries whose license says that all may use them."""
    for requirement in MANIFEST["requirements"]:
        found = importlib.metadata.metadata(Requirement(requirement).name)
        said = [found.get(name, "") for name in ("License", "License-Expression")]
        assert any("BSD" in each or "MIT" in each for each in said), requirement


def test_every_entry_is_typed() -> None:
    """Name the coordinator in the type of each entry that is handed around."""
    for module, tree in sources():
        if module == "coordinator.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                node.name.startswith("async_setup_entry")
                or node.name.startswith("async_unload_entry")
            ):
                (entry,) = [a for a in node.args.args if a.arg == "entry"]
                assert entry.annotation
                assert ast.unparse(entry.annotation) == "PlexSyncConfigEntry", module
