"""Write an item: in one request if that fits and is accepted, otherwise in parts.

Plex refuses a request as a whole, and does not say which field is the cause. That field
is found by halving the request, and the other fields are written.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from ..engine.model.compare import by_name, same_member
from ..engine.model.faults import Fault, FaultClass
from ..engine.model.ports import FieldEdit, IsStale, Item, never
from ..engine.model.reasons import Reason
from ..engine.model.record import Actor
from .api import PlexApi
from .edit import MAX_URL, Request, requests
from .index import Index
from .items import Handle

_REFUSALS = 12  # refused requests at most while searching for the refused field
_REFUSED = frozenset(
    {Reason.BAD_REQUEST, Reason.CONFLICT, Reason.TOO_LARGE, Reason.TOO_LONG}
)
# What is remembered of the server: True if the parts of a list are added to it, False if
# each part replaces the list.
_ADD = "lists_add"


class Write:
    """A write of one item."""

    def __init__(
        self,
        api: PlexApi,
        index: Index,
        read: Callable[[str], Awaitable[Item | None]],
        item: Item,
        handle: Handle,
    ) -> None:
        """Take the item as it was read, and a function to read it again."""
        self._api = api
        self._index = index
        self._read = read
        self._item = item
        self._handle = handle
        self._path = f"/library/sections/{handle.section_key}/all"
        self._before = len(f"{api.client.url}{self._path}?")
        self._is_stale: IsStale = never
        self._apart = False
        self._taken = False
        self._refusals = 0
        self._limit = inf  # bytes of a URL that the server found too long
        self._refused: dict[str, Fault] = {}  # by field
        self._adds: bool | None = None  # ``lists_add``, None if it is unknown
        self._now = item  # the item as it was last read

    async def run(
        self, edits: Sequence[FieldEdit], is_stale: IsStale, *, apart: bool
    ) -> Mapping[str, str]:
        """Write; return the refused fields with reasons. Raises Fault if all were refused."""
        self._is_stale = is_stale
        self._apart = apart
        await self._send(edits)
        if self._refused and not self._taken:
            fault = next(iter(self._refused.values()))
            if fault.kind is not FaultClass.ITEM:
                raise fault
            raise Fault(
                fault.kind, fault.reason, permanent=True, fields=tuple(self._refused)
            )
        return {name: fault.reason for name, fault in self._refused.items()}

    async def _send(self, edits: Sequence[FieldEdit]) -> None:
        """Send edits, together if they fit, and find out which are refused."""
        for request in self._requests(edits):
            left = [each for each in request.edits if each.field not in self._refused]
            if len(left) < len(request.edits):
                await self._send(left)  # drop a list of which another part was refused
            elif (fault := await self._put(request)) is not None:
                await self._divide(request.edits, fault)

    def _requests(self, edits: Sequence[FieldEdit]) -> list[Request]:
        room = MAX_URL - self._before
        return requests(self._item.rating_key, self._handle, edits, room=room)

    async def _put(self, request: Request) -> Fault | None:
        """Send a request; return the fault if Plex refuses it. Raises other faults.

        What is as long as a request that was too long is not sent again.
        """
        size = self._before + len(request.query)
        if size >= self._limit:
            return Fault(FaultClass.ITEM, Reason.TOO_LONG, permanent=True)
        # The next notification is about our own edit.
        is_stale, self._is_stale = self._is_stale, never
        try:
            await self._api.put(self._path, request.query, is_stale)
        except Fault as fault:
            own = fault.kind is FaultClass.ITEM and fault.reason in _REFUSED
            if not own and not (self._apart and fault.reason == Reason.ERROR_500):
                raise
            if fault.reason == Reason.TOO_LONG:
                self._limit = size
            return fault
        self._taken = True
        return None

    async def _divide(self, edits: Sequence[FieldEdit], fault: Fault) -> None:
        """Send a refused request in smaller parts, until only refused fields are left."""
        is_too_long = fault.reason == Reason.TOO_LONG
        self._refusals += not is_too_long
        edit = edits[0]
        if len(edits) > 1 and (is_too_long or self._refusals < _REFUSALS):
            half = len(edits) // 2
            await self._send(edits[:half])
            await self._send(edits[half:])
        elif is_too_long and edit.members:
            await self._in_parts(edit)
        elif is_too_long and len(edit.remove) > 1:
            half = len(edit.remove) // 2
            await self._send([replace(edit, remove=edit.remove[:half], lock=None)])
            await self._send([replace(edit, remove=edit.remove[half:])])
        else:
            self._refused |= dict.fromkeys((each.field for each in edits), fault)

    # A list that is too long for one request

    async def _in_parts(self, edit: FieldEdit) -> None:
        """Add to a list in parts; if the server replaces the list, restore it.

        Only a try shows which of the two a server does. It is made with two members, and
        only if the previous list can be restored.
        """
        name, current = edit.field, _members(self._item, edit.field)
        there = by_name(tuple(current))  # type: ignore[arg-type]  # one kind per field
        missing = [
            member
            for key, member in by_name(edit.members).items()
            if not same_member(there.get(key), member)
        ]
        if missing and not await self._may_cut(name, current):
            self._refuse(name, Reason.TOO_LONG_LIST)
            return
        # Until the behaviour is known, two members have to show it.
        few = len(missing) if self._adds else 2
        sent: list[Sequence[Member]] = []
        for some in (missing[:few], missing[few:]):
            if not some:
                break
            sent += await self._add(edit, some)
            await self._find_out(edit, sent)
            if not self._adds and name not in self._refused:
                self._refuse(name, Reason.TOO_LONG_LIST)
            if name in self._refused:
                if sent:
                    await self._bring_back(name, current)
                return
        lock = None if missing else edit.lock
        await self._send([replace(edit, members=(), lock=lock)])

    def _refuse(self, name: str, reason: str) -> None:
        self._refused[name] = Fault(FaultClass.ITEM, reason, permanent=True)

    async def _may_cut(self, name: str, current: Sequence[Member]) -> bool:
        """Return whether a list may be sent in parts.

        If the server's behaviour is unknown, first send the current list as it is: it
        has to be accepted once more if it turns out to be replaced.
        """
        self._adds = await self._index.trait(_ADD)
        if self._adds is None:
            for request in self._requests([_edit(name, current)]):
                if await self._put(request) is not None:
                    return False
        return self._adds is not False

    async def _add(
        self, edit: FieldEdit, missing: Sequence[Member]
    ) -> list[Sequence[Member]]:
        """Send members, in as many parts as needed; return the parts that were accepted."""
        sent: list[Sequence[Member]] = []
        # While the behaviour is unknown, send one by one: does the first one stay?
        most = len(missing) if self._adds else 1
        while missing:
            some = missing[:most]
            [request] = self._requests([_edit(edit.field, some, edit.lock)])
            fault = await self._put(request)
            if fault is None:
                sent.append(some)
                missing = missing[most:]
            elif fault.reason != Reason.TOO_LONG:
                self._refuse(edit.field, fault.reason)
                break
            elif len(some) == 1:
                self._refuse(edit.field, Reason.TOO_LONG_LIST)
                break
            else:
                most = len(some) // 2
        return sent

    async def _find_out(
        self, edit: FieldEdit, sent: Sequence[Sequence[Member]]
    ) -> None:
        """Read back, and remember whether the last part was added or replaced the others."""
        item = await self._read(self._item.rating_key) if sent else None
        if item is None:
            return
        self._now = item
        there = set(map(_name, _members(item, edit.field)))
        last = set(map(_name, sent[-1]))
        others = {_name(member) for part in sent for member in part}
        others |= set(map(_name, _members(self._item, edit.field)))
        others -= last | set(edit.remove)
        if not others or not last <= there:
            return  # the read says nothing
        if (adds := not others.isdisjoint(there)) is not self._adds:
            self._adds = adds
            await self._index.keep_trait(_ADD, adds)

    async def _bring_back(self, name: str, members: Sequence[Member]) -> None:
        """Restore a list; if parts are added, just remove the members that are new.

        If that is refused the list stays incomplete; the ledger knows what it was before.
        """
        back = [_edit(name, members)]  # which was accepted before
        if self._adds or not members:
            names = set(map(_name, members))
            now = map(_name, _members(self._now, name))
            gone = tuple(each for each in now if each not in names)
            back = [FieldEdit(name, remove=gone, lock=None)]
        if name not in self._item.locks:
            back.append(FieldEdit(name, lock=False, touch=False))
        for edit in back:
            for request in self._requests([edit]):
                if await self._put(request) is not None:
                    return


type Member = str | Actor


def _members(item: Item, name: str) -> Sequence[Member]:
    value = item.fields.get(name)
    return value if isinstance(value, tuple) else ()


def _name(member: Member) -> str:
    return member.name if isinstance(member, Actor) else member


def _edit(name: str, members: Sequence[Member], lock: bool | None = None) -> FieldEdit:
    kept: Any = tuple(members)  # one kind per field
    return FieldEdit(name, members=kept, lock=lock)
