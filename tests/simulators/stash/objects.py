"""Performers, studios, tags and groups: what scenes refer to."""

from collections.abc import Iterable, Sequence

from .base import Base, Kind, StashError

# Where a scene's link to each kind stands; a studio stands in the scene itself.
LINKS = {
    Kind.PERFORMER: ("performers_scenes", "performer_id"),
    Kind.TAG: ("scenes_tags", "tag_id"),
    Kind.GROUP: ("groups_scenes", "group_id"),
}
_COLUMNS = {
    Kind.PERFORMER: {
        "disambiguation",
        "details",
        "gender",
        "birthdate",
        "favorite",
        "rating",
    },
    Kind.STUDIO: {"details", "parent_id", "favorite", "rating"},
    Kind.TAG: {"description", "sort_name", "favorite"},
    Kind.GROUP: {"synopsis", "director", "date", "rating", "duration", "studio_id"},
}


class Objects(Base):
    """Changes to the objects. None of them moves a scene's ``updated_at``."""

    def object_id(self, kind: Kind, which: int | str) -> int:
        """Return the id of an object given by id or name."""
        column = "id" if isinstance(which, int) else "name"
        row = self.store.first(f'SELECT id FROM "{kind}" WHERE {column} = ?', (which,))
        if row is None:
            raise StashError(f"{kind.noun} with {column} {which} not found")
        return int(row[0])

    def ensure(self, kind: Kind, name: str) -> int:
        """Return the id of the object of that name, made if there is none."""
        row = self.store.first(f'SELECT id FROM "{kind}" WHERE name = ?', (name,))
        if row is not None:
            return int(row[0])
        now = self.now()
        return self.store.run(
            f'INSERT INTO "{kind}" (name, created_at, updated_at) VALUES (?, ?, ?)',
            (name, now, now),
        )

    def ensure_all(self, kind: Kind, names: Iterable[str]) -> list[int]:
        """Return the ids of objects by name."""
        return [self.ensure(kind, name) for name in names]

    def edit_object(
        self,
        kind: Kind,
        which: int | str,
        *,
        name: str | None = None,
        aliases: Sequence[str] | None = None,
        **columns: str | int | None,
    ) -> int:
        """Change an object; only its own ``updated_at`` moves. Return its id."""
        if unknown := columns.keys() - _COLUMNS[kind]:
            raise ValueError(f"No such columns in {kind}: {sorted(unknown)}")
        key = self.object_id(kind, which)
        changes: dict[str, str | int | None] = dict(columns)
        if name is not None:
            disambiguation = columns.get("disambiguation")
            self._check_name(
                kind, key, name, None if disambiguation is None else str(disambiguation)
            )
            changes["name"] = name
        changes["updated_at"] = self.now()
        with self.store.transaction():
            settings = ", ".join(f"{column} = ?" for column in changes)
            self.store.run(
                f'UPDATE "{kind}" SET {settings} WHERE id = ?', (*changes.values(), key)
            )
            if aliases is not None:
                self.store.run(
                    "DELETE FROM aliases WHERE kind = ? AND owner_id = ?", (kind, key)
                )
                self.store.run_many(
                    "INSERT INTO aliases VALUES (?, ?, ?)",
                    [(kind, key, alias) for alias in aliases],
                )
        return key

    def _check_name(
        self, kind: Kind, key: int, name: str, disambiguation: str | None = None
    ) -> None:
        """Refuse a name another object has, in whatever case; groups may share theirs."""
        if not name:
            raise StashError(f"{kind.noun} name must not be blank")
        if kind is Kind.GROUP:
            return
        where = "name = ? COLLATE NOCASE AND id != ?"
        params: tuple[str | int, ...] = (name, key)
        if kind is Kind.PERFORMER:
            if disambiguation is None:
                row = self.store.first(
                    "SELECT disambiguation FROM performers WHERE id = ?", (key,)
                )
                disambiguation = row[0] if row else ""
            where, params = f"{where} AND disambiguation = ?", (*params, disambiguation)
        if self.store.first(f'SELECT 1 FROM "{kind}" WHERE {where}', params):
            also = f" and disambiguation '{disambiguation}'" if disambiguation else ""
            raise StashError(f"{kind.noun} with name '{name}'{also} already exists")
        if kind is Kind.TAG and (
            row := self.store.first(
                "SELECT tags.name FROM aliases JOIN tags ON tags.id = aliases.owner_id"
                " WHERE aliases.kind = 'tags' AND alias = ? COLLATE NOCASE AND tags.id != ?",
                (name, key),
            )
        ):
            raise StashError(f"name '{name}' is used as alias for '{row[0]}'")

    def add_object(
        self,
        kind: Kind,
        name: str,
        *,
        aliases: Sequence[str] | None = None,
        **columns: str | int | None,
    ) -> int:
        """Make an object as its page does; return its id."""
        disambiguation = columns.get("disambiguation")
        self._check_name(kind, 0, name, str(disambiguation or ""))
        now = self.now()
        with self.store.transaction():
            key = self.store.run(
                f'INSERT INTO "{kind}" (name, created_at, updated_at) VALUES (?, ?, ?)',
                (name, now, now),
            )
            self.edit_object(kind, key, aliases=aliases, name=None, **columns)
        return key

    def rename_performer(self, which: int | str, name: str) -> int:
        """Rename a performer given by id or name."""
        return self.edit_object(Kind.PERFORMER, which, name=name)

    def rename_studio(self, which: int | str, name: str) -> int:
        """Rename a studio given by id or name."""
        return self.edit_object(Kind.STUDIO, which, name=name)

    def rename_tag(self, which: int | str, name: str) -> int:
        """Rename a tag given by id or name."""
        return self.edit_object(Kind.TAG, which, name=name)

    def rename_group(self, which: int | str, name: str) -> int:
        """Rename a group given by id or name."""
        return self.edit_object(Kind.GROUP, which, name=name)

    def set_tag_parents(self, which: int | str, parents: Sequence[int]) -> None:
        """Put a tag below others."""
        key = self.object_id(Kind.TAG, which)
        with self.store.transaction():
            self.store.run("DELETE FROM tags_relations WHERE child_id = ?", (key,))
            self.store.run_many(
                "INSERT INTO tags_relations VALUES (?, ?)",
                [(parent, key) for parent in parents],
            )
            self.edit_object(Kind.TAG, key)

    def delete_object(self, kind: Kind, which: int | str) -> None:
        """Delete an object and its links; the scenes' times stay."""
        key = self.object_id(kind, which)
        with self.store.transaction():
            if kind is Kind.STUDIO:
                self.store.run(
                    "UPDATE scenes SET studio_id = NULL WHERE studio_id = ?", (key,)
                )
                self.store.run(
                    "UPDATE studios SET parent_id = NULL WHERE parent_id = ?", (key,)
                )
                self.store.run(
                    'UPDATE "groups" SET studio_id = NULL WHERE studio_id = ?', (key,)
                )
            else:
                table, column = LINKS[kind]
                self.store.run(f"DELETE FROM {table} WHERE {column} = ?", (key,))
            if kind is Kind.TAG:
                self.store.run(
                    "DELETE FROM tags_relations WHERE parent_id = ? OR child_id = ?",
                    (key, key),
                )
            self.store.run(
                "DELETE FROM aliases WHERE kind = ? AND owner_id = ?", (kind, key)
            )
            self.store.run(
                "DELETE FROM images WHERE kind = ? AND owner_id = ?", (kind.noun, key)
            )
            self.store.run(f'DELETE FROM "{kind}" WHERE id = ?', (key,))

    def merge_tags(self, sources: Sequence[int | str], destination: int | str) -> int:
        """Merge tags; their names become aliases, and no time moves: no scene's, and not the tag's."""
        target = self.object_id(Kind.TAG, destination)
        keys = [self.object_id(Kind.TAG, source) for source in sources]
        if target in keys:
            raise StashError("cannot merge where source == destination")
        with self.store.transaction():
            for key in keys:
                row = self.store.first("SELECT name FROM tags WHERE id = ?", (key,))
                self.store.run(
                    "UPDATE OR IGNORE scenes_tags SET tag_id = ? WHERE tag_id = ?",
                    (target, key),
                )
                self.delete_object(Kind.TAG, key)
                if row is not None:
                    self.store.run(
                        "INSERT INTO aliases VALUES (?, ?, ?)",
                        (Kind.TAG, target, row["name"]),
                    )
        return target

    def merge_performers(
        self, sources: Sequence[int | str], destination: int | str
    ) -> int:
        """Merge performers: only the time of the one that stays moves, no scene's."""
        target = self.object_id(Kind.PERFORMER, destination)
        with self.store.transaction():
            for source in sources:
                key = self.object_id(Kind.PERFORMER, source)
                self.store.run(
                    "UPDATE OR IGNORE performers_scenes SET performer_id = ?"
                    " WHERE performer_id = ?",
                    (target, key),
                )
                self.delete_object(Kind.PERFORMER, key)
            self.edit_object(Kind.PERFORMER, target)
        return target
