"""Code, texts, icons and lists say the same: an offline stand-in for hassfest."""

import ast
from collections.abc import Iterator, Mapping
import json
from pathlib import Path
import re
from string import Formatter
from typing import Any

from awesomeversion import AwesomeVersion, AwesomeVersionStrategy
import hass_frontend
from homeassistant import components
from homeassistant.core import HomeAssistant, SupportsResponse
from homeassistant.helpers.selector import validate_selector
from homeassistant.loader import async_get_integration
from homeassistant.util.yaml import load_yaml_dict
from packaging.requirements import Requirement
from PIL import Image
import probatio
import pytest

from custom_components import plexsync
from custom_components.plexsync import PLATFORMS, errors, issues
from custom_components.plexsync.answers import KINDS
from custom_components.plexsync.binary_sensor import BINARY_SENSORS, SOURCE
from custom_components.plexsync.button import BUTTONS
from custom_components.plexsync.engine.calls.bulkheads import REASONS
from custom_components.plexsync.engine.model.events import (
    CircuitClosed,
    CircuitHalfOpened,
    CircuitOpened,
    ItemFailed,
    ReconcileFinished,
)
from custom_components.plexsync.engine.model.faults import BROKEN_OFF
from custom_components.plexsync.engine.model.fields import FIELDS, Kind
from custom_components.plexsync.engine.model.holds import Hold
from custom_components.plexsync.engine.model.reasons import Reason
from custom_components.plexsync.engine.status import Status
from custom_components.plexsync.event import SYNC_EVENT, describe
from custom_components.plexsync.failures import ItemsFailed
from custom_components.plexsync.plex import classify
from custom_components.plexsync.repair_flows.source_repairs import (
    FirstPlanRepairFlow,
    MassChangeRepairFlow,
)
from custom_components.plexsync.repairs import LedgerRepairFlow
from custom_components.plexsync.sensor import SENSORS
from custom_components.plexsync.services import ACTIONS
from custom_components.plexsync.switch import SYNC
from demo.dashboard import SAYS
from tests.reasons import constants, members

ROOT = Path(__file__).parent.parent
# With which selector a field of a record is asked for.
SELECTORS = {
    Kind.TEXT: "text",
    Kind.PROSE: "text",
    Kind.DATE: "date",
    Kind.RATING: "number",
    Kind.TAGS: "text",
    Kind.CAST: "object",
    Kind.IMAGE: "text",
}
INTEGRATION = ROOT / "custom_components" / "plexsync"
CORE = Path(components.__file__).parent
MDI = {
    f"mdi:{icon['name']}"
    for icon in json.loads(
        (hass_frontend.where() / "static/mdi/iconList.json").read_text()
    )
}
# A name of our own. Hassfest allows hyphens in some places; we use none.
KEY = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
TEXTS: dict[str, Any] = json.loads((INTEGRATION / "translations/en.json").read_text())
ICONS: dict[str, Any] = json.loads((INTEGRATION / "icons.json").read_text())
MANIFEST: dict[str, Any] = json.loads((INTEGRATION / "manifest.json").read_text())
SERVICES: dict[str, Any] = load_yaml_dict(str(INTEGRATION / "services.yaml"))

ENTITIES: dict[str, dict[str, Any]] = {
    "binary_sensor": {each.key: each for each in (*BINARY_SENSORS, SOURCE)},
    "button": {each.key: each for each in BUTTONS},
    "event": {SYNC_EVENT.key: SYNC_EVENT},
    "sensor": {each.key: each for each in SENSORS},
    "switch": {SYNC.key: SYNC},
}


