"""The form that asks what to take from a Stash, and how each field behaves."""

from collections.abc import Mapping
from typing import Any

from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import probatio

from .const import (
    CONF_FIELDS,
    CONF_START,
    START_CHANGES,
    START_EVERYTHING,
    START_PREVIEW,
)
from .sources.stash_mapping import CODE_FIELDS, FIELDS, StashOptions

MIRROR = "mirror"  # Plex shows what Stash says
FILL = "fill"  # the same, but only where Plex has nothing
OFF = "off"

SECTION_TEXT = "text"
SECTION_PEOPLE = "people"
SECTION_PICTURES = "pictures"

CODE_TO = "code_to"
ORGANIZED_ONLY = "organized_only"
_NOWHERE = "nowhere"
_PICTURES = ("poster", "background")
# Plex always has a title: there is nothing to fill.
_ALWAYS_FILLED = frozenset({"title"})
_BEHAVIOURS = {
    SECTION_TEXT: ("title", "summary", "date", "user_rating", "studio"),
    SECTION_PEOPLE: ("actors", "directors", "genres", "collections"),
    SECTION_PICTURES: _PICTURES,
}
_FLAGS = {SECTION_PEOPLE: ("studio_collection", "disambiguation_as_role")}


def _select(translation_key: str, *options: str) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options),
            mode=SelectSelectorMode.DROPDOWN,
            translation_key=translation_key,
        )
    )


def schema(*, with_start: bool) -> probatio.Schema:
    """Give the form, with what it holds at first."""
    options = StashOptions()
    preset = form_of(options.as_dict())
    fields: dict[probatio.Marker, Any] = {}
    for name, behaviours in _BEHAVIOURS.items():
        inner: dict[probatio.Marker, Any] = {}
        for field in behaviours:
            choices = (MIRROR, OFF) if field in _ALWAYS_FILLED else (MIRROR, FILL, OFF)
            marker = probatio.Required(field, default=preset[name][field])
            inner[marker] = _select("behaviour", *choices)
        if name == SECTION_TEXT:
            marker = probatio.Required(CODE_TO, default=_NOWHERE)
            inner[marker] = _select(CODE_TO, _NOWHERE, *sorted(CODE_FIELDS))
        for flag in _FLAGS.get(name, ()):
            marker = probatio.Required(flag, default=preset[name][flag])
            inner[marker] = BooleanSelector()
        fields[probatio.Required(name)] = section(
            probatio.Schema(inner), {"collapsed": True}
        )
    marker = probatio.Required(ORGANIZED_ONLY, default=options.organized_only)
    fields[marker] = BooleanSelector()
    if with_start:
        fields[probatio.Required(CONF_START, default=START_PREVIEW)] = _select(
            "start", START_PREVIEW, START_EVERYTHING, START_CHANGES
        )
    return probatio.Schema(fields)


def form_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the form shows of what a subentry holds."""
    options = StashOptions.from_dict(fields)
    stored = options.as_dict()
    taken = options.fields | {name for name in _PICTURES if stored[name]}

    def behaviour(name: str) -> str:
        if name not in taken:
            return OFF
        return FILL if name in options.fill_only else MIRROR

    form: dict[str, Any] = {
        name: {field: behaviour(field) for field in behaviours}
        | {flag: stored[flag] for flag in _FLAGS.get(name, ())}
        for name, behaviours in _BEHAVIOURS.items()
    }
    form[SECTION_TEXT][CODE_TO] = options.code_to or _NOWHERE
    return form | {ORGANIZED_ONLY: options.organized_only}


def data_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a subentry keeps of what was entered."""
    entered = {
        field: value for name in _BEHAVIOURS for field, value in form[name].items()
    }
    taken = {name for name, value in entered.items() if value in (MIRROR, FILL)}
    code_to = entered[CODE_TO]
    options = StashOptions(
        fields=FIELDS & taken,
        organized_only=form[ORGANIZED_ONLY],
        code_to=None if code_to == _NOWHERE else code_to,
        fill_only=frozenset(name for name in taken if entered[name] == FILL),
        **{name: name in taken for name in _PICTURES},
        **{flag: entered[flag] for flags in _FLAGS.values() for flag in flags},
    )
    data: dict[str, Any] = {CONF_FIELDS: options.as_dict()}
    if CONF_START in form:
        data[CONF_START] = form[CONF_START]
    return data
