"""Write an item: in one request if that fits and is accepted, otherwise in parts.

Plex refuses a request as a whole, and does not say which field is the cause. That field
is found by halving the request, and the other fields are written.
"""

from bisect import bisect_right
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
_LEAST = 256  # bytes of a request that is not too long for any proxy
REFUSED = frozenset(
    {Reason.BAD_REQUEST, Reason.CONFLICT, Reason.TOO_LARGE, Reason.TOO_LONG}
)
_ADD = "lists_add"


class Lists:
    """What a server does with a list that is sent in parts."""

    def __init__(self, index: Index | None) -> None:
        """Take the index, if any, that stores what is learned."""
        self._index = index
        self._loaded = False
        self.add: bool | None = (
            None  # True: parts are added; False: they replace the list; None: unknown
        )

    async def load(self) -> None:
        """Load what earlier runs have learned."""
        if not self._loaded and self._index is not None:
            self.add = await self._index.trait(_ADD)
        self._loaded = True

    async def learn(self, *, add: bool) -> None:
        """Store whether parts are added to a list."""
        self.add = add
        if self._index is not None:
            await self._index.keep_trait(_ADD, add)


class Write:
    """A write of one item."""

    def __init__(
        self,
        api: PlexApi,
        lists: Lists,
        read: Callable[[str], Awaitable[Item | None]],
        item: Item,
        handle: Handle,
        is_stale: IsStale,
    ) -> None:
        """Take the item as it was read, and a function to read it again."""
        self._api = api
        self._lists = lists
        self._read = read
        self._item = item
        self._handle = handle
        self._is_stale = is_stale
        self._path = f"/library/sections/{handle.section_key}/all"
        self._before = len(f"{api.client.url}{self._path}?")
        self._apart = False
        self._taken = False
        self._refusals = 0
        self._room = MAX_URL  # bytes of the URLs that we build
        self._limit = inf  # bytes of a URL that the server found too long
        self._refused: dict[str, Fault] = {}  # by field
        self._now = item  # the item as it was last read

    async def run(
        self, edits: Sequence[FieldEdit], *, apart: bool
    ) -> Mapping[str, str]:
        """Write; return the refused fields with reasons. Raises Fault if all were refused."""
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
            elif self._is_too_long(request):
                await self._shorten(request)
            else:
                try:
                    await self._put(request)
                except Fault as fault:
                    await self._not_taken(request, fault)

    def _requests(self, edits: Sequence[FieldEdit]) -> list[Request]:
        room = self._room - self._before
        return requests(self._item.rating_key, self._handle, edits, room=room)

    def _is_too_long(self, request: Request) -> bool:
        return self._size(request) >= self._limit

    def _found_too_long(self, request: Request) -> None:
        self._limit = min(self._size(request), self._limit)
        self._room = max(_LEAST, min(self._room, int(self._limit) // 2))

    def _size(self, request: Request) -> int:
        return self._before + len(request.query)

    async def _put(self, request: Request) -> None:
        await self._api.put(self._path, request.query, self._is_stale)
        self._is_stale = never  # the next notification is about our own edit
        self._taken = True

    async def _not_taken(self, request: Request, fault: Fault) -> None:
        """Find the refused fields; raises the fault if no field can be the cause."""
        own = fault.kind is FaultClass.ITEM and fault.reason in REFUSED
        if not own and not (self._apart and fault.reason == Reason.ERROR_500):
            raise fault
        self._is_stale = never
        if fault.reason == Reason.TOO_LONG:
            self._found_too_long(request)
            await self._shorten(request)
            return
        self._refusals += 1
        if len(request.edits) == 1 or self._refusals >= _REFUSALS:
            self._refused |= dict.fromkeys((e.field for e in request.edits), fault)
        else:
            await self._halve(request)

    async def _halve(self, request: Request) -> None:
        half = len(request.edits) // 2
        await self._send(request.edits[:half])
        await self._send(request.edits[half:])

    async def _shorten(self, request: Request) -> None:
        """Send a request that was too long in smaller parts."""
        if len(request.edits) > 1:
            await self._halve(request)
            return
        [edit] = request.edits
        half = len(edit.remove) // 2
        if edit.members:
            await self._in_parts(edit)
        elif half:
            await self._send([replace(edit, remove=edit.remove[:half], lock=None)])
            await self._send([replace(edit, remove=edit.remove[half:])])
        else:
            self._refuse(edit.field, Reason.TOO_LONG)

    def _refuse(self, name: str, reason: str) -> None:
        self._refused[name] = Fault(FaultClass.ITEM, reason, permanent=True)

    # A list that is too long for one request

    async def _in_parts(self, edit: FieldEdit) -> None:
        """Add to a list in parts; if the server replaces the list, restore it.

        Only a try shows which of the two a server does. It is made with one member, and
        only if the previous list can be restored.
        """
        name = edit.field
        await self._lists.load()
        current = _members(self._item, name)
        there = by_name(tuple(current))  # type: ignore[arg-type]  # one kind per field
        missing = [
            member
            for key, member in by_name(edit.members).items()
            if not same_member(there.get(key), member)
        ]
        if missing and not await self._may_cut(name, current):
            self._refuse(name, Reason.TOO_LONG_LIST)
            return
        sent: list[Sequence[Member]] = []
        for some in self._portions(edit, current, missing):
            sent += await self._add(edit, some)
            if name in self._refused:
                if sent:
                    await self._is_replaced(edit, sent)
                    await self._bring_back(name, current)
                return
            if await self._is_replaced(edit, sent) or self._lists.add is None:
                self._refuse(name, Reason.TOO_LONG_LIST)
                await self._bring_back(name, current)
                return
        lock = None if missing else edit.lock
        await self._send([replace(edit, members=(), lock=lock)])

    def _portions(
        self, edit: FieldEdit, current: Sequence[Member], missing: Sequence[Member]
    ) -> list[Sequence[Member]]:
        """Return what to send between reads: little, until the behaviour is known."""
        if not missing:
            return []
        if self._lists.add is not None:
            return [missing]
        stays = any(_name(member) not in edit.remove for member in current)
        few = 1 if stays else 2
        return [missing[:few], missing[few:]]

    async def _may_cut(self, name: str, current: Sequence[Member]) -> bool:
        """Return whether a list may be sent in parts.

        If the server's behaviour is unknown, first send the current list as it is: it
        has to be accepted once more if it turns out to be replaced.
        """
        if self._lists.add is not None:
            return self._lists.add
        for request in self._requests([_edit(name, current)]):
            if self._size(request) > self._room:
                return False
            try:
                await self._put(request)
            except Fault as fault:
                if fault.kind is not FaultClass.ITEM or fault.reason not in REFUSED:
                    raise
                return False
        return True

    async def _add(
        self, edit: FieldEdit, missing: Sequence[Member]
    ) -> list[Sequence[Member]]:
        """Send members, in as many parts as needed; return the parts that were accepted."""
        left, sent = list(missing), list[Sequence[Member]]()
        while left:
            # While the behaviour is unknown, send one by one: does the first one stay?
            most = 1 if self._lists.add is None else len(left)
            request, members = self._part(edit, left[:most])
            if self._is_too_long(request):
                self._refuse(edit.field, Reason.TOO_LONG_LIST)  # even a single member
                break
            try:
                await self._put(request)
            except Fault as fault:
                if fault.kind is not FaultClass.ITEM or fault.reason not in REFUSED:
                    raise
                if fault.reason != Reason.TOO_LONG:
                    self._refuse(edit.field, fault.reason)
                    break
                self._found_too_long(request)
            else:
                sent.append(members)
                del left[: len(members)]
        return sent

    def _part(
        self, edit: FieldEdit, left: Sequence[Member]
    ) -> tuple[Request, Sequence[Member]]:
        """Return a request with as many members as fit, at least one."""

        def make(count: int) -> Request:
            return self._requests([_edit(edit.field, left[:count], edit.lock)])[0]

        count = bisect_right(
            range(1, len(left) + 1), self._room, key=lambda n: self._size(make(n))
        )
        count = max(1, count)
        return make(count), left[:count]

    async def _is_replaced(
        self, edit: FieldEdit, sent: Sequence[Sequence[Member]]
    ) -> bool:
        """Read back; return whether the last part has replaced the others."""
        item = await self._read(self._item.rating_key)
        if item is None or not sent:
            return False
        self._now = item
        there = set(map(_name, _members(item, edit.field)))
        last = set(map(_name, sent[-1]))
        others = {_name(member) for part in sent for member in part}
        others |= set(map(_name, _members(self._item, edit.field)))
        others -= last | set(edit.remove)
        if not others or not last <= there:
            return False  # the read says nothing
        if (add := not others.isdisjoint(there)) is not self._lists.add:
            await self._lists.learn(add=add)
        return not add

    async def _bring_back(self, name: str, members: Sequence[Member]) -> None:
        """Restore a list; if parts are added, just remove the members that are new."""
        back = [_edit(name, members)]  # which was accepted before
        if self._lists.add or not members:
            names = set(map(_name, members))
            gone = [_name(each) for each in _members(self._now, name)]
            gone = [each for each in gone if each not in names]
            back = [replace(_edit(name, ()), remove=tuple(gone))]
        if name not in self._item.locks:
            back.append(FieldEdit(name, lock=False, touch=False))
        try:
            for each in back:
                for request in self._requests([each]):
                    await self._put(request)
        except Fault as fault:
            if fault.kind is not FaultClass.ITEM or fault.reason not in REFUSED:
                raise
            # The list stays incomplete; the ledger knows what it was before.


type Member = str | Actor


def _members(item: Item, name: str) -> Sequence[Member]:
    value = item.fields.get(name)
    return value if isinstance(value, tuple) else ()


def _name(member: Member) -> str:
    return member.name if isinstance(member, Actor) else member


def _edit(name: str, members: Sequence[Member], lock: bool | None = None) -> FieldEdit:
    kept: Any = tuple(members)  # one kind per field
    return FieldEdit(name, members=kept, lock=lock)
