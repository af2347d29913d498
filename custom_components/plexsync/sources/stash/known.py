"""The rows of one kind that were seen, to compare later lists with."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from .cursor import ListedObject, Listing


class Known(NamedTuple):
    """The rows of a state, newest first and by id."""

    listing: Listing
    rows: Mapping[str, ListedObject]

    @classmethod
    def of(cls, listing: Listing) -> Self:
        """Take the rows of a list."""
        return cls(listing, {row.id: row for row in listing.rows})

    def lacks(self, listing: Listing) -> list[ListedObject]:
        """Return the rows of a list that are new or have changed."""
        return [row for row in listing.rows if self.rows.get(row.id) != row]

    def explains(
        self, listing: Listing, fresh: Iterable[ListedObject], floor: str
    ) -> bool:
        """Return whether a truncated list counts as many rows as expected.

        The list starts at ``floor``, and ``fresh`` are its rows that are new or have
        changed. Known rows that are only counted may all be among these.
        """
        return self.listing.updated(fresh).within(floor).count == listing.count

    def is_surprise(self, fresh: Iterable[ListedObject], near: str) -> bool:
        """Return whether a row is new although its time is not after ``near``."""
        oldest = ""
        if self.listing.rows and not self.listing.complete:
            oldest = self.listing.rows[-1].raw  # nothing is known of rows before it
        return any(oldest < row.raw <= near for row in fresh)
