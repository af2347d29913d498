"""Options of a server."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.const import UnitOfTime
from homeassistant.helpers.selector import BooleanSelector, TimeSelector
import probatio

from ..const import (
    CONF_KEEP_HISTORY,
    CONF_RECORD_TITLES,
    CONF_REVIEW_PAGE,
    CONF_STALE_AFTER,
    CONF_SWEEP_AT,
    DEFAULT_KEEP_HISTORY,
    DEFAULT_STALE_AFTER,
)
from ..nightly import default_time
from .selectors import whole_number

SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_STALE_AFTER, default=DEFAULT_STALE_AFTER): whole_number(
            1, 168, UnitOfTime.HOURS
        ),
        probatio.Optional(CONF_SWEEP_AT): TimeSelector(),
        probatio.Required(
            CONF_KEEP_HISTORY, default=DEFAULT_KEEP_HISTORY
        ): whole_number(0, 365, UnitOfTime.DAYS),
        probatio.Required(CONF_RECORD_TITLES, default=False): BooleanSelector(),
        probatio.Required(CONF_REVIEW_PAGE, default=True): BooleanSelector(),
    }
)


class PlexSyncOptionsFlow(OptionsFlow):
    """Change the options; the update listener reloads the entry."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for all options."""
        if user_input is not None:
            # A time that was removed means no sweep, not the default time.
            return self.async_create_entry(data={CONF_SWEEP_AT: None} | user_input)
        default = default_time(self.hass, self.config_entry).isoformat()
        shown = {CONF_SWEEP_AT: default} | self.config_entry.options
        if shown[CONF_SWEEP_AT] is None:
            del shown[CONF_SWEEP_AT]
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(SCHEMA, shown),
        )
