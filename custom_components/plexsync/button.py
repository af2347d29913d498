"""Buttons for what is started by hand."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import PlexSyncConfigEntry, PlexSyncCoordinator
from .entity import PlexSyncEntity
from .errors import invalid, translated_errors

PARALLEL_UPDATES = 0  # a source that hangs must not hold up other buttons


@dataclass(frozen=True, kw_only=True)
class PlexSyncButtonEntityDescription(ButtonEntityDescription):
    """A button and what it does."""

    press_fn: Callable[[PlexSyncCoordinator], Awaitable[object]]


async def _start_reconcile(coordinator: PlexSyncCoordinator) -> None:
    """Start a run in the background: it takes long, and other buttons must not wait."""
    if not coordinator.reconcile.start():
        raise invalid("reconcile_running")


BUTTONS: tuple[PlexSyncButtonEntityDescription, ...] = (
    PlexSyncButtonEntityDescription(
        key="reset_circuit",
        press_fn=lambda coordinator: coordinator.engine.circuit.reset(),
    ),
    PlexSyncButtonEntityDescription(
        key="retry_failed",
        press_fn=lambda coordinator: coordinator.engine.failed_jobs.retry(),
    ),
    PlexSyncButtonEntityDescription(key="reconcile", press_fn=_start_reconcile),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexSyncConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the buttons of one server."""
    async_add_entities(
        PlexSyncButton(entry.runtime_data, description) for description in BUTTONS
    )


class PlexSyncButton(PlexSyncEntity, ButtonEntity):
    """A button that does one thing."""

    entity_description: PlexSyncButtonEntityDescription

    @override
    async def async_press(self) -> None:
        """Do it."""
        with translated_errors():
            await self.entity_description.press_fn(self.coordinator)
