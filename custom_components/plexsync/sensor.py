"""Sensors: what goes on, the circuit, the queue, the counters and the outage figures."""

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
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .coordinator import PlexSyncConfigEntry
from .engine.breaker import State
from .engine.snapshot import Snapshot
from .engine.status import Status, status
from .entity import PlexSyncEntity

PARALLEL_UPDATES = 0

_STEP = 5  # percent between two values of a progress


@dataclass(frozen=True, kw_only=True)
class PlexSyncSensorEntityDescription(SensorEntityDescription):
    """A sensor and where its value stands in the snapshot."""

    value_fn: Callable[[Snapshot], StateType | datetime]
    attributes_fn: Callable[[Snapshot], dict[str, Any]] | None = None


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else dt_util.utc_from_timestamp(seconds)


def _step(percent: float | None) -> int | None:
    """Round down: each value is a row of the recorder, and a run comes every night."""
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
        suggested_display_precision=1,
        value_fn=lambda data: data.statistics.success_rate,
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
        suggested_display_precision=2,
        value_fn=lambda data: data.statistics.duration,
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
        suggested_display_precision=0,
        value_fn=lambda data: data.mttr,
    ),
    PlexSyncSensorEntityDescription(
        key="mtbf",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        suggested_display_precision=0,
        value_fn=lambda data: data.mtbf,
    ),
    PlexSyncSensorEntityDescription(
        key="availability",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        suggested_display_precision=2,
        value_fn=lambda data: data.availability.availability,
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
        PlexSyncSensor(entry.runtime_data, description) for description in SENSORS
    )


class PlexSyncSensor(PlexSyncEntity, SensorEntity):
    """Show one value of the snapshot."""

    entity_description: PlexSyncSensorEntityDescription

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """Give the value."""
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Give what else there is to say."""
        if (attributes := self.entity_description.attributes_fn) is None:
            return None
        return attributes(self.coordinator.data)
