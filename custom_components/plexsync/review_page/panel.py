"""The page ``/plexsync`` in the sidebar: its files, and when it is shown.

It stays while an entry is reloaded, so that nobody who looks at it is sent away. It is
removed with the last server whose owner wants it.
"""

import hashlib
from pathlib import Path
from typing import Final

from homeassistant.components import frontend, panel_custom
from homeassistant.components.http.server import StaticPathConfig
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import CONF_REVIEW_PAGE, DOMAIN

_FOLDER: Final = Path(__file__).parents[1] / "panel"


class ReviewPage:
    """The review page: one for all servers."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize without a page."""
        self._hass = hass
        self._is_shown = False
        self.version = ""  # of the files that are served

    async def serve(self) -> None:
        """Serve the files, which are public: they contain no data."""
        self.version = await self._hass.async_add_executor_job(_digest)
        await self._hass.http.async_register_static_paths(
            [StaticPathConfig(f"/{DOMAIN}_static/{self.version}", str(_FOLDER), True)]
        )

    @callback
    def follow(self) -> None:
        """Show the page while any server wants it."""
        hass = self._hass
        if "frontend" not in hass.config.components:
            return
        wanted = any(
            entry.disabled_by is None and entry.options.get(CONF_REVIEW_PAGE, True)
            for entry in hass.config_entries.async_entries(DOMAIN)
        )
        if wanted and not frontend.async_panel_exists(hass, DOMAIN):
            self._is_shown = True
            hass.async_create_task(self._show(), f"{DOMAIN} review page")
        elif self._is_shown and not wanted:
            self._is_shown = False
            frontend.async_remove_panel(hass, DOMAIN, warn_if_unknown=False)

    async def _show(self) -> None:
        await panel_custom.async_register_panel(
            self._hass,
            frontend_url_path=DOMAIN,
            webcomponent_name=f"{DOMAIN}-panel",
            sidebar_title="PlexSync",
            sidebar_icon="mdi:movie-check-outline",
            module_url=f"/{DOMAIN}_static/{self.version}/panel.js",
            config={"version": self.version},
            require_admin=True,
        )


def _digest() -> str:
    """Digest the files: their address changes with them, as browsers cache by address."""
    digest = hashlib.sha256()
    for file in sorted(_FOLDER.glob("*.js")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


_PAGE: HassKey[ReviewPage] = HassKey("plexsync_review_page")


@callback
def review_page(hass: HomeAssistant) -> ReviewPage:
    """Return the review page of this Home Assistant."""
    return hass.data.setdefault(_PAGE, ReviewPage(hass))
