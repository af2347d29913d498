"""Repair flows for a source that is held until its owner answers."""

import asyncio
from collections.abc import Mapping
import re

from homeassistant.components.repairs import RepairsFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations

from ..const import DOMAIN
from ..coordinator import PlexSyncCoordinator
from ..engine.database.database import StorageError
from ..engine.jobs.source_holds import Shown
from ..engine.model.faults import Fault
from ..engine.model.holds import SourceHold
from ..source_answers import Answer, async_begin, async_part
from .base import EntryRepairFlow

_LOOKS = 30  # records to look through for a sample
_SAMPLE = 5  # items that are shown
_LONGEST = 80  # characters of a title
# The same texts as in the form of the action that syncs an item.
_NAME_OF_FIELD = f"component.{DOMAIN}.selector.item_fields.fields.{{}}.name"
_PATIENCE = 15.0  # seconds that the form waits for the sample


class SourceRepairFlow(EntryRepairFlow):
    """A repair flow that shows what holds a source, and lets its owner answer."""

    _hold: SourceHold  # which one it asks about
    _seen: Mapping[str, str]  # the numbers that were shown

    @property
    def _asked(self) -> Mapping[str, str]:
        """The placeholders of the repair, with the numbers that hold the source now.

        The repair itself is renewed a little later than they are.
        """
        numbers: Shown | None = None
        if (coordinator := self._coordinator) is not None:
            holds = coordinator.engine.source_holds.of(self._source)
            numbers = holds.get(self._hold)
        shown = {name: str(number) for name, number in (numbers or {}).items()}
        return {**self._shown, **shown}

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show the numbers and both answers: implemented by each flow."""
        raise NotImplementedError

    async def _async_answer_seen(self, answer: Answer) -> RepairsFlowResult:
        """Carry out the answer; if the numbers are others by now, show these first."""
        if (asked := self._asked) and asked != self._seen:
            return await self.async_step_init()
        return await self._async_answer(lambda each: answer(each, self._source))

    async def async_step_leave(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Leave everything as it is."""
        return self.async_abort(reason="left")


class FirstPlanRepairFlow(SourceRepairFlow):
    """Ask whether writing for a source may begin."""

    _hold = SourceHold.FIRST_PLAN

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show the numbers, some items, and both answers.

        Titles are only shown here, not kept in the repair, which is stored on disk.
        """
        if (coordinator := self._coordinator) is None:
            return self.async_abort(reason="not_loaded")
        sample = await _sample(self.hass, coordinator, self._source)
        self._seen = self._asked
        return self.async_show_menu(
            step_id="init" if sample else "unseen",
            menu_options=["begin", "leave"],
            description_placeholders={**self._seen, "sample": sample},
        )

    async def async_step_unseen(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show the same without items, if none can be shown."""
        return await self.async_step_init(user_input)

    async def async_step_begin(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Begin to write for the source."""
        return await self._async_answer_seen(async_begin)


class MassChangeRepairFlow(SourceRepairFlow):
    """Ask whether so many records are really gone."""

    _hold = SourceHold.MASS_CHANGE

    async def async_step_init(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Show the numbers, a few of the records, and both answers."""
        if (coordinator := self._coordinator) is None:
            return self.async_abort(reason="not_loaded")
        try:
            sample = await coordinator.engine.gone_records.sample(self._source)
        except StorageError:
            return self.async_abort(reason="storage_failed")
        self._seen = self._asked
        return self.async_show_menu(
            step_id="init",
            menu_options=["part", "leave"],
            description_placeholders={
                **self._seen,
                "sample": "\n".join(f"- {_plain(each)}" for each in sample),
            },
        )

    async def async_step_part(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Accept that the missing records are gone."""
        return await self._async_answer_seen(async_part)


async def _sample(
    hass: HomeAssistant, coordinator: PlexSyncCoordinator, source: str
) -> str:
    """List a few items with the fields that would change; empty if none can be read."""
    try:
        async with asyncio.timeout(_PATIENCE):
            found = await coordinator.engine.on_demand.glimpse(source, _LOOKS)
    except Fault, StorageError, TimeoutError:
        return ""
    texts = await async_get_translations(
        hass, hass.config.language, "selector", [DOMAIN]
    )
    lines = []
    for each in found[:_SAMPLE]:
        fields = ", ".join(
            texts.get(_NAME_OF_FIELD.format(name), name) for name in each.fields
        )
        lines.append(f"- **{_plain(each.title)}**: {fields}")
    return "\n".join(lines)


def _plain(title: str) -> str:
    """Escape a title for Markdown, because it comes from others, and shorten it."""
    short = " ".join(title.split())
    if len(short) > _LONGEST:
        short = f"{short[:_LONGEST]}…"
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", short)
