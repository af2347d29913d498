"""What the tests need on the Home Assistant that their plugin does not come with yet.

``scripts/test --next`` loads it before any other plugin. It mends what the test plugin
takes for granted of its own version, and leaves out the tests of ``LEFT_OUT``. Once
there is a plugin for that version, all of this goes.
"""

# The first import makes other libraries' names known, which the plugin asks for.
import homeassistant  # noqa: F401  # isort: skip

from operator import attrgetter

from homeassistant.components import logger
from homeassistant.helpers.restore_state import RestoreStateData
import pytest

# The plugin imports it from where it was; only a test of core's own uses it.
if not hasattr(logger, "_clear_logger_overwrites"):
    logger._clear_logger_overwrites = None  # type: ignore[attr-defined]  # noqa: SLF001  # never called

# The plugin plants restored states under the name that they had.
if "last_states" not in vars(RestoreStateData):
    RestoreStateData.last_states = property(  # type: ignore[attr-defined]
        attrgetter("last_states_by_entity_id"),
        lambda self, found: setattr(self, "last_states_by_entity_id", found),
    )

# Tests that fail for what the plugin lacks, and what that is.
_BEFORE = "its processes import the plugin by themselves, before this is"
_IDS = "last states go by ids of the registry, which the plugin's Home Assistant does not keep"
LEFT_OUT: dict[str, str] = {
    "tests/proofs/test_mutants.py::test_a_handful_is_caught": _BEFORE,
    "tests/test_counter.py::test_an_older_database_takes_nothing_back": _IDS,
    "tests/test_counter.py::test_a_lost_database_takes_nothing_back": _IDS,
    "tests/test_counter.py::test_a_reload_changes_nothing": _IDS,
}


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave them out, and say so."""
    left_out = [item for item in items if item.nodeid.partition("[")[0] in LEFT_OUT]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
