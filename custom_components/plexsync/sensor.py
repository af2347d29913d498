"""Sensors: the status, the circuit, the queue, the counters and the outage figures."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import ExtraStoredData, RestoreEntity
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .coordinator import PlexSyncConfigEntry
from .engine.circuit.breaker import State
from .engine.snapshot import Snapshot
from .engine.status import Status, status
from .entity import PlexSyncEntity

PARALLEL_UPDATES = 0

_STEP = 5  # percent between two values of the progress


@dataclass(frozen=True, kw_only=True)
class PlexSyncSensorEntityDescription(SensorEntityDescription):
    """A sensor and how to read its value from the snapshot."""

    value_fn: Callable[[Snapshot], StateType | datetime]
    attributes_fn: Callable[[Snapshot], dict[str, Any]] | None = None


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else dt_util.utc_from_timestamp(seconds)


def _round(value: float | None, digits: int) -> float | None:
    """Round, because the recorder stores a row for each new value."""
    return None if value is None else round(value, digits)


def _step(percent: float | None) -> int | None:
    """Round down, because the recorder stores a row for each new value, every night."""
    return None if percent is None else int(percent // _STEP * _STEP)


SENSORS: tuple[PlexSyncSensorEntityDescription, ...] = (
    PlexSyncSensorEntityDescription(
        key="status",
        device_class=SensorDeviceClass.ENUM,
        options=[str(word) for word in Status],
        value_fn=lambda data: str(status(data)),
    ),
    PlexSyncSensorEntityDescription(
        key="circuit",
        device_class=SensorDeviceClass.ENUM,
        options=[str(state) for state in State],
        value_fn=lambda data: str(data.circuit),
        attributes_fn=lambda data: {"since": _time(data.turned)},
    ),
    PlexSyncSensorEntityDescription(
        key="pending",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda data: data.pending,
    ),
    PlexSyncSensorEntityDescription(
        key="failed",
        state_class=SensorStateClass.MEASUREMENT,
        value_fn=lambda data: data.failed,
    ),
    PlexSyncSensorEntityDescription(
        key="synced",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda data: data.statistics.synced,
    ),
    PlexSyncSensorEntityDescription(
        key="unchanged",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda data: data.statistics.unchanged,
    ),
    PlexSyncSensorEntityDescription(
        key="success_rate",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        suggested_display_precision=1,
        value_fn=lambda data: _round(data.statistics.success_rate, 1),
    ),
    PlexSyncSensorEntityDescription(
        key="last_sync",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda data: _time(data.statistics.last_sync),
    ),
    PlexSyncSensorEntityDescription(
        key="next_probe",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda data: _time(data.next_probe),
    ),
    PlexSyncSensorEntityDescription(
        key="last_outage",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda data: _time(data.last_outage),
    ),
    PlexSyncSensorEntityDescription(
        key="sync_duration",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        suggested_display_precision=2,
        value_fn=lambda data: _round(data.statistics.duration, 2),
    ),
    PlexSyncSensorEntityDescription(
        key="outages",
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda data: data.outages,
    ),
    PlexSyncSensorEntityDescription(
        key="mttr",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        suggested_display_precision=0,
        value_fn=lambda data: _round(data.mttr, 0),
    ),
    PlexSyncSensorEntityDescription(
        key="mtbf",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        suggested_display_precision=0,
        value_fn=lambda data: _round(data.mtbf, 0),
    ),
    PlexSyncSensorEntityDescription(
        key="availability",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        suggested_display_precision=2,
        value_fn=lambda data: _round(data.availability.availability, 2),
        attributes_fn=lambda data: {"coverage": round(data.availability.coverage)},
    ),
    PlexSyncSensorEntityDescription(
        key="reconcile_progress",
        native_unit_of_measurement=PERCENTAGE,
        entity_category=EntityCategory.DIAGNOSTIC,
        suggested_display_precision=0,
        value_fn=lambda data: _step(data.reconcile),
        attributes_fn=lambda data: {"last_sweep": _time(data.last_sweep)},
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PlexSyncConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors of one server."""
    async_add_entities(
        (
            PlexSyncCounter
            if description.state_class is SensorStateClass.TOTAL_INCREASING
            else PlexSyncSensor
        )(entry.runtime_data, description)
        for description in SENSORS
    )


class PlexSyncSensor(PlexSyncEntity, SensorEntity):
    """A value of the snapshot."""

    entity_description: PlexSyncSensorEntityDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """Return the value."""
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Return the attributes."""
        if (attributes := self.entity_description.attributes_fn) is None:
            return None
        return attributes(self.coordinator.data)


@dataclass(frozen=True, slots=True)
class CounterShown(ExtraStoredData):
    """What a counter showed last, and how much of that the database lacks."""

    shown: int
    ahead: int

    @override
    def as_dict(self) -> dict[str, Any]:
        """Return the data as JSON."""
        return {"shown": self.shown, "ahead": self.ahead}

    @classmethod
    def recall(cls, stored: ExtraStoredData | None) -> CounterShown:
        """Restore stored data; data that cannot be read counts as zero."""
        data = {} if stored is None else stored.as_dict()
        shown, ahead = data.get("shown"), data.get("ahead")
        if isinstance(shown, int) and isinstance(ahead, int):
            return cls(shown, max(0, ahead))
        return cls(0, 0)


class PlexSyncCounter(PlexSyncSensor, RestoreEntity):
    """A counter that continues from the value shown last.

    Our own files may be older than that, because they come from a backup or because a
    damaged file was set aside. A counter that fell would be taken for one that started
    again at zero, and all of it would be added to the statistics once more.
    """

    _ahead = 0

    @override
    async def async_added_to_hass(self) -> None:
        """Restore the value shown last."""
        await super().async_added_to_hass()
        last = CounterShown.recall(await self.async_get_last_extra_data())
        self._ahead = max(last.ahead, last.shown - self._counted)

    @property
    def _counted(self) -> int:
        value = self.entity_description.value_fn(self.coordinator.data)
        assert isinstance(value, int)
        return value

    @property
    @override
    def native_value(self) -> int:
        """Return the value."""
        return self._counted + self._ahead

    @property
    @override
    def extra_restore_state_data(self) -> CounterShown:
        """Return the data that the next start continues from."""
        return CounterShown(self.native_value, self._ahead)
