"""The dashboard: made of Home Assistant's own cards and nothing but our entities."""

from collections.abc import Mapping, Sequence
from typing import Any

from .home import Home

PATH = "plexsync-demo"
TITLE = "Demo"  # in the sidebar, where the review page is called PlexSync
THEME = "PlexSync demo"  # see configuration.py

_HOURS = 0.25  # what the graphs show

type Card = dict[str, Any]
type Entities = Mapping[str, str]

_STATES = {"closed": "green", "half_open": "amber", "open": "red"}
_REPAIR = "Settings, at the top, has the repair that asks for it."
# Of each status: how urgent it is, a title, and a sentence.
SAYS = {
    "up_to_date": ("success", "All is well", "What changes in Stash reaches Plex."),
    "syncing": ("success", "Syncing", "What has changed is written to Plex."),
    "waiting_for_plex": ("warning", "Waiting for Plex", "Jobs wait, and none is lost."),
    "waiting_for_source": (
        "warning",
        "Stash does not answer",
        "What it has sent so far is written all the same.",
    ),
    "needs_review": ("info", "You are asked something", _REPAIR),
    "off": ("info", "Sync is off", "Jobs are kept, and nothing is written."),
    "storage_failed": ("error", "The disk cannot be written", "Is it full?"),
    "wrong_server": ("error", "Another Plex answers", _REPAIR),
    "address_unknown": ("error", "Plex's address is unknown", _REPAIR),
    "token_refused": ("error", "Plex refuses the token", _REPAIR),
    "library_gone": ("error", "No chosen library exists", _REPAIR),
    "ledger_in_doubt": ("error", "The memory is in doubt", _REPAIR),
}


async def install(home: Home, entities: Entities) -> None:
    """Put the dashboard in, and open it by default."""
    async with home.connection() as connection:
        for dashboard in await connection.command("lovelace/dashboards/list"):
            await connection.command(
                "lovelace/dashboards/delete", dashboard_id=dashboard["id"]
            )
        await connection.command(
            "lovelace/dashboards/create",
            url_path=PATH,
            title=TITLE,
            icon="mdi:sync",
        )
        await connection.command(
            "lovelace/config/save", url_path=PATH, config=dashboard_of(entities)
        )
        await connection.command(
            "frontend/set_system_data", key="core", value={"default_panel": PATH}
        )


def dashboard_of(entities: Entities) -> dict[str, Any]:
    """Describe the dashboard."""
    view = {
        "title": "PlexSync",
        "path": "demo",
        "type": "sections",
        "theme": THEME,
        "max_columns": 3,
        "sections": [
            _circuit(entities),
            _queue(entities),
            _outages(entities),
            _history(entities),
            _events(entities),
        ],
    }
    return {"views": [view]}


def _circuit(entities: Entities) -> Card:
    circuit, status = entities["sensor.circuit"], entities["sensor.status"]
    return _section(
        "Status",
        "mdi:sync-circle",
        [
            *(
                {
                    "type": "markdown",
                    "content": _alert(word),
                    "text_only": True,
                    "visibility": _while(status, word),
                }
                for word in SAYS
            ),
            *(
                _tile(
                    circuit,
                    "Circuit",
                    color,
                    # Not when the state changed last: that is when Home Assistant
                    # started, where it has been so since before.
                    state_content=["state"],
                    grid_options={"columns": 12, "rows": 1},
                    visibility=_while(circuit, state),
                )
                for state, color in _STATES.items()
            ),
            _tile(entities["binary_sensor.plex"], "Plex", "green"),
            _tile(entities["binary_sensor.source"], "Stash", "green"),
            _tile(
                entities["sensor.next_probe"],
                "Next probe",
                "amber",
                visibility=_while(circuit, "open"),
            ),
            *(
                _button(
                    entities["button.reset_circuit"],
                    "Reset circuit",
                    grid_options={"columns": columns, "rows": 1},
                    visibility=_while(circuit, *states),
                )
                for columns, states in ((6, ["open"]), (12, ["closed", "half_open"]))
            ),
            _tile(
                entities["switch.sync"],
                "Sync",
                "green",
                features=[{"type": "toggle"}],
                features_position="inline",
                grid_options={"columns": 12, "rows": 1},
            ),
        ],
    )


