"""Continue an entry with a Plex that was reinstalled, with the same files.

The entry's reconfigure flow asks the owner; a repair leads there as well. The next
set-up forgets the old machine's keys, in one transaction, before it asks the new machine
anything.
"""

from collections.abc import Collection, Sequence
from sqlite3 import Connection
from typing import Final

from .engine import other_machine
from .engine.database.database import Database
from .plex import index
from .plex.library import Library
from .plex.paths import key

LOOK: Final = "look"  # lets a reconfigure flow first check which server answers now


def preset(
    chosen: Collection[str], known: Sequence[Library], there: Sequence[Library]
) -> list[str]:
    """Return the libraries to preselect: chosen ones, or those that replace one.

    ``chosen`` are uuids, ``known`` is what is remembered of them. A library that is not
    ``there`` is replaced by those of its type that share a folder, or else its title.
    """
    uuids = {each.uuid for each in there}
    lost = [each for each in known if each.uuid in chosen and each.uuid not in uuids]
    found = {each.uuid for each in there if each.uuid in chosen}
    for old in lost:
        same = [each for each in there if each.type == old.type]
        folders = set(map(key, old.locations))
        by_folder = [each for each in same if folders & set(map(key, each.locations))]
        by_title = [each for each in same if each.title == old.title]
        found |= {each.uuid for each in by_folder or by_title}
    return [each.uuid for each in there if each.uuid in found]


async def async_recognise_machine(database: Database, machine: str) -> bool:
    """Forget another machine's keys, once; return whether there were any.

    Raises StorageError.
    """

    def recognise(db: Connection) -> bool:
        if is_other := other_machine.recognise(db, machine):
            index.clear(db)
        return is_other

    return await database.run(recognise)
