"""The answers about the server itself."""

from dataclasses import dataclass

from .markup import Attr, Node

VERSION = "1.43.1.10611-sim"


@dataclass(slots=True)
class Identity:
    """Who the server says it is; faults replace parts of it for a while."""

    machine_identifier: str
    start_state: str | None = None
    hide_sections: bool = False
    friendly_name: str = "Simulated Plex"
    version: str = VERSION


def identity_attrs(who: Identity) -> dict[str, Attr]:
    """Return the attributes of `/identity`."""
    attrs: dict[str, Attr] = {
        "size": 0,
        "claimed": True,
        "machineIdentifier": who.machine_identifier,
        "version": who.version,
        "apiVersion": "1.2.0",
    }
    if who.start_state is not None:
        attrs["startState"] = who.start_state
    return attrs


def root_attrs(who: Identity, now: int) -> dict[str, Attr]:
    """Return the attributes of `/`."""
    attrs: dict[str, Attr] = {
        "size": len(ROOT_ROWS),
        "allowCameraUpload": False,
        "allowChannelAccess": True,
        "allowMediaDeletion": True,
        "allowSharing": True,
        "allowSync": False,
        "allowTuners": True,
        "apiVersion": "1.2.0",
        "backgroundProcessing": True,
        "certificate": True,
        "companionProxy": True,
        "countryCode": "usa",
        "diagnostics": "logs,databases,streaminglogs",
        "eventStream": True,
        "friendlyName": who.friendly_name,
        "hubSearch": True,
        "itemClusters": True,
        "livetv": 7,
        "machineIdentifier": who.machine_identifier,
        "mediaProviders": True,
        "multiuser": True,
        "musicAnalysis": 2,
        "myPlex": True,
        "myPlexMappingState": "mapped",
        "myPlexSigninState": "ok",
        "myPlexSubscription": False,
        "offlineTranscode": True,
        "ownerFeatures": "",
        "photoAutoTag": True,
        "platform": "Linux",
        "platformVersion": "6.1.0",
        "pluginHost": True,
        "pushNotifications": False,
        "readOnlyLibraries": False,
        "requestParametersInCookie": True,
        "streamingBrainVersion": 2,
        "sync": True,
        "transcoderActiveVideoSessions": 0,
        "transcoderAudio": True,
        "transcoderLyrics": True,
        "transcoderPhoto": True,
        "transcoderSubtitles": True,
        "transcoderVideo": True,
        "transcoderVideoBitrates": "64,96,208,320,720,1500,2000,3000,4000,8000,20000",
        "transcoderVideoQualities": "0,1,2,3,4,5,6,7,8,9,10,11",
        "transcoderVideoResolutions": "128,128,160,240,320,480,768,720,720,1080,1080",
        "updatedAt": now,
        "updater": True,
        "version": who.version,
        "voiceSearch": True,
    }
    if who.start_state is not None:
        attrs["startState"] = who.start_state
    return attrs


ROOT_ROWS = [
    Node("Directory", {"count": 1, "key": key, "title": key})
    for key in ("butler", "library", "statistics")
]

LIBRARY_ATTRS: dict[str, Attr] = {
    "size": 3,
    "allowSync": False,
    "art": "/:/resources/library-art.png",
    "content": "",
    "identifier": "com.plexapp.plugins.library",
    "mediaTagPrefix": "/system/bundle/media/flags/",
    "mediaTagVersion": 1700000000,
    "title1": "Plex Library",
    "title2": "",
}

LIBRARY_ROWS = [
    Node("Directory", {"key": "sections", "title": "Library Sections"}),
    Node("Directory", {"key": "recentlyAdded", "title": "Recently Added Content"}),
    Node("Directory", {"key": "onDeck", "title": "On Deck Content"}),
]

_PREFERENCES: tuple[tuple[str, str, int | str], ...] = (
    ("ButlerStartHour", "int", 2),
    ("ButlerEndHour", "int", 5),
    ("autoEmptyTrash", "bool", "true"),
)


def preference_rows() -> list[Node]:
    """Return the rows of `/:/prefs`."""
    return [
        Node(
            "Setting",
            {
                "id": name,
                "type": kind,
                "default": value,
                "value": value,
                "hidden": False,
            },
        )
        for name, kind, value in _PREFERENCES
    ]


def butler_rows() -> list[Node]:
    """Return the rows of `/butler`."""
    return [
        Node(
            "ButlerTask",
            {"name": name, "interval": 1, "scheduleRandomized": False, "enabled": True},
        )
        for name in ("BackupDatabase", "OptimizeDatabase", "CleanOldBundles")
    ]
