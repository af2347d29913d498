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
            self._check_name(kind, key, name)
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

    def _check_name(self, kind: Kind, key: int, name: str) -> None:
        """Refuse a name another object has; groups may share theirs."""
        if not name:
            raise StashError("name must not be empty")
        if kind is not Kind.GROUP and self.store.first(
            f'SELECT 1 FROM "{kind}" WHERE name = ? AND id != ?', (name, key)
        ):
            raise StashError(f"{kind.noun} with name '{name}' already exists")

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
        """Merge tags; their names become aliases, and no scene's time moves."""
        target = self.object_id(Kind.TAG, destination)
        with self.store.transaction():
            for source in sources:
                key = self.object_id(Kind.TAG, source)
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
            self.edit_object(Kind.TAG, target)
        return target
