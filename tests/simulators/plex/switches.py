"""Where the behaviour of Plex is disputed, both answers, switchable."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

TagMode = Literal["append", "replace"]


@dataclass(slots=True)
class Switches:
    """Behaviour of the simulated server; a test matrix runs both sides of each."""

    section_default: ClassVar[TagMode] = "replace"
    """What a new server does; tests set it to run under both."""

    tag_mode_section: TagMode = field(default_factory=lambda: Switches.section_default)
    """What `genre[0].tag.tag=` does to the list on PUT /library/sections/{id}/all."""
    tag_mode_metadata: TagMode = "replace"
    """The same on PUT /library/metadata/{ids}."""
    tag_identity: Literal["exact", "casefold"] = "exact"
    """Whether "drama" and "Drama" are two tags, or one whose first spelling stays."""
    keep_roles: bool = True
    """An actor who is sent again without `tagging.text` keeps the part."""
    keep_portraits: bool = True
    """An actor who is sent again without `tag.thumb` keeps the portrait."""
    repeat_actors: bool = False
    """An edit that names an actor twice, with two parts, leaves two of that name."""
    raise_first_letters: bool = False
    """Labels and collections begin with a capital, however they were sent."""
    fold_blanks: bool = False
    """Runs of blanks within a text are kept as one blank."""
    strict_types: bool = True
    """Refuse (400) fields that an item type does not have, as a season's studio."""

    omit_equal_sort_title: bool = True
    """A sort title that equals the title stands in no answer."""
    early_summer_dates: bool = False
    """Dates from April to October are shown a day early, as nfo-fed agents have them."""
    truncate_listing: bool = True
    """Listings carry two tags of a kind and three roles, no labels and no locks."""
    honour_excludes: bool = True
    """Whether `excludeFields` and `excludeElements` are obeyed."""
    keep_full_rows: bool = False
    """Render a full read once for each change, for measurements: whoever reaches into
    an item past the catalog is not seen."""
    max_page: int | None = None
    """Most rows in one answer, however many were asked for."""
    strict_paging: bool = False
    """Refuse (400) listings without a container size."""
    partial_multi_get: bool = True
    """A GET of several ids, some unknown: answer the known ones, else 404."""

    year_follows_date: bool = False
    """Editing `originallyAvailableAt` also sets `year`."""
    noop_bumps_updated: bool = True
    """An edit that changes nothing still sets `updatedAt` and sends an event."""
    rekey_on_rename: bool = True
    """A file renamed on disk becomes a new item at the next scan."""
    empty_trash: bool = True
    """Items whose files vanished are removed by the scan, else kept as unavailable."""
    split_keeps_edits: bool = True
    """Each part of a split item has what stood there; else all but one begin anew."""
    scan_seconds: float = 0.2
    """How long a scan takes, by the core's clock."""

    require_token: bool = True
    """Off: the unclaimed or allowed-network mode, tokens are ignored."""
    guest_token: str | None = None
    """A second token: it reads, and gets 403 for every write and for the owner's lists."""
    secure_only: bool = False
    """Plain HTTP is accepted and hung up without an answer."""
    select_uploads: bool = True
    """Off: an upload is answered 200 and listed, but neither selected nor locked."""
    bad_image_status: int = 400
    big_image_status: int = 500
    """413 was seen on newer servers."""
    max_image_bytes: int = 10 * 1024 * 1024
    max_request_line: int | None = None
    """Longest request target in bytes; longer ones get 414, as proxies do."""
    numeric_event_ids: bool = False
    """Item and section ids in events as numbers instead of strings."""
    allow_deletion: bool = False
    """Whether DELETE /library/metadata/{id} may remove more than collections."""

    def set_tag_mode(self, mode: TagMode) -> None:
        """Use one tag mode on every endpoint."""
        self.tag_mode_section = self.tag_mode_metadata = mode
