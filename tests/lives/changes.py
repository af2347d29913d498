"""What each operation of the recorded lives changed, and what a poll can see of it."""

from dataclasses import dataclass
import json

from .recordings import recorded


@dataclass(frozen=True, slots=True)
class Change:
    """One operation. Ids are those of the recording, as ``{scene:3}``.

    ``moved`` are the objects whose ``updated_at`` is another one after it; ``records``
    the scenes whose record is; ``cover_of`` the scenes with another cover.
    """

    step: str
    operation: str
    poll_sees: str
    moved: frozenset[str] = frozenset()
    records: frozenset[str] = frozenset()
    cover_of: frozenset[str] = frozenset()
    new: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    refused: str = ""

    @property
    def seen_by_asking(self) -> str:
        """The kind of object a poll has to ask for to see it; empty if scenes tell, or nothing does."""
        word = "only by asking "
        return self.poll_sees.removeprefix(word) if word in self.poll_sees else ""

    @property
    def seen(self) -> bool:
        """Whether the scenes' own times tell a poll of it, at least of the scenes that stay."""
        return self.poll_sees.split(",")[0] == "yes"

    @property
    def unseen(self) -> bool:
        """Whether something changed that no poll can see."""
        return self.poll_sees.split(":")[0] == "no"


def changes(version: str) -> list[Change]:
    """Give the operations of a life, in order."""
    return [
        Change(
            each["step"],
            each["operation"],
            each["poll_sees"],
            *(
                frozenset(each.get(name, ()))
                for name in ("moved_ids", "records", "cover_of", "new", "gone")
            ),
            each.get("refused", ""),
        )
        for each in json.loads(recorded(f"{version}.changes.json"))
    ]
