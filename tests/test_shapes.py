"""Texts, icons and actions have no key that hassfest does not know, and none too few."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.test_contract import ICONS, SERVICES, TEXTS, sections

# Stands for names of our own: of steps, of entities, of exceptions.
OURS = object()

# A text is ``str``, what hassfest does not look into is ``object``. What it would take
# too and we have no use for is left out; look up its rules before you add it.
TEXTS_BY_NAME: Mapping[Any, Any] = {OURS: str}
FORM: Mapping[Any, Any] = {
    "title": str,
    "description": str,
    "data": TEXTS_BY_NAME,
    "data_description": TEXTS_BY_NAME,
    "menu_options": TEXTS_BY_NAME,
    "menu_option_descriptions": TEXTS_BY_NAME,
    "submit": str,
    "sections": {
        OURS: {
            "name": str,
            "description": str,
            "data": TEXTS_BY_NAME,
            "data_description": TEXTS_BY_NAME,
        }
    },
}
FLOW: Mapping[Any, Any] = {
    "step": {OURS: FORM},
    "abort": TEXTS_BY_NAME,
    "create_entry": TEXTS_BY_NAME,
    "error": TEXTS_BY_NAME,
    "progress": TEXTS_BY_NAME,
}
NAMED: Mapping[Any, Any] = {"name": str, "description": str}
OF_STATES: Mapping[Any, Any] = {"name": str, "state": TEXTS_BY_NAME}
OF_TEXTS: Mapping[Any, Any] = {
    "common": TEXTS_BY_NAME,
    "config": {**FLOW, "flow_title": str},
    "config_panel": object,
    "config_subentries": {
        OURS: {**FLOW, "entry_type": str, "initiate_flow": TEXTS_BY_NAME}
    },
    "entity": {OURS: {OURS: {**OF_STATES, "state_attributes": {OURS: OF_STATES}}}},
    "exceptions": {OURS: {"message": str}},
    "issues": {OURS: {"title": str, "description": str, "fix_flow": FLOW}},
    "options": FLOW,
    "selector": {OURS: {"options": TEXTS_BY_NAME, "fields": {OURS: NAMED}}},
    "services": {OURS: {**NAMED, "fields": {OURS: NAMED}, "sections": {OURS: NAMED}}},
    "system_health": {"info": TEXTS_BY_NAME},
}
ICONS_OF_STATES: Mapping[Any, Any] = {
    "default": str,
    "state": TEXTS_BY_NAME,
    "range": TEXTS_BY_NAME,
}
OF_ICONS: Mapping[Any, Any] = {
    "entity": {
        OURS: {OURS: {**ICONS_OF_STATES, "state_attributes": {OURS: ICONS_OF_STATES}}}
    },
    "services": {OURS: {"service": str, "sections": TEXTS_BY_NAME}},
}
FIELD: Mapping[Any, Any] = {
    "default": object,
    "example": object,
    "required": object,
    "selector": object,
}


def strays(data: Any, shape: Any, path: str = "") -> Iterator[str]:
    """Yield each place where something stands that hassfest refuses."""
    if shape is object:
        return
    if shape is str or not isinstance(data, dict):
        if shape is not str or not isinstance(data, str):
            yield path
        return
    for key, value in data.items():
        if key in shape:
            yield from strays(value, shape[key], f"{path}/{key}")
        elif OURS in shape:
            yield from strays(value, shape[OURS], f"{path}/{key}")
        else:
            yield f"{path}/{key}"


def test_texts_stand_where_they_are_looked_for() -> None:
    """Have no text under a key that nothing reads."""
    assert list(strays(TEXTS, OF_TEXTS)) == []


def test_icons_stand_where_they_are_looked_for() -> None:
    """Have no icon under a key that nothing reads."""
    assert list(strays(ICONS, OF_ICONS)) == []


@pytest.mark.parametrize("platform", ICONS["entity"])
def test_icons_of_numbers_stand_in_order(platform: str) -> None:
    """Begin with the smallest number: the last one that is reached counts."""
    for key, icons in ICONS["entity"][platform].items():
        numbers = [float(number) for number in icons.get("range", ())]
        assert numbers == sorted(numbers), key


@pytest.mark.parametrize("action", SERVICES)
def test_actions_are_described_with_known_keys(action: str) -> None:
    """Say of a field no more than Home Assistant reads, and nothing that is empty."""
    described = SERVICES[action] or {}
    assert described.keys() <= {"fields"}
    fields = described.get("fields", {})
    of_sections = {"collapsed": object, "fields": {OURS: FIELD}}
    shape = {
        name: of_sections if name in sections(fields) else FIELD for name in fields
    }
    assert list(strays(fields, shape)) == []
    for name, field in fields.items():
        assert None not in (field.get("example", ""), field.get("default", "")), name


def flows() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all that has steps."""
    yield "config", TEXTS["config"]
    yield "options", TEXTS["options"]
    yield from TEXTS["config_subentries"].items()
    for name, issue in TEXTS["issues"].items():
        if "fix_flow" in issue:
            yield name, issue["fix_flow"]


@pytest.mark.parametrize(("name", "flow"), list(flows()))
def test_every_flow_has_steps(name: str, flow: dict[str, Any]) -> None:
    """Have a step, and describe no field of one without naming it."""
    assert flow["step"], name
    for form in flow["step"].values():
        for part in (form, *form.get("sections", {}).values()):
            described = part.get("data_description", {})
            assert described.keys() <= part.get("data", {}).keys()


@pytest.mark.parametrize("kind", TEXTS["config_subentries"])
def test_every_kind_of_source_has_a_name_and_a_button(kind: str) -> None:
    """Name what is added, and the button that adds it."""
    texts = TEXTS["config_subentries"][kind]
    assert texts["entry_type"]
    assert texts["initiate_flow"]["user"]
