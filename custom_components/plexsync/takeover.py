"""A Plex that was installed anew, with the same files: the entry goes on with it.

The owner is asked in the entry's own reconfigure flow, which a repair leads to as well.
What is kept of the old machine's keys is let go of at the next set-up, in one
transaction, before anything is asked of the new one.
"""

from collections.abc import Collection, Sequence
from sqlite3 import Connection
from typing import TYPE_CHECKING, Final

from .const import CONF_MACHINE_ID
from .engine import other_machine
from .plex import index
from .plex.library import Library
from .plex.paths import key

if TYPE_CHECKING:
    from .coordinator import PlexSyncCoordinator

LOOK: Final = "look"  # begins a reconfigure flow with a look at who answers now


def preset(
    chosen: Collection[str], known: Sequence[Library], there: Sequence[Library]
) -> list[str]:
    """Give those libraries that are chosen, or stand for a chosen one elsewhere.

    ``chosen`` are uuids, ``known`` is what is remembered of them. One that is not there
    is told by its folders, else by its title, among those of its type.
    """
    uuids = {each.uuid for each in there}
    lost = [each for each in known if each.uuid in chosen and each.uuid not in uuids]
    found = {each.uuid for each in there if each.uuid in chosen}
    for old in lost:
        same = [each for each in there if each.type == old.type]
        folders = set(map(key, old.locations))
        heirs = [each for each in same if folders & set(map(key, each.locations))]
        found |= {
            each.uuid for each in heirs or same if heirs or each.title == old.title
        }
    return [each.uuid for each in there if each.uuid in found]


async def async_recognise_machine(coordinator: PlexSyncCoordinator) -> bool:
    """Let go of another machine's keys, once; say whether there were any.

    Raises StorageError.
    """
    machine = coordinator.config_entry.data[CONF_MACHINE_ID]

    def recognise(db: Connection) -> bool:
        if is_other := other_machine.recognise(db, machine):
            index.clear(db)
        return is_other

    return await coordinator.engine.database.run(recognise)
