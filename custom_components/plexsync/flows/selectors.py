"""What several forms ask for alike."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from homeassistant.const import UnitOfTime
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from ..plex.library import Library

ADDRESS = TextSelector(
    TextSelectorConfig(type=TextSelectorType.URL, autocomplete="url")
)
SECRET = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
)
VERIFY = BooleanSelector()


def select(
    labels: Mapping[str, str],
    mode: SelectSelectorMode = SelectSelectorMode.LIST,
    *,
    multiple: bool = False,
    custom_value: bool = False,
) -> SelectSelector:
    """Return a selector for values, given with their labels."""
    return SelectSelector(
        SelectSelectorConfig(
            options=[
                SelectOptionDict(value=value, label=label)
                for value, label in labels.items()
            ],
            mode=mode,
            multiple=multiple,
            custom_value=custom_value,
        )
    )


def select_address(known: Mapping[str, str]) -> TextSelector | SelectSelector:
    """Return a selector for an address, with the ``known`` ones (address → name)."""
    if not known:
        return ADDRESS
    return select(known, SelectSelectorMode.DROPDOWN, custom_value=True)


def select_libraries(libraries: tuple[Library, ...]) -> SelectSelector:
    """Return a selector for libraries; equal names are told apart by their folder."""
    names = Counter(each.title for each in libraries)
    labels = {
        each.uuid: each.title
        if names[each.title] == 1 or not each.locations
        else f"{each.title} ({each.locations[0]})"
        for each in libraries
    }
    return select(labels, multiple=True)


def whole_number(least: int, most: int, unit: UnitOfTime) -> probatio.All[Any]:
    """Return a selector for a whole number."""
    selector = NumberSelector(
        NumberSelectorConfig(
            min=least,
            max=most,
            step=1,
            unit_of_measurement=unit,
            mode=NumberSelectorMode.BOX,
        )
    )
    return probatio.All(selector, probatio.Coerce(int))
