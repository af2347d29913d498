"""Set up PlexSync through its own flows, as a person does in the browser."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from .home import Home, HomeError

_FIX = "/api/repairs/issues/fix"
_FLOW = "/api/config/config_entries/flow"
_PAUSE = 0.2  # seconds between two looks at a flow that is busy
_SUBENTRY_FLOW = "/api/config/config_entries/subentries/flow"


def preset(schema: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Fill a form with what it shows when it opens."""
    entered: dict[str, Any] = {}
    for field in schema:
        suggested = (field.get("description") or {}).get("suggested_value")
        if field.get("type") == "expandable":
            entered[field["name"]] = preset(field["schema"])
        elif suggested is not None:
            entered[field["name"]] = suggested
        elif "default" in field:
            entered[field["name"]] = field["default"]
    return entered


async def _submit(
    home: Home, path: str, flow: Mapping[str, Any], **entered: Any
) -> dict[str, Any]:
    """Send a form, preset where nothing was entered. Raises HomeError if it is refused."""
    form = preset(flow["data_schema"]) | entered
    answer: dict[str, Any] = await home.post(f"{path}/{flow['flow_id']}", form)
    while answer["type"] == "progress":
        await asyncio.sleep(_PAUSE)
        answer = await home.get(f"{path}/{flow['flow_id']}")
    if answer.get("errors"):
        raise HomeError(f"step {answer['step_id']}: {answer['errors']}")
    if answer["type"] == "abort":
        raise HomeError(f"the flow stopped: {answer['reason']}")
    return answer


async def add_server(home: Home, url: str, token: str) -> str:
    """Add a Plex server with the first of its libraries; give the entry's id."""
    menu = await home.post(_FLOW, {"handler": "plexsync"})
    way = {"next_step_id": "manual"}
    flow = await home.post(f"{_FLOW}/{menu['flow_id']}", way)
    flow = await _submit(home, _FLOW, flow, url=url, token=token)
    libraries = flow["data_schema"][0]["selector"]["select"]["options"]
    made = await _submit(home, _FLOW, flow, libraries=[libraries[0]["value"]])
    return str(made["result"]["entry_id"])


async def add_stash(
    home: Home,
    entry_id: str,
    url: str,
    api_key: str | None = None,
    start: str = "everything",
) -> str:
    """Add a Stash, mapped as suggested, all of it synced unless told otherwise.

    Give how many files were found.
    """
    flow = await home.post(_SUBENTRY_FLOW, {"handler": [entry_id, "stash"]})
    access = {"url": url} if api_key is None else {"url": url, "api_key": api_key}
    flow = await _submit(home, _SUBENTRY_FLOW, flow, **access)
    if flow["step_id"] == "paths":
        flow = await _submit(home, _SUBENTRY_FLOW, flow)
    found = flow["description_placeholders"]
    await _submit(home, _SUBENTRY_FLOW, flow, start=start)
    return f"{found['found']} of {found['total']}"


async def begin(home: Home, entry_id: str, source: str) -> None:
    """Answer the first plan of a source in its repair: it may be written."""
    issue = f"preview_ready_{entry_id}_{source}"
    flow = await home.post(_FIX, {"handler": "plexsync", "issue_id": issue})
    while flow["type"] == "menu":  # again, where the numbers are others by now
        answer = {"next_step_id": "begin"}
        flow = await home.post(f"{_FIX}/{flow['flow_id']}", answer)
