"""The rows of one kind that were seen, and what a list shows that is not among them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from .stash_cursor import ListedObject, Listing


class Known(NamedTuple):
    """The rows behind a state, newest first and by id."""

    listing: Listing
    rows: Mapping[str, ListedObject]

    @classmethod
    def of(cls, listing: Listing) -> Self:
        """Know what a list shows."""
        return cls(listing, {row.id: row for row in listing.rows})

    def lacks(self, listing: Listing) -> list[ListedObject]:
        """Return the rows of a list that are not known, or not like that."""
        return [row for row in listing.rows if self.rows.get(row.id) != row]

    def explains(
        self, listing: Listing, fresh: Iterable[ListedObject], floor: str
    ) -> bool:
        """Return whether a list that was cut short has as many rows as it should have.

        It was taken from ``floor`` on, and ``fresh`` are its rows that are not known.
        Rows of which only the number is known may all be among them.
        """
        return self.listing.updated(fresh).within(floor).count == listing.count

    def is_surprise(self, fresh: Iterable[ListedObject], near: str) -> bool:
        """Return whether a row is new that no look from ``near`` on would have listed."""
        oldest = ""
        if self.listing.rows and not self.listing.complete:
            oldest = self.listing.rows[-1].raw  # nothing is known of those before it
        return any(oldest < row.raw <= near for row in fresh)
