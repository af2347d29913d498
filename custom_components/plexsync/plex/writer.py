"""Writing one item: in one request where it fits and is taken, in parts where not.

What Plex refuses of an edit it refuses with all that came along. Which field it was
nobody says: it is found by halving, and the others are written.
"""

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

from ..engine.compare import by_name, same_member
from ..engine.ports import FieldEdit, IsStale, Item, never
from ..engine.record import Actor
from ..engine.retry import Fault, FaultClass
from .api import PlexApi
from .edit import MAX_URL, Request, requests
from .index import Index
from .items import Handle

_REFUSALS = 12  # requests that may be refused in search of the field that is to blame
_LEAST = 256  # bytes of a request that no proxy finds too long
REFUSED = frozenset({"bad_request", "conflict", "too_large", "too_long"})
_TOO_LONG = "too_long"
_ADD = "lists_add"
TOO_LONG_LIST = "too_long_list"


class Lists:
    """What one server does with a list that comes in parts."""

    def __init__(self, index: Index | None) -> None:
        """Know nothing yet; with an index what was learnt outlives us."""
        self._index = index
        self._loaded = False
        self.add: bool | None = (
            None  # to what stands there, or replace it; None: not seen
        )

    async def load(self) -> None:
        """Read what an earlier run has learnt."""
        if not self._loaded and self._index is not None:
            self.add = await self._index.trait(_ADD)
        self._loaded = True

    async def learn(self, *, add: bool) -> None:
        """Keep whether lists are added to."""
        self.add = add
        if self._index is not None:
            await self._index.keep_trait(_ADD, add)


class Write:
    """One write of one item."""

    def __init__(
        self,
        api: PlexApi,
        lists: Lists,
        read: Callable[[str], Awaitable[Item | None]],
        item: Item,
        handle: Handle,
        is_stale: IsStale,
    ) -> None:
        """Take the item as it was read, and what reads it again."""
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
        self._room = MAX_URL  # bytes of a URL
        self._limit = inf  # of which this many are too long
        self._refused: dict[str, Fault] = {}  # by field
        self._now = item  # as a list was last seen

    async def run(
        self, edits: Sequence[FieldEdit], *, apart: bool
    ) -> Mapping[str, str]:
        """Write; give the fields that were refused, and why. Raises Fault if all were."""
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
        """Send edits, together where they fit; what is refused is told apart."""
        for request in self._requests(edits):
            left = [each for each in request.edits if each.field not in self._refused]
            if len(left) < len(request.edits):
                await self._send(left)  # a part of a list whose other part was refused
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
        self._is_stale = never  # of the next one we are somebody else ourselves
        self._taken = True

    async def _not_taken(self, request: Request, fault: Fault) -> None:
        """Tell apart what is refused; raises the fault of what is no field's own."""
        own = fault.kind is FaultClass.ITEM and fault.reason in REFUSED
        if not own and not (self._apart and fault.reason == "error_500"):
            raise fault
        self._is_stale = never
        if fault.reason == _TOO_LONG:
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
        """Send in less room what was too long."""
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
            self._refuse(edit.field, _TOO_LONG)

    def _refuse(self, name: str, reason: str) -> None:
        self._refused[name] = Fault(FaultClass.ITEM, reason, permanent=True)

    # A list that is too long for one request

    async def _in_parts(self, edit: FieldEdit) -> None:
        """Add to a list bit by bit; where that replaces it, bring back what stood there.

        Which of the two a server does shows only when it was done: it is tried with
        one member, where what stands there can be brought back.
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
            self._refuse(name, TOO_LONG_LIST)
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
                self._refuse(name, TOO_LONG_LIST)
                await self._bring_back(name, current)
                return
        lock = None if missing else edit.lock
        await self._send([replace(edit, members=(), lock=lock)])

    def _portions(
        self, edit: FieldEdit, current: Sequence[Member], missing: Sequence[Member]
    ) -> list[Sequence[Member]]:
        """Return what is sent before each look: little, until it is known what it does."""
        if not missing:
            return []
        if self._lists.add is not None:
            return [missing]
        stays = any(_name(member) not in edit.remove for member in current)
        few = 1 if stays else 2
        return [missing[:few], missing[few:]]

    async def _may_cut(self, name: str, current: Sequence[Member]) -> bool:
        """Return whether a list may come in parts.

        Where that is not known, what stands there is sent as it is: it has to get
        through once more if it turns out that it was replaced.
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
        """Send members, in as many parts as it takes; give those that were taken."""
        left, sent = list(missing), list[Sequence[Member]]()
        while left:
            # Before anything is known two come one by one: does the first one stay?
            most = 1 if self._lists.add is None else len(left)
            request, members = self._part(edit, left[:most])
            if self._is_too_long(request):
                self._refuse(edit.field, TOO_LONG_LIST)  # one member alone
                break
            try:
                await self._put(request)
            except Fault as fault:
                if fault.kind is not FaultClass.ITEM or fault.reason not in REFUSED:
                    raise
                if fault.reason != _TOO_LONG:
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
        """Return the request with as many members as there is room for, one at least."""

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
        """Read back; say whether the last part stands alone, where others shall be, too."""
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
            return False  # that tells nothing
        if (add := not others.isdisjoint(there)) is not self._lists.add:
            await self._lists.learn(add=add)
        return not add

    async def _bring_back(self, name: str, members: Sequence[Member]) -> None:
        """Leave a list as it was before; where parts are added, what stands there stays."""
        back = [_edit(name, members)]  # as it is known to get through
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
            # It stays in parts; the ledger knows what stood there.


type Member = str | Actor


def _members(item: Item, name: str) -> Sequence[Member]:
    value = item.fields.get(name)
    return value if isinstance(value, tuple) else ()


def _name(member: Member) -> str:
    return member.name if isinstance(member, Actor) else member


def _edit(name: str, members: Sequence[Member], lock: bool | None = None) -> FieldEdit:
    kept: Any = tuple(members)  # one kind per field
    return FieldEdit(name, members=kept, lock=lock)