def texts(
    data: Any, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every text with the keys that lead to it."""
    if isinstance(data, str):
        yield path, data
    else:
        for key, value in data.items():
            yield from texts(value, (*path, key))


def placeholders(text: str) -> set[str]:
    """Name the placeholders of a text."""
    return set(re.findall(r"\{([^{}]*)\}", text))


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yield every module of the integration, parsed."""
    for path in sorted(INTEGRATION.rglob("*.py")):
        yield path.relative_to(INTEGRATION).as_posix(), ast.parse(path.read_text())


# Manifest


def test_manifest_keys_are_in_order() -> None:
    """Order them as hassfest does: domain, name, then the alphabet."""
    keys = list(MANIFEST)
    assert keys[:2] == ["domain", "name"]
    assert keys[2:] == sorted(keys[2:])


def test_manifest_names_what_is_asked_for() -> None:
    """Hold what Home Assistant, hassfest and HACS demand of a custom integration."""
    assert MANIFEST["domain"] == INTEGRATION.name
    assert MANIFEST["codeowners"]
    assert MANIFEST["config_flow"] is True
    assert MANIFEST["documentation"].startswith("https://")
    assert MANIFEST["integration_type"] == "service"
    assert MANIFEST["iot_class"].startswith("local_")
    assert {"issue_tracker", "version"} <= MANIFEST.keys()


def test_manifest_has_no_key_that_hassfest_refuses() -> None:
    """Use keys that are known; two of them only from Home Assistant 2026.11 on.

    What hassfest takes of core's own integrations it takes of custom ones too.
    """
    of_all = {"domain", "name", "after_dependencies", "codeowners", "config_flow"}
    of_all |= {"dependencies", "documentation", "integration_type", "iot_class"}
    of_all |= {"loggers", "quality_scale", "requirements", "zeroconf"}
    of_custom = {"version", "issue_tracker", "import_executor"}
    assert MANIFEST.keys() <= of_all | of_custom | {"categories", "connectivity"}
    for category in MANIFEST["categories"]:
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", category)
    assert MANIFEST["connectivity"] == ["network"]


def test_manifest_has_values_that_hassfest_takes() -> None:
    """Have a version of a known kind, and pages of our own."""
    AwesomeVersion(MANIFEST["version"], ensure_strategy=AwesomeVersionStrategy.SEMVER)
    assert MANIFEST["iot_class"] in ("local_polling", "local_push")
    assert all(owner.startswith("@") for owner in MANIFEST["codeowners"])
    assert MANIFEST["issue_tracker"].startswith(MANIFEST["documentation"])
    assert "home-assistant.io" not in MANIFEST["documentation"]
    for requirement in MANIFEST["requirements"]:
        assert Requirement(requirement)
        # pip would take one, hassfest does not.
        assert " " not in requirement


def test_manifest_has_the_words_of_core() -> None:
    """Name categories and ways to connect as core's integrations do, from 2026.11 on."""
    manifests = [json.loads(path.read_text()) for path in CORE.glob("*/manifest.json")]
    assert manifests
    for key in ("categories", "connectivity"):
        words = {word for each in manifests for word in each.get(key, ())}
        assert not words or words.issuperset(MANIFEST[key])


def test_dependencies_are_there() -> None:
    """Name each once, and only what core has."""
    named = [*MANIFEST["dependencies"], *MANIFEST["after_dependencies"]]
    assert len(named) == len(set(named))
    assert all((CORE / name / "manifest.json").exists() for name in named)


def imported(tree: ast.Module) -> Iterator[str]:
    """Name the integrations of core that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name.startswith("homeassistant.components."):
                yield name.split(".")[2]


def test_what_is_imported_is_a_dependency() -> None:
    """Import nothing of an integration that may not be set up, or not be installed.

    A module named like an integration is loaded by that integration.
    """
    allowed = {*MANIFEST["dependencies"], *MANIFEST["after_dependencies"]}
    allowed |= {path.stem for path in INTEGRATION.glob("*.py")}
    found = {name for _, tree in sources() for name in imported(tree)}
    assert found <= allowed
    # "http" is imported, so the search finds what is there.
    assert "http" in found


def test_no_configuration_in_yaml_is_said() -> None:
    """Tell whoever writes ``plexsync:`` into configuration.yaml that it does nothing."""
    assert "CONFIG_SCHEMA" in vars(plexsync)


def test_json_files_can_be_read() -> None:
    """Bring no broken file, whoever reads it."""
    files = list(INTEGRATION.rglob("*.json"))
    assert len(files) >= 3
    for file in files:
        json.loads(file.read_text())


def test_no_file_waits_for_another() -> None:
    """Bring no conditions or triggers without their description, nor texts unread."""
    # Of a custom integration only the translations are read.
    assert not (INTEGRATION / "strings.json").exists()
    for kind in ("condition", "trigger"):
        described = (INTEGRATION / f"{kind}s.yaml").exists()
        assert bool(list(INTEGRATION.rglob(f"{kind}.py"))) is described


async def test_home_assistant_reads_the_manifest(hass: HomeAssistant) -> None:
    """Load on every version; what one does not know yet it passes over."""
    found = await async_get_integration(hass, MANIFEST["domain"])
    assert str(found.version) == MANIFEST["version"]
    for key in ("categories", "connectivity"):
        assert getattr(found, key, MANIFEST[key]) == MANIFEST[key]


# Texts


def test_texts_are_sorted_at_the_top() -> None:
    """Keep the file's sections where the next reader looks for them."""
    assert list(TEXTS) == sorted(TEXTS)


@pytest.mark.parametrize("part", TEXTS)
def test_texts_are_as_hassfest_wants_them(part: str) -> None:
    """Allow no markup, no addresses, no loose ends and no odd placeholders."""
    for path, text in texts(TEXTS[part]):
        assert text, path
        assert text == text.strip(), path
        assert not re.search(r"</?[A-Za-z][^>]*>", text), ("HTML", path)
        assert not re.search(r"://|www\.", text), ("a URL", path)
        assert "[%key" not in text, ("custom texts are never expanded", path)
        quoted = re.search(r"'[^'\s]*\{[^{}]*\}[^'\s]*'", text)
        assert not quoted, ("a quoted placeholder", path)
        assert all(name.isidentifier() for name in placeholders(text)), path
        # Fails where a brace has no other.
        parsed = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        assert parsed == placeholders(text), path
        assert all(KEY.fullmatch(key) for key in path), path
        if {"state", "state_attributes", "unit_of_measurement"} & set(path):
            assert not placeholders(text), path


def forms(data: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every form and section of a form that asks for something."""
    if isinstance(data, dict):
        if "data" in data and isinstance(data["data"], dict):
            yield data
        for value in data.values():
            yield from forms(value)


@pytest.mark.parametrize("part", ["config", "config_subentries", "options"])
def test_every_field_of_a_form_is_explained(part: str) -> None:
    """Give each field a description, and describe nothing else."""
    found = list(forms(TEXTS[part]))
    assert found
    for form in found:
        assert form["data"].keys() == form.get("data_description", {}).keys()


# Entities


def test_every_platform_is_known_here() -> None:
    """Check all platforms below."""
    assert {str(platform) for platform in PLATFORMS} == ENTITIES.keys()


@pytest.mark.parametrize("platform", ENTITIES)
def test_every_platform_limits_its_updates(platform: str) -> None:
    """Say how many calls may run side by side."""
    module = ast.parse((INTEGRATION / f"{platform}.py").read_text())
    values = [
        ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "PARALLEL_UPDATES"
    ]
    assert values == [1 if platform in ("button", "switch") else 0]


@pytest.mark.parametrize("platform", ENTITIES)
def test_every_entity_has_a_name_and_an_icon(platform: str) -> None:
    """Name and draw each entity, and nothing that does not exist."""
    keys = ENTITIES[platform].keys()
    assert TEXTS["entity"][platform].keys() ^ keys == set(), "translations/en.json"
    assert ICONS["entity"][platform].keys() ^ keys == set(), "icons.json"
    assert all(TEXTS["entity"][platform][key]["name"] for key in keys)
    assert all(ICONS["entity"][platform][key]["default"] for key in keys)
    assert TEXTS["entity"].keys() == ICONS["entity"].keys() == ENTITIES.keys()


@pytest.mark.parametrize("description", SENSORS, ids=lambda each: each.key)
def test_sensors_have_texts_for_states_and_units(description: Any) -> None:
    """Translate each state of an enum; a unit is a symbol, and stands in the code."""
    text = TEXTS["entity"]["sensor"][description.key]
    states = text.get("state", {}).keys()
    assert set(description.options or ()) == set(states)
    # "1 jobs": a count stands behind a name that says of what, and has no unit.
    assert "unit_of_measurement" not in text


def test_every_status_has_a_sentence_on_the_demo_s_dashboard() -> None:
    """Say there, too, what goes on: the circuit alone knows of no hold."""
    assert SAYS.keys() == set(Status)


def test_event_types_have_texts_and_icons() -> None:
    """Translate each event type and each attribute of an event."""
    types, attributes = set(SYNC_EVENT.event_types or ()), set[str]()
    for event in (
        CircuitOpened("refused"),
        CircuitHalfOpened("recovery"),
        CircuitClosed("recovery"),
        ItemsFailed("not_found", 1, (ItemFailed(1, "not_found"),)),
        ReconcileFinished(
            dict.fromkeys((*KINDS, "kept:locked", "skipped:no_file"), 1), 1.0, 0, "all"
        ),
    ):
        told = describe(event, names=True)
        assert told is not None
        assert told[0] in types
        attributes |= told[1].keys()
    text = TEXTS["entity"]["event"]["sync_event"]["state_attributes"]
    icon = ICONS["entity"]["event"]["sync_event"]["state_attributes"]
    assert text["event_type"]["state"].keys() == types
    assert icon["event_type"]["state"].keys() == types
    assert text.keys() - {"event_type"} == attributes


def test_every_event_has_its_sentence_in_the_logbook() -> None:
    """Say each type in words, filled in with nothing but what an event tells."""
    types = set(SYNC_EVENT.event_types or ())
    assert TEXTS["common"].keys() == types | {"circuit_reset", "item_failed"}
    known = {"cause", "count", "differs", "duration", "in_line", "jobs", "others"}
    for sentence in TEXTS["common"].values():
        assert placeholders(sentence) <= known | {"reason"}


def test_icons_are_material_design_icons() -> None:
    """Use nothing but mdi, as the frontend does."""
    for path, icon in texts(ICONS):
        assert icon in MDI, path
        assert all(KEY.fullmatch(key) for key in path), path


def test_no_state_icon_equals_the_default() -> None:
    """Draw a state only where it looks different."""
    for platform in ICONS["entity"].values():
        for icons in platform.values():
            assert icons["default"] not in icons.get("state", {}).values()


def test_names_and_icons_stand_in_no_code() -> None:
    """Leave names to the texts and icons to the list of icons."""
    for name, _ in sources():
        code = (INTEGRATION / name).read_text()
        # A panel's icon has no file of its own to stand in.
        assert "mdi:" not in code or name == "review_page/panel.py", name
        assert "_attr_icon" not in code, name
        assert "_attr_name" not in code, name


# Actions


def flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Give the fields of an action without its sections."""
    result: dict[str, Any] = {}
    for name, field in fields.items():
        inner = flat(field["fields"]) if "fields" in field else {name: field}
        assert not result.keys() & inner.keys(), "a field in two sections"
        result |= inner
    return result


def sections(fields: Mapping[str, Any]) -> set[str]:
    """Name the sections of an action."""
    return {name for name, field in fields.items() if "fields" in field}


def keys_of(schema: probatio.Schema) -> dict[str, Any]:
    """Give the fields that a schema knows, with their markers."""
    return {str(marker): marker for marker in schema.schema}


def test_every_action_stands_everywhere() -> None:
    """Describe, name and draw each action."""
    assert (
        SERVICES.keys()
        == ACTIONS.keys()
        == TEXTS["services"].keys()
        == ICONS["services"].keys()
    )


@pytest.mark.parametrize("action", ACTIONS)
def test_every_field_of_an_action_stands_everywhere(action: str) -> None:
    """Have the same fields in the schema, the form and the texts."""
    schema = keys_of(ACTIONS[action][1])
    fields = SERVICES[action].get("fields", {})
    text = TEXTS["services"][action]
    assert schema.keys() == flat(fields).keys() == text["fields"].keys()
    assert text.get("sections", {}).keys() == sections(fields)
    assert ICONS["services"][action].get("sections", {}).keys() == sections(fields)
    assert text["name"]
    assert text["description"]
    for name, field in flat(fields).items():
        assert text["fields"][name].keys() == {"name", "description"}
        required = isinstance(schema[name], probatio.Required)
        assert field.get("required", False) is required
        validate_selector(field["selector"])
        if "default" in field and isinstance(schema[name], probatio.Optional):
            default = schema[name].default
            if not isinstance(default, probatio.Undefined):
                assert default() == field["default"]


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_can_answer(action: str) -> None:
    """Answer who asks; the actions that only answer want to be asked."""
    only = action.startswith("get_")
    wanted = SupportsResponse.ONLY if only else SupportsResponse.OPTIONAL
    assert ACTIONS[action][2] is wanted


def test_the_fields_of_an_item_are_all_in_its_form() -> None:
    """Ask for each field of a record with a selector that gives what it holds."""
    for action in ("sync_item", "preview_item"):
        selector = SERVICES[action]["fields"]["fields"]["selector"]["object"]
        assert selector["fields"].keys() ^ FIELDS.keys() == set(), "services.yaml"
        for name, field in selector["fields"].items():
            ((kind, config),) = field["selector"].items()
            assert kind == SELECTORS[FIELDS[name].kind], name
            assert bool((config or {}).get("multiple")) is FIELDS[name].is_list, name


def selectors(data: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every selector with its kind, those within others too."""
    if isinstance(data, list):
        for each in data:
            yield from selectors(each)
    elif isinstance(data, dict):
        if isinstance(chosen := data.get("selector"), dict):
            ((kind, config),) = chosen.items()
            yield kind, config or {}
        for value in data.values():
            yield from selectors(value)


def test_what_an_action_offers_is_translated() -> None:
    """Let no option or field of a form stand in English for everybody."""
    used: set[str] = set()
    for kind, config in selectors(SERVICES):
        if kind not in ("object", "select"):
            continue
        key = config["translation_key"]
        used.add(key)
        if kind == "select":
            texts = TEXTS["selector"][key]["options"].keys()
            assert texts ^ set(config["options"]) == set(), key
        else:
            fields = TEXTS["selector"][key]["fields"]
            assert fields.keys() ^ config["fields"].keys() == set(), key
            assert all(
                text.keys() == {"name", "description"} for text in fields.values()
            )
            labels = {config.get("label_field"), config.get("description_field")}
            assert labels <= {None, *fields}
    assert used == {"actors", "field", "item_fields", "job_state", "reason", "scope"}


def test_every_field_can_be_chosen() -> None:
    """Offer all fields there are to whoever undoes some, or looks for one."""
    for action, field in (("undo_item", "fields"), ("get_history", "field")):
        select = SERVICES[action]["fields"][field]["selector"]["select"]
        assert set(select["options"]) ^ FIELDS.keys() == set(), "services.yaml"
    page = (INTEGRATION / "panel/history_view.js").read_text("utf-8")
    (names,) = re.findall(
        r"^const FIELDS = \[(.+?)\];$", page, re.MULTILINE | re.DOTALL
    )
    assert set(re.findall(r'"(\w+)"', names)) ^ FIELDS.keys() == set(), (
        "history_view.js"
    )


def test_every_reason_can_be_chosen() -> None:
    """Offer all reasons of jobs there are, and take those with a number at the end."""
    for action in ("get_jobs", "retry_failed", "discard_failed"):
        select = SERVICES[action]["fields"]["reason"]["selector"]["select"]
        assert select["options"] == [str(reason) for reason in Reason]
        assert select["custom_value"] is True


# Errors and repairs


def raised() -> Iterator[tuple[str, str, set[str]]]:
    """Yield each exception that code can raise: where, its key, its placeholders."""
    for module, tree in sources():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            words = {word.arg: word.value for word in node.keywords if word.arg}
            name = getattr(node.func, "id", "")
            if name in ("invalid", "_failed"):
                keys = constants(node.args[0])
                assert keys or module == "errors.py", f"{module}:{node.lineno}"
                yield from ((module, key, set(words)) for key in keys)
            elif name == "InvalidRecordError":
                keys = constants(node.args[0])
                assert keys, f"{module}:{node.lineno}"
                yield from ((module, key, {"field"}) for key in keys)
            elif "translation_domain" in words:
                keys = constants(words["translation_key"])
                if not keys:
                    assert module == "errors.py", f"{module}:{node.lineno}"
                    continue
                given = words.get("translation_placeholders")
                names: set[str] = set()
                if given is not None:
                    assert isinstance(given, ast.Dict), f"{module}:{node.lineno}"
                    names = {ast.literal_eval(key) for key in given.keys if key}
                yield from ((module, key, names) for key in keys)


def test_every_exception_has_its_text() -> None:
    """Translate what is raised with the placeholders it brings, and nothing else."""
    by_fault = {
        *errors.BY_KIND.values(),
        *errors.BY_REASON.values(),
        *errors.BY_FAMILY.values(),
        *errors.BY_SOURCE.values(),
        *errors.BY_HOLD.values(),
        "fault_source",
    }
    assert errors.BY_HOLD.keys() == set(Hold)
    found = [each for each in raised() if each[1] not in by_fault]
    exceptions = TEXTS["exceptions"]
    assert {key for _, key, _ in found} | by_fault == exceptions.keys()
    for key in by_fault:
        assert placeholders(exceptions[key]["message"]) <= {"reason"}, key
    for module, key, names in found:
        assert placeholders(exceptions[key]["message"]) == names, f"{module}: {key}"


def test_every_reason_of_a_fault_has_its_words() -> None:
    """Say in a sentence of its own whatever an action can meet."""
    found = {Reason.AMBIGUOUS, Reason.TOO_LONG_LIST, *REASONS.values(), BROKEN_OFF}
    found |= {str(reason) for reason, *_ in classify._BY_ERROR}  # noqa: SLF001  # the table itself
    for module, tree in sources():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("Fault", "FaultRow")
                and ast.unparse(node.args[0]) != "FaultClass.SOURCE"
                and module.startswith(("engine/", "plex/", "images.py"))
            ):
                found |= members(node)
    assert errors.BY_REASON.keys() == found


def test_every_reason_is_given_somewhere() -> None:
    """Keep no reason that nothing gives, and give none in words of its own."""
    tables = {"engine/model/reasons.py", "errors.py", "flows/plex_validation.py"}
    given = {
        reason
        for module, tree in sources()
        if module not in tables
        for reason in members(tree)
    }
    assert given == set(Reason)
    calls = {"Fault": 1, "FaultRow": 1, "Snooze": 1, "fail": 0, "snooze": 0, "skip": 0}
    for module, tree in sources():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            for argument in node.args[calls[name] :] if name in calls else ():
                for text in constants(argument):
                    assert text.startswith(tuple(errors.BY_FAMILY)), (
                        f"{module}:{node.lineno}"
                    )


def test_home_assistant_errors_are_always_translated() -> None:
    """Raise none of Home Assistant's errors with a text of our own."""
    names = {
        "ConfigEntryAuthFailed",
        "ConfigEntryError",
        "ConfigEntryNotReady",
        "HomeAssistantError",
        "ServiceValidationError",
        "UpdateFailed",
    }
    for module, tree in sources():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in names
            ):
                words = {word.arg for word in node.keywords}
                assert not node.args, f"{module}:{node.lineno}"
                assert {"translation_domain", "translation_key"} <= words


MENUS = {
    issues.LEDGER_LOST: LedgerRepairFlow,
    issues.MASS_CHANGE: MassChangeRepairFlow,
    issues.PREVIEW_READY: FirstPlanRepairFlow,
}


def test_every_repair_has_its_text() -> None:
    """Say what is wrong, and either what to do or how to fix it."""
    by_source = set(issues.BY_FAULT.values())
    keys = {
        *by_source,
        *issues.BY_GROUP.values(),
        *issues.BY_HOLD.values(),
        *issues.FIXABLE,
        issues.DATABASE_FAILS,
        issues.LONG_OUTAGE,
        issues.PLEX_REFUSES,
        issues.SOURCE_LACKS,
        issues.SOURCE_PATHS,
        issues.STORAGE_TOO_NEW,
        issues.STORE_FAILED,
    }
    assert TEXTS["issues"].keys() == keys
    for key, text in TEXTS["issues"].items():
        fixable = key in issues.FIXABLE
        assert text.keys() == {"title", "fix_flow" if fixable else "description"}
        known = {"name", "source", "url"} if key in by_source else {"name"}
        if key == issues.SOURCE_PATHS:
            known |= {"source", "found", "records", "share"}
        if key == issues.SOURCE_LACKS:
            known |= {"source", "options"}
        if key == issues.PREVIEW_READY:
            known |= {"source", "differs", "in_line", "others", "sample", "query"}
        if key == issues.LONG_OUTAGE:
            known |= {"days"}
        if key == issues.MASS_CHANGE:
            known |= {"source", "gone", "known", "sample"}
        if key == issues.FAILED_JOBS:
            known |= {"reasons", "query"}
        if key in issues.BY_GROUP.values():
            known |= {"failing", "libraries"}
        for _, each in texts(text):
            assert placeholders(each) <= known
        if key in MENUS:
            for menu in text["fix_flow"]["step"].values():
                explained = menu.get("menu_option_descriptions", menu["menu_options"])
                assert explained.keys() == menu["menu_options"].keys()
                assert menu.keys() - {"menu_option_descriptions"} == {
                    "title",
                    "description",
                    "menu_options",
                }
                steps = {f"async_step_{option}" for option in menu["menu_options"]}
                assert steps <= set(dir(MENUS[key]))
        elif key == issues.LIBRARY_GONE:
            (form,) = forms(text["fix_flow"])
            assert form["data"].keys() == form["data_description"].keys()
        elif fixable:
            assert text["fix_flow"]["step"].keys() == {"confirm"}
            assert text["fix_flow"]["step"]["confirm"].keys() == {
                "title",
                "description",
            }


# The module of each flow that may end without an answer. All of them end by that of
# ``_async_answer`` but the one that changes the entry.
ABORTS = {
    issues.FAILED_JOBS: "repairs.py",
    issues.LEDGER_LOST: "repairs.py",
    issues.LIBRARY_GONE: "repair_flows/library_repair.py",
    issues.MASS_CHANGE: "repair_flows/source_repairs.py",
    issues.PLEX_ENTRY_GONE: "repair_flows/reconfigure_repair.py",
    issues.PREVIEW_READY: "repair_flows/source_repairs.py",
    issues.SOURCE_AUTH: "repair_flows/reconfigure_repair.py",
    issues.SOURCE_CERTIFICATE: "repair_flows/reconfigure_repair.py",
    issues.WRONG_SERVER: "repair_flows/reconfigure_repair.py",
}
# These say themselves that the entry is not there.
OF_SOURCES = {issues.SOURCE_AUTH, issues.SOURCE_CERTIFICATE}
OF_THEIR_OWN = {
    issues.LIBRARY_GONE,
    issues.PLEX_ENTRY_GONE,
    issues.WRONG_SERVER,
    *OF_SOURCES,
}


def aborts(module: str) -> set[str]:
    """Name the reasons for which the flows of a module end without an answer."""
    return {
        ast.literal_eval(word.value)
        for node in ast.walk(ast.parse((INTEGRATION / module).read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "async_abort"
        for word in node.keywords
        if word.arg == "reason"
    }


def test_every_abort_of_a_repair_has_its_text() -> None:
    """Translate why a fix could not be made."""
    for key, text in TEXTS["issues"].items():
        known = text.get("fix_flow", {}).get("abort", {}).keys()
        if key not in ABORTS:
            assert not known
            continue
        reasons = aborts(ABORTS[key])
        if key not in OF_THEIR_OWN:
            reasons |= aborts("repair_flows/base.py")
        if key in OF_SOURCES:
            reasons -= {"already_configured"}
        assert known == reasons


# The rest


def test_selectors_have_their_texts() -> None:
    """Translate the options of every selector that says it is translated."""
    keys: set[str] = set()
    for _, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", "")
                words = {word.arg: word.value for word in node.keywords}
                if name.endswith("SelectorConfig") and "translation_key" in words:
                    keys |= constants(words["translation_key"]) or set()
    assert keys <= TEXTS["selector"].keys()


@pytest.mark.parametrize(("name", "size"), [("icon.png", 256), ("icon@2x.png", 512)])
def test_brand_images_have_their_sizes(name: str, size: int) -> None:
    """Bring the icon in the sizes of Home Assistant's brands."""
    with Image.open(INTEGRATION / "brand" / name) as image:
        assert image.format == "PNG"
        assert image.size == (size, size)
