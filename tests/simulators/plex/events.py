"""The notifications that Plex sends: containers as dicts, delivered to subscribers."""

from collections.abc import Callable
from typing import Any

from .state import Item, Section
from .switches import Switches

Event = dict[str, Any]
Listener = Callable[[Event], None]

CREATED, PROCESSING, MATCHING, DOWNLOADING, LOADING, DONE, DELETED = 0, 1, 2, 3, 4, 5, 9

SCANNING = "library.update.section"
REFRESHING = "library.refresh.items"
_ACTIVITIES = {SCANNING: "Scanning", REFRESHING: "Refreshing"}
_PROGRESS = {"started": 0, "progress": 50, "ended": 100}


class Notifier:
    """Hand events to whoever subscribed, at once and in order."""

    def __init__(self, switches: Switches) -> None:
        """Start with nobody listening."""
        self._switches = switches
        self._listeners: list[Listener] = []
        self._activities = 0
        self.count = 0

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event from now on; return how to stop it."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def emit(self, event: Event) -> None:
        """Send one event."""
        self.count += 1
        for listener in tuple(self._listeners):
            listener(event)

    def timeline(
        self, item: Item, state: int, updated_at: int, metadata_state: str | None = None
    ) -> None:
        """Tell where an item stands in its life; `DONE` has no metadata state."""
        if not self._listeners:
            self.count += 1
            return
        text: Callable[[int], str | int] = (
            (lambda n: n) if self._switches.numeric_event_ids else str
        )
        entry: dict[str, Any] = {
            "identifier": "com.plexapp.plugins.library",
            "sectionID": text(item.section.key),
            "itemID": text(item.rating_key),
            "type": int(item.type),
            "title": item.title,
            "state": state,
            "updatedAt": updated_at,
        }
        if metadata_state is not None:
            entry["metadataState"] = metadata_state
        self.emit({"type": "timeline", "size": 1, "TimelineEntry": [entry]})

    def new_activity(self) -> str:
        """Return the id of a new activity."""
        self._activities += 1
        return f"00000000-0000-4000-8000-{self._activities:012d}"

    def activity(self, uuid: str, event: str, kind: str, section: Section) -> None:
        """Tell how a running task goes: `event` is started, progress or ended."""
        activity = {
            "uuid": uuid,
            "type": kind,
            "cancellable": False,
            "userID": 1,
            "title": _ACTIVITIES[kind],
            "subtitle": section.title,
            "progress": _PROGRESS[event],
            "Context": {"librarySectionID": str(section.key)},
        }
        notification = {"event": event, "uuid": uuid, "Activity": activity}
        self.emit(
            {"type": "activity", "size": 1, "ActivityNotification": [notification]}
        )

    def status(self, title: str, name: str) -> None:
        """Tell a status line, such as the end of a scan."""
        self.emit(
            {
                "type": "status",
                "size": 1,
                "StatusNotification": [
                    {"title": title, "description": title, "notificationName": name}
                ],
            }
        )
