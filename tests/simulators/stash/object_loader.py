"""Rows of performers, studios, tags and groups, fetched in bulk."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
import json
from sqlite3 import Row as SqlRow
from urllib.parse import quote

from .base import Kind
from .core import StashCore
from .execution import Row, Want
from .objects import LINKS
from .store import natural

_ANY = "(SELECT value FROM json_each(?))"
_FIRST_PARTIAL_DATES = 30
# The sort name came with it; that older ones sort by bytes is measured on 0.27.
_FIRST_NATURAL_TAGS = 28


def seconds(moment: str) -> int:
    """Return the Unix seconds of a stored time."""
    return int(datetime.fromisoformat(moment).timestamp())


class ObjectLoader(ABC):
    """Makes the rows of one answer; what a scene is made of is left open."""

    def __init__(
        self,
        core: StashCore,
        minor: int,
        base_url: str = "",
        api_key: str | None = None,
    ) -> None:
        """Remember whom the answer is for; addresses in it start with ``base_url``."""
        self._core = core
        self._store = core.store
        self._minor = minor
        self._url = base_url
        self._suffix = f"?apikey={quote(api_key)}" if api_key else ""

    def _rows(self, sql: str, ids: Iterable[int], *more: str) -> list[SqlRow]:
        """Return the rows for a set of ids, which stands for ``{any}`` in the query."""
        return self._store.rows(
            sql.replace("{any}", _ANY), (json.dumps(list(ids)), *more)
        )

    def _pairs(self, sql: str, ids: Iterable[int], *more: str) -> dict[int, list[int]]:
        """Return owner → ids of a query for two columns."""
        found: dict[int, list[int]] = defaultdict(list)
        for owner, other in self._rows(sql, ids, *more):
            found[owner].append(other)
        return found

    def _date(self, value: str | None) -> str | None:
        """Write a date; before partial dates existed, every one was whole."""
        if not value or self._minor >= _FIRST_PARTIAL_DATES:
            return value or None
        return value + "-01" * (2 - value.count("-"))

    @abstractmethod
    def scenes(self, ids: Sequence[int], want: Want) -> list[Row]:
        """Return scenes in the order of their ids; those that are gone are left out."""

    def by_id(self, kind: Kind, ids: Iterable[int], want: Want) -> dict[int, Row]:
        """Return performers, studios, tags or groups by id."""
        rows = {
            row["id"]: self._object(kind, row)
            for row in self._rows(f'SELECT * FROM "{kind}" WHERE id IN {{any}}', ids)
        }
        if want.keys() & {"aliases", "alias_list"}:
            self._add_aliases(kind, rows)
        if want.keys() & {"image_path", "front_image_path", "back_image_path"}:
            self._add_images(kind, rows)
        if want.keys() & {"scenes", "scene_count"}:
            self._add_scenes(kind, rows, want)
        if kind is Kind.TAG:
            self._add_relatives(
                rows,
                want,
                "parents",
                "SELECT child_id, parent_id FROM tags_relations WHERE child_id IN {any}",
            )
            self._add_relatives(
                rows,
                want,
                "children",
                "SELECT parent_id, child_id FROM tags_relations WHERE parent_id IN {any}",
            )
        if kind is Kind.STUDIO:
            self._add_relatives(
                rows,
                want,
                "child_studios",
                "SELECT parent_id, id FROM studios WHERE parent_id IN {any}",
            )
            self._add_studio(rows, want, "parent_studio", "parent_id")
        if kind is Kind.GROUP:
            self._add_studio(rows, want, "studio", "studio_id")
        return rows

    def in_order(self, kind: Kind, rows: list[Row]) -> list[Row]:
        """Put the objects of a scene into their order: tags by name, others as they came."""
        if kind is not Kind.TAG:
            return rows
        if self._minor < _FIRST_NATURAL_TAGS:
            return sorted(rows, key=lambda row: row["name"])
        return sorted(rows, key=lambda row: natural(row["sort_name"] or row["name"]))

    def objects(self, kind: Kind, ids: Sequence[int], want: Want) -> list[Row]:
        """Return objects in the order of their ids."""
        rows = self.by_id(kind, ids, want)
        return [rows[key] for key in ids if key in rows]

    def _object(self, kind: Kind, row: SqlRow) -> Row:
        """Make the part of an object that stands in its own row, with every field any kind has."""
        made: Row = {"gender": None, "birthdate": None, "date": None, "rating": None}
        made |= dict(row)
        return made | {
            "id": str(row["id"]),
            "favorite": bool(made.get("favorite")),
            "rating100": made["rating"],
            "date": self._date(made["date"]),
            "birthdate": self._date(made["birthdate"]),
            "url": None,
            "urls": [],
            "aliases": None if kind is Kind.GROUP else [],
            "alias_list": [],
            "tags": [],
            "stash_ids": [],
            "custom_fields": {},
            **dict.fromkeys(
                (
                    "country",
                    "career_length",
                    "career_start",
                    "career_end",
                    "death_date",
                    "o_counter",
                )
            ),
        }

    def _add_aliases(self, kind: Kind, rows: dict[int, Row]) -> None:
        """Add aliases: a list, or for groups one text."""
        found: dict[int, list[str]] = defaultdict(list)
        for owner, alias in self._rows(
            "SELECT owner_id, alias FROM aliases WHERE owner_id IN {any} AND kind = ?",
            rows,
            kind,
        ):
            found[owner].append(alias)
        for key, names in found.items():
            rows[key]["alias_list"] = names
            rows[key]["aliases"] = ", ".join(names) if kind is Kind.GROUP else names

    def _add_images(self, kind: Kind, rows: dict[int, Row]) -> None:
        """Add the addresses of pictures; ``default=true`` says that there is none."""
        known = {
            (row["kind"], row["owner_id"])
            for row in self._rows(
                "SELECT kind, owner_id FROM images WHERE owner_id IN {any}", rows
            )
        }
        route = "group" if self._minor >= 27 else "movie"
        for key, row in rows.items():
            stamp = f"?t={seconds(row['updated_at'])}"
            default = "" if (kind.noun, key) in known else "&default=true"
            row["image_path"] = f"{self._url}/{kind.noun}/{key}/image{stamp}{default}"
            row["front_image_path"] = (
                f"{self._url}/{route}/{key}/frontimage{stamp}{default}"
            )
            back = ("group_back", key) in known
            row["back_image_path"] = (
                f"{self._url}/{route}/{key}/backimage{stamp}" if back else None
            )

    def _add_scenes(self, kind: Kind, rows: dict[int, Row], want: Want) -> None:
        """Add the scenes of objects, or only how many there are."""
        table, column = LINKS.get(kind, ("scenes", "studio_id"))
        scene = "id" if kind is Kind.STUDIO else "scene_id"
        links = self._pairs(
            f"SELECT {column}, {scene} FROM {table} WHERE {column} IN {{any}} ORDER BY {scene}",
            rows,
        )
        for key, row in rows.items():
            row["scene_count"] = len(links[key])
            if "scenes" in want:
                row["scenes"] = self.scenes(links[key], want["scenes"])

    def _add_relatives(
        self, rows: dict[int, Row], want: Want, name: str, sql: str
    ) -> None:
        """Add objects of the same kind."""
        if name in want:
            kind = Kind.STUDIO if name == "child_studios" else Kind.TAG
            links = self._pairs(sql, rows)
            others = self.by_id(
                kind, {each for group in links.values() for each in group}, want[name]
            )
            for key, row in rows.items():
                row[name] = [others[each] for each in links[key]]

    def _add_studio(
        self, rows: dict[int, Row], want: Want, name: str, column: str
    ) -> None:
        """Add the studio an object belongs to."""
        if name in want:
            studios = self.by_id(
                Kind.STUDIO,
                {row[column] for row in rows.values() if row[column]},
                want[name],
            )
            for row in rows.values():
                row[name] = studios.get(row[column])