def _alert(status: str) -> str:
    kind, title, text = SAYS[status]
    return f"<ha-alert alert-type='{kind}' title='{title}'>{text}</ha-alert>"


def _queue(entities: Entities) -> Card:
    return _section(
        "Queue",
        "mdi:tray-full",
        [
            *_lit(entities["sensor.pending"], "Jobs to do", "amber"),
            *_lit(entities["sensor.failed"], "Failed", "red"),
            _tile(entities["sensor.synced"], "Synced", "green"),
            _tile(entities["sensor.unchanged"], "Unchanged", "blue-grey"),
            _tile(entities["sensor.last_sync"], "Last sync", "blue"),
            _tile(entities["binary_sensor.out_of_sync"], "Out of sync", "red"),
            _button(entities["button.retry_failed"], "Retry failed"),
            _button(entities["button.reconcile"], "Compare"),
        ],
    )


def _outages(entities: Entities) -> Card:
    return _section(
        "Outages",
        "mdi:timeline-alert-outline",
        [
            {
                "type": "gauge",
                "entity": entities["sensor.availability"],
                "name": "Availability",
                "min": 0,
                "max": 100,
                "severity": {"green": 99, "yellow": 90, "red": 0},
                "grid_options": {"columns": 12, "rows": 3},
            },
            *_lit(entities["sensor.outages"], "Outages", "red"),
            _tile(entities["sensor.last_outage"], "Last outage", "red"),
        ],
    )


def _history(entities: Entities) -> Card:
    section = _section(
        "The last quarter of an hour",
        "mdi:chart-timeline-variant",
        [
            _graph(entities["sensor.circuit"], "Circuit", {}),
            _graph(
                entities["sensor.pending"], "Jobs to do", {"rows": 4}, color="#ffa000"
            ),
        ],
    )
    return section | {"column_span": 2}


def _events(entities: Entities) -> Card:
    return _section(
        "What happened",
        "mdi:bell-outline",
        [
            _tile(
                entities["event.sync_event"],
                "Last event",
                "primary",
                state_content=["event_type", "last_changed"],
                grid_options={"columns": 12, "rows": 1},
            ),
            {
                "type": "logbook",
                "target": {"entity_id": [entities["event.sync_event"]]},
                "hours_to_show": 24,
                "grid_options": {"columns": 12, "rows": 5},
            },
        ],
    )


def _section(title: str, icon: str, cards: Sequence[Card]) -> Card:
    heading = {"type": "heading", "heading": title, "icon": icon}
    return {"type": "grid", "cards": [heading, *cards]}


def _tile(entity: str, name: str, color: str, **more: Any) -> Card:
    return {"type": "tile", "entity": entity, "name": name, "color": color, **more}


def _lit(entity: str, name: str, color: str) -> tuple[Card, Card]:
    """Show a number in a colour that calls, unless it is none."""

    def only(**bound: float) -> list[Card]:
        return [{"condition": "numeric_state", "entity": entity, **bound}]

    return (
        _tile(entity, name, color, visibility=only(above=0.5)),
        _tile(entity, name, "green", visibility=only(below=0.5)),
    )


def _while(entity: str, *states: str) -> list[Card]:
    """Show a card only in some states."""
    return [{"condition": "state", "entity": entity, "state": list(states)}]


def _button(entity: str, name: str, **more: Any) -> Card:
    press = {
        "action": "perform-action",
        "perform_action": "button.press",
        "target": {"entity_id": entity},
    }
    return _tile(entity, name, "primary", hide_state=True, tap_action=press, **more)


def _graph(entity: str, name: str, size: Card, **more: Any) -> Card:
    return {
        "type": "history-graph",
        "hours_to_show": _HOURS,
        "entities": [{"entity": entity, "name": name, **more}],
        "grid_options": {"columns": "full", **size},
    }
