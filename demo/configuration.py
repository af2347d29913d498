"""A lean configuration for Home Assistant, on which nothing is downloaded and nobody else gets in."""

import json
from pathlib import Path

from .place import HOST

# default_config without what needs hardware, a cloud or libraries of its own.
_CONFIGURATION = """\
homeassistant:
  name: PlexSync demo
  country: DE
  currency: EUR
  unit_system: metric

automation:
config:
frontend:
  themes:
    # The circuit's timeline: closed, open and half open, in this order.
    PlexSync demo:
      graph-color-1: "#43a047"
      graph-color-2: "#e53935"
      graph-color-3: "#ffb300"
history:
logbook:
my:
recorder:
  commit_interval: 1
script:
system_health:

logger:
  default: warning
  logs:
    custom_components.plexsync: {level}
    # It warns that a custom integration was found.
    homeassistant.loader: error
    # Two libraries of the operating system that no camera here needs.
    haffmpeg: critical
    homeassistant.components.camera.img_util: critical
"""


def write(config: Path, repository: Path, port: int, *, level: str = "info") -> None:
    """Make the folder from which Home Assistant starts, and leave alone what is there."""
    storage = config / ".storage"
    storage.mkdir(parents=True, exist_ok=True)
    components = config / "custom_components"
    if not (components.exists() or components.is_symlink()):
        components.symlink_to(repository / "custom_components")
    (config / "configuration.yaml").write_text(_CONFIGURATION.format(level=level))
    # The log-in is no secret: only this machine may try it. YAML would be imported
    # with a repair, and taken back after five minutes.
    _seed(
        storage,
        "http",
        (2, 2),
        {
            "stable": {
                "server_host": [HOST],
                "server_port": port,
                "cors_allowed_origins": ["https://cast.home-assistant.io"],
                "login_attempts_threshold": -1,
                "ip_ban_enabled": True,
                "ssl_profile": "modern",
                "use_x_frame_options": True,
                "created_at": "2026-01-01T00:00:00+00:00",
                "error": None,
                "error_message": None,
            },
            "pending": None,
            "yaml_migration_done": True,
        },
    )
    # This step would set up four integrations, whose libraries are not here.
    _seed(storage, "onboarding", (4, 1), {"done": ["core_config"]})


def _seed(
    storage: Path, key: str, version: tuple[int, int], data: dict[str, object]
) -> None:
    """Write a file of Home Assistant's storage, unless it has its own by now."""
    file = storage / key
    if not file.exists():
        major, minor = version
        file.write_text(
            json.dumps(
                {"version": major, "minor_version": minor, "key": key, "data": data}
            )
        )
