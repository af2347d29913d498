"""The sidebar page ``/plexsync``: its files, and whether it is there.

It stays over a reload of an entry, which would send whoever looks at it away. It goes with
the last server whose owner wants it.
"""

import hashlib
from pathlib import Path
from typing import Final

from homeassistant.components import frontend, panel_custom
from homeassistant.components.http.server import StaticPathConfig
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .const import CONF_REVIEW_PAGE, DOMAIN

_FOLDER: Final = Path(__file__).parent / "panel"
_VERSION: HassKey[str] = HassKey("plexsync_review_page")
_SHOWN: HassKey[bool] = HassKey("plexsync_review_page_shown")


def _digest() -> str:
    """Name the files as they are: a browser keeps each by its address."""
    digest = hashlib.sha256()
    for file in sorted(_FOLDER.glob("*.js")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@callback
def async_version(hass: HomeAssistant) -> str:
    """Give the version of the files that are served."""
    return hass.data[_VERSION]


async def async_serve(hass: HomeAssistant) -> None:
    """Serve the files, which are public and hold nothing of anybody."""
    version = hass.data[_VERSION] = await hass.async_add_executor_job(_digest)
    await hass.http.async_register_static_paths(
        [StaticPathConfig(f"/{DOMAIN}_static/{version}", str(_FOLDER), True)]
    )


@callback
def async_follow(hass: HomeAssistant) -> None:
    """Show the page while a server has it, and take it away after the last one."""
    if "frontend" not in hass.config.components:
        return
    wanted = any(
        entry.disabled_by is None and entry.options.get(CONF_REVIEW_PAGE, True)
        for entry in hass.config_entries.async_entries(DOMAIN)
    )
    shown = hass.data.get(_SHOWN, False)
    if wanted and not frontend.async_panel_exists(hass, DOMAIN):
        hass.data[_SHOWN] = True
        hass.async_create_task(_show(hass), f"{DOMAIN} review page")
    elif shown and not wanted:
        hass.data[_SHOWN] = False
        frontend.async_remove_panel(hass, DOMAIN, warn_if_unknown=False)


async def _show(hass: HomeAssistant) -> None:
    version = async_version(hass)
    await panel_custom.async_register_panel(
        hass,
        frontend_url_path=DOMAIN,
        webcomponent_name=f"{DOMAIN}-panel",
        sidebar_title="PlexSync",
        sidebar_icon="mdi:movie-check-outline",
        module_url=f"/{DOMAIN}_static/{version}/panel.js",
        config={"version": version},
        require_admin=True,
    )
