"""Rows of scenes and files, fetched in bulk: a few queries a page, however many rows it has."""

from collections.abc import Iterable, Sequence
from functools import partial
from sqlite3 import Row as SqlRow

from .base import Kind
from .execution import Row, Want
from .extras import ORGASMS, VIEWS
from .object_loader import ObjectLoader, seconds
from .objects import LINKS


def _one_fingerprint(known: dict[str, str], **asked: str) -> str | None:
    """Answer ``fingerprint(type:)``."""
    return known.get(asked["type"])


class Loader(ObjectLoader):
    """Makes the rows of one answer."""

    def scenes(self, ids: Sequence[int], want: Want) -> list[Row]:
        """Return scenes in the order of their ids; those that are gone are left out."""
        rows = {
            row["id"]: self._scene(row)
            for row in self._rows("SELECT * FROM scenes WHERE id IN {any}", ids)
        }
        if "files" in want:
            self._add_files(rows, want["files"])
        if "url" in want or "urls" in want:
            for owner, url in self._rows(
                "SELECT scene_id, url FROM scene_urls WHERE scene_id IN {any} ORDER BY scene_id, position",
                rows,
            ):
                rows[owner]["urls"].append(url)
            for row in rows.values():
                row["url"] = next(iter(row["urls"]), None)
        if "stash_ids" in want:
            for each in self._rows(
                "SELECT * FROM scene_stash_ids WHERE scene_id IN {any}", rows
            ):
                moment = rows[each["scene_id"]]["updated_at"]
                rows[each["scene_id"]]["stash_ids"].append(
                    dict(each) | {"updated_at": moment}
                )
        if "studio" in want:
            studios = self.by_id(
                Kind.STUDIO,
                {row["studio_id"] for row in rows.values() if row["studio_id"]},
                want["studio"],
            )
            for row in rows.values():
                row["studio"] = studios.get(row["studio_id"])
        for name, kind in (("performers", Kind.PERFORMER), ("tags", Kind.TAG)):
            if name in want:
                table, column = LINKS[kind]
                links = self._pairs(
                    f"SELECT scene_id, {column} FROM {table} WHERE scene_id IN {{any}} ORDER BY scene_id, {column}",
                    rows,
                )
                objects = self.by_id(
                    kind,
                    {each for group in links.values() for each in group},
                    want[name],
                )
                for key, group in links.items():
                    rows[key][name] = self.in_order(
                        kind, [objects[each] for each in group if each in objects]
                    )
        if "groups" in want or "movies" in want:
            self._add_groups(rows, want)
        if "galleries" in want:
            self._add_galleries(rows)
        if "scene_markers" in want:
            self._add_markers(rows, want["scene_markers"])
        for name, what in (("play_history", VIEWS), ("o_history", ORGASMS)):
            if name in want:
                for key, row in rows.items():
                    row[name] = self._core.history(key, what)
        return [rows[key] for key in ids if key in rows]

    def _scene(self, row: SqlRow) -> Row:
        """Make the part of a scene that stands in its own row."""
        key, moment = row["id"], row["updated_at"]
        url, stamp = f"{self._url}/scene/{key}", seconds(moment)
        scene: Row = dict(row)
        scene |= {
            "id": str(key),
            "date": self._date(row["date"]),
            "rating100": row["rating"],
            "organized": bool(row["organized"]),
            "interactive": False,
            "play_history": [],
            "o_history": [],
            "captions": None,
            "scene_markers": [],
            "url": None,
            "urls": [],
            "galleries": [],
            "stash_ids": [],
            "studio": None,
            "performers": [],
            "tags": [],
            "groups": [],
            "movies": [],
            "files": [],
            "custom_fields": {},
            "paths": {
                "screenshot": f"{url}/screenshot?t={stamp}",
                "preview": f"{url}/preview",
                "stream": f"{url}/stream{self._suffix}",
                "webp": f"{url}/webp",
                "vtt": f"{url}_thumbs.vtt",
                "sprite": f"{url}_sprite.jpg",
                "funscript": f"{url}/funscript",
                "interactive_heatmap": f"{url}/interactive_heatmap",
                "caption": f"{url}/caption",
            },
        }
        return scene

    def _add_files(self, rows: dict[int, Row], want: Want) -> None:
        """Add the files of scenes, the primary ones first."""
        links = self._pairs(
            'SELECT scene_id, file_id FROM scenes_files WHERE scene_id IN {any} ORDER BY scene_id, "primary" DESC, rowid',
            rows,
        )
        files = self.files([each for group in links.values() for each in group], want)
        for key, group in links.items():
            rows[key]["files"] = [files[each] for each in group]

    def files(self, ids: Iterable[int], want: Want) -> dict[int, Row]:
        """Return files by id."""
        found: dict[int, Row] = {}
        for row in self._rows(
            "SELECT files.*, folders.path AS folder FROM files JOIN folders ON folders.id = files.parent_folder_id"
            " WHERE files.id IN {any}",
            ids,
        ):
            found[row["id"]] = dict(row) | {
                "id": str(row["id"]),
                "path": f"{row['folder']}{self._core.separator}{row['basename']}",
                "parent_folder_id": str(row["parent_folder_id"]),
                "fingerprints": [],
                "format": "matroska",
                "video_codec": "h264",
                "audio_codec": "aac",
                "frame_rate": 23.98,
                "bit_rate": int(row["size"] * 8 / row["duration"]),
            }
        if "fingerprints" in want or "fingerprint" in want:
            self._add_fingerprints(found)
        return found

    def _add_fingerprints(self, files: dict[int, Row]) -> None:
        """Add fingerprints, as a list and by type."""
        for owner, kind, value in self._rows(
            "SELECT * FROM files_fingerprints WHERE file_id IN {any}", files
        ):
            files[owner]["fingerprints"].append({"type": kind, "value": value})
        for row in files.values():
            known = {each["type"]: each["value"] for each in row["fingerprints"]}
            row["fingerprint"] = partial(_one_fingerprint, known)

    def _add_galleries(self, rows: dict[int, Row]) -> None:
        """Add galleries."""
        links = self._pairs(
            "SELECT scene_id, gallery_id FROM scenes_galleries WHERE scene_id IN {any} ORDER BY scene_id, gallery_id",
            rows,
        )
        for key, group in links.items():
            rows[key]["galleries"] = self.galleries(group)

    def galleries(self, ids: Iterable[int]) -> list[Row]:
        """Return galleries, by id."""
        found = self._rows("SELECT * FROM galleries WHERE id IN {any} ORDER BY id", ids)
        return [dict(row) | {"id": str(row["id"])} for row in found]

    def _add_markers(self, rows: dict[int, Row], want: Want) -> None:
        """Add markers."""
        links = self._pairs(
            "SELECT scene_id, id FROM scene_markers WHERE scene_id IN {any} ORDER BY scene_id, seconds",
            rows,
        )
        for key, group in links.items():
            rows[key]["scene_markers"] = self.markers(group, want)

    def markers(self, ids: Iterable[int], want: Want) -> list[Row]:
        """Return markers, by id."""
        found = self._rows(
            "SELECT * FROM scene_markers WHERE id IN {any} ORDER BY id", ids
        )
        tags = self.by_id(
            Kind.TAG,
            {row["primary_tag_id"] for row in found},
            want.get("primary_tag", {}),
        )
        return [
            dict(row)
            | {
                "id": str(row["id"]),
                "primary_tag": tags[row["primary_tag_id"]],
                "tags": [],
            }
            for row in found
        ]

    def _add_groups(self, rows: dict[int, Row], want: Want) -> None:
        """Add groups, which older versions call movies."""
        links = self._rows(
            "SELECT * FROM groups_scenes WHERE scene_id IN {any} ORDER BY scene_id, rowid",
            rows,
        )
        below = want.get("groups", {}).get("group", {}) | want.get("movies", {}).get(
            "movie", {}
        )
        groups = self.by_id(Kind.GROUP, {link["group_id"] for link in links}, below)
        for link in links:
            group = groups[link["group_id"]]
            entry = {"group": group, "movie": group, "scene_index": link["scene_index"]}
            rows[link["scene_id"]]["groups"].append(entry)
            rows[link["scene_id"]]["movies"].append(entry)
