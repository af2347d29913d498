"""The form that asks what to sync from a Stash, and how each field behaves."""

from collections.abc import Collection, Mapping
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    Selector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
from homeassistant.helpers.translation import async_get_cached_translations
import probatio

from .const import (
    CONF_FIELDS,
    CONF_START,
    DOMAIN,
    START_CHANGES,
    START_EVERYTHING,
    START_PREVIEW,
    SUBENTRY_STASH,
)
from .engine.jobs.gone_records import WhenGone
from .errors import InvalidInputError
from .sources.stash.options import (
    ALL_FIELDS,
    CODE_FIELDS,
    GENDERS,
    MAX_NAMES,
    MAX_RATING,
    MAX_TEXT,
    ROLES,
    StashOptions,
)
from .sources.stash.title import NAMES, is_template

MIRROR = "mirror"  # Plex shows what Stash says
FILL = "fill"  # the same, but only if Plex has no value
OFF = "off"

SECTION_TEXT = "text"
SECTION_PEOPLE = "people"
SECTION_TAGS = "tags"
SECTION_COLLECTIONS = "collections"
SECTION_PICTURES = "pictures"
SECTION_SCENES = "scenes"

PLACEHOLDERS = {"names": ", ".join(f"{{{name}}}" for name in NAMES)}

_PICTURES = ("poster", "background")
# Plex always has a title, so there is nothing to fill.
_ALWAYS_FILLED = frozenset({"title"})
_BEHAVIOURS = {
    SECTION_TEXT: ("title", "summary", "date", "user_rating", "studio"),
    SECTION_PEOPLE: ("actors", "directors"),
    SECTION_TAGS: ("genres", "labels"),
    SECTION_COLLECTIONS: ("collections",),
    SECTION_PICTURES: _PICTURES,
    SECTION_SCENES: (),
}
# What the form shows for an option without a value.
_NOTHING = {"code_to": "nowhere", "gender": "anyone", "role": "nothing"}


def _select(translation_key: str, *options: str) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options),
            mode=SelectSelectorMode.DROPDOWN,
            translation_key=translation_key,
        )
    )


def _choice(name: str, *options: str) -> SelectSelector:
    return _select(name, _NOTHING[name], *options)


_NAMES = TextSelector(TextSelectorConfig(multiple=True))
_RATING = NumberSelector(
    NumberSelectorConfig(
        min=0, max=MAX_RATING, step=0.5, mode=NumberSelectorMode.SLIDER
    )
)
# The options of each section, besides the fields and their behaviours.
_OPTIONS: dict[str, dict[str, Selector[Any]]] = {
    SECTION_TEXT: {
        "title_template": TextSelector(),
        "content_rating": TextSelector(),
        "code_to": _choice("code_to", *sorted(CODE_FIELDS)),
    },
    SECTION_PEOPLE: {
        "gender": _choice("gender", *GENDERS),
        "gender_only": BooleanSelector(),
        "role": _choice("role", *ROLES),
    },
    SECTION_TAGS: {
        "tag_collections": BooleanSelector(),
        "tags_below": TextSelector(),
        "tags_without": _NAMES,
        "tag_parents": BooleanSelector(),
    },
    SECTION_COLLECTIONS: {
        "studio_collection": BooleanSelector(),
        "network_collection": BooleanSelector(),
    },
    SECTION_PICTURES: {},
    SECTION_SCENES: {
        "organized_only": BooleanSelector(),
        "with_tags": _NAMES,
        "without_tags": _NAMES,
        "only_studios": _NAMES,
        "without_studios": _NAMES,
        "min_rating": _RATING,
        "scan_new": BooleanSelector(),
        "when_gone": _select("when_gone", *WhenGone),
    },
}


@callback
def async_names_of(hass: HomeAssistant, options: Collection[str]) -> list[str]:
    """Return the names of fields and options as the form shows them, in its order."""
    texts = async_get_cached_translations(
        hass, hass.config.language, "config_subentries", DOMAIN
    )
    form = f"component.{DOMAIN}.config_subentries.{SUBENTRY_STASH}.step.fields.sections"
    return [
        texts.get(f"{form}.{name}.data.{option}", option)
        for name, behaviours in _BEHAVIOURS.items()
        for option in (*behaviours, *_OPTIONS[name])
        if option in options
    ]


def schema(*, with_start: bool) -> probatio.Schema:
    """Return the schema of the form, with its defaults."""
    preset = form_of(StashOptions().as_dict())
    fields: dict[probatio.Marker, Any] = {}
    for name, behaviours in _BEHAVIOURS.items():
        inner: dict[probatio.Marker, Any] = {}
        for field in behaviours:
            choices = (MIRROR, OFF) if field in _ALWAYS_FILLED else (MIRROR, FILL, OFF)
            marker = probatio.Required(field, default=preset[name][field])
            inner[marker] = _select("behaviour", *choices)
        for option, selector in _OPTIONS[name].items():
            # The frontend leaves out a text or list that was emptied, hence Optional.
            inner[probatio.Optional(option, default=preset[name][option])] = selector
        fields[probatio.Required(name)] = section(
            probatio.Schema(inner), {"collapsed": True}
        )
    if with_start:
        fields[probatio.Required(CONF_START, default=START_PREVIEW)] = _select(
            "start", START_PREVIEW, START_EVERYTHING, START_CHANGES
        )
    return probatio.Schema(fields)


def form_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form's values for the fields that a subentry stores."""
    options = StashOptions.from_dict(fields)
    stored = options.as_dict()
    taken = options.fields | {name for name in _PICTURES if stored[name]}

    def behaviour(name: str) -> str:
        if name not in taken:
            return OFF
        return FILL if name in options.fill_only else MIRROR

    def shown(name: str) -> Any:
        return _NOTHING[name] if stored[name] is None else stored[name]

    return {
        name: {field: behaviour(field) for field in behaviours}
        | {option: shown(option) for option in _OPTIONS[name]}
        for name, behaviours in _BEHAVIOURS.items()
    }


def data_of(form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data to store for the form's values. Raises InvalidInputError."""
    entered = {
        field: form[name][field] for name, each in _BEHAVIOURS.items() for field in each
    }
    chosen = {
        option: None if form[name][option] == _NOTHING.get(option) else value
        for name, options in _OPTIONS.items()
        for option in options
        for value in [form[name][option]]
    }
    _check(chosen)
    taken = {name for name, value in entered.items() if value in (MIRROR, FILL)}
    options = StashOptions.from_dict(
        chosen
        | {name: name in taken for name in _PICTURES}
        | {
            "fields": ALL_FIELDS & taken,
            "fill_only": [name for name in taken if entered[name] == FILL],
        }
    )
    data: dict[str, Any] = {CONF_FIELDS: options.as_dict()}
    if CONF_START in form:
        data[CONF_START] = form[CONF_START]
    return data


def _check(chosen: Mapping[str, Any]) -> None:
    """Raise InvalidInputError if a value could not be stored as it was entered."""
    for value in chosen.values():
        names = value if isinstance(value, list) else []
        texts = [value] if isinstance(value, str) else names
        if len(names) > MAX_NAMES or any(len(text) > MAX_TEXT for text in texts):
            raise InvalidInputError("too_long")
    if not is_template(chosen["title_template"].strip()):
        raise InvalidInputError("invalid_template")
