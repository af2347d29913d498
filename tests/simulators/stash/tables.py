"""What each kind of object can be filtered, searched and sorted by."""

from .base import Kind
from .conditions import Handler, flag, nothing, number, related, text, timestamp
from .filters import (
    FILES,
    PATH,
    TABLES,
    Table,
    aliases,
    counted,
    files_filter,
    fingerprint,
    galleries_filter,
    is_missing,
    nested,
    stash_id,
)

__all__ = ["TABLES"]

STUDIO_LINKS = (
    "(SELECT id AS scene_id, studio_id FROM scenes WHERE studio_id IS NOT NULL)"
)
_GROUPS = related(
    owner="scenes",
    join_table="groups_scenes",
    owner_key="scene_id",
    foreign_key="group_id",
)

SCENES = Table(
    "scenes",
    {
        "id": number("scenes.id"),
        **{
            name: text(f"scenes.{name}")
            for name in ("title", "code", "details", "director")
        },
        "path": text(PATH, FILES),
        **{
            kind: fingerprint(name)
            for kind, name in (
                ("oshash", "oshash"),
                ("checksum", "md5"),
                ("phash", "phash"),
            )
        },
        "file_count": counted("scenes_files", "scene_id", "scenes"),
        "tag_count": counted("scenes_tags", "scene_id", "scenes"),
        "performer_count": counted("performers_scenes", "scene_id", "scenes"),
        "rating100": number("scenes.rating"),
        "o_counter": number("scenes.o_counter"),
        "play_count": number("scenes.play_count"),
        "organized": flag("scenes.organized"),
        "date": timestamp("scenes.date"),
        "created_at": timestamp("scenes.created_at"),
        "updated_at": timestamp("scenes.updated_at"),
        "last_played_at": timestamp("scenes.last_played_at"),
        "is_missing": is_missing,
        "url": text(
            "scene_urls.url",
            ("urls", "LEFT JOIN scene_urls ON scene_urls.scene_id = scenes.id"),
        ),
        "stash_id_endpoint": stash_id,
        "performers": related(
            owner="scenes",
            join_table="performers_scenes",
            owner_key="scene_id",
            foreign_key="performer_id",
        ),
        "tags": related(
            owner="scenes",
            join_table="scenes_tags",
            owner_key="scene_id",
            foreign_key="tag_id",
            tree=("tags_relations", "parent_id", "child_id"),
        ),
        "studios": related(
            owner="scenes",
            join_table=STUDIO_LINKS,
            owner_key="scene_id",
            foreign_key="studio_id",
            tree=("studios", "parent_id", "id"),
        ),
        "groups": _GROUPS,
        "movies": _GROUPS,
        "performers_filter": nested(
            "performers",
            "performers_join.performer_id",
            (
                "performers",
                "INNER JOIN performers_scenes AS performers_join ON performers_join.scene_id = scenes.id",
            ),
        ),
        "studios_filter": nested("studios", "scenes.studio_id"),
        "tags_filter": nested(
            "tags",
            "tags_join.tag_id",
            (
                "tags",
                "INNER JOIN scenes_tags AS tags_join ON tags_join.scene_id = scenes.id",
            ),
        ),
        "movies_filter": nested(
            "groups",
            "groups_join.group_id",
            (
                "groups",
                "INNER JOIN groups_scenes AS groups_join ON groups_join.scene_id = scenes.id",
            ),
        ),
        "groups_filter": nothing,
        "galleries_filter": galleries_filter,
        "files_filter": files_filter,
    },
    columns=("scenes.title", "scenes.details", PATH),
    joins=dict([FILES]),
    sorts={
        "title": "natural(coalesce(nullif(scenes.title, ''), (SELECT f.basename {primary}), ''))",
        "path": "(SELECT d.path || '/' || f.basename {primary})",
        "filesize": "(SELECT f.size {primary})",
        "duration": "(SELECT f.duration {primary})",
        "file_mod_time": "(SELECT f.mod_time {primary})",
        "file_count": "(SELECT count(*) FROM scenes_files r WHERE r.scene_id = scenes.id)",
        "tag_count": "(SELECT count(*) FROM scenes_tags r WHERE r.scene_id = scenes.id)",
        "performer_count": "(SELECT count(*) FROM performers_scenes r WHERE r.scene_id = scenes.id)",
        **{
            name: f"scenes.{name}"
            for name in (
                *(
                    "id",
                    "created_at",
                    "updated_at",
                    "date",
                    "rating",
                    "organized",
                    "o_counter",
                    "play_count",
                ),
                *("play_duration", "resume_time", "last_played_at"),
            )
        },
    },
)


def _object_table(
    kind: Kind,
    texts: tuple[str, ...],
    extra: dict[str, Handler],
    join: str,
    scene_ids: str,
) -> Table:
    """Describe performers, studios, tags or groups."""
    name = kind.value
    return Table(
        name,
        {
            **{each: text(f'"{name}".{each}') for each in ("name", *texts)},
            "created_at": timestamp(f'"{name}".created_at'),
            "updated_at": timestamp(f'"{name}".updated_at'),
            "scenes_filter": nested("scenes", scene_ids, ("scenes", join)),
            **extra,
        },
        columns=(f'"{name}".name',),
        joins={},
        sorts={
            "name": f'natural("{name}".name)',
            **{each: f'"{name}".{each}' for each in ("id", "created_at", "updated_at")},
        },
        default_sort="name",
    )


TABLES |= {
    "scenes": SCENES,
    "performers": _object_table(
        Kind.PERFORMER,
        ("disambiguation", "details"),
        {
            "aliases": aliases(Kind.PERFORMER),
            "rating100": number("performers.rating"),
            "filter_favorites": flag("performers.favorite"),
            "scene_count": counted("performers_scenes", "performer_id", "performers"),
        },
        "INNER JOIN performers_scenes AS scenes_join ON scenes_join.performer_id = performers.id",
        "scenes_join.scene_id",
    ),
    "studios": _object_table(
        Kind.STUDIO,
        ("details",),
        {
            "aliases": aliases(Kind.STUDIO),
            "rating100": number("studios.rating"),
            "favorite": flag("studios.favorite"),
            "parents": related(
                owner="studios",
                join_table="(SELECT id AS child_id, parent_id FROM studios WHERE parent_id IS NOT NULL)",
                owner_key="child_id",
                foreign_key="parent_id",
            ),
        },
        "INNER JOIN scenes AS scenes_join ON scenes_join.studio_id = studios.id",
        "scenes_join.id",
    ),
    "tags": _object_table(
        Kind.TAG,
        ("description", "sort_name"),
        {
            "aliases": aliases(Kind.TAG),
            "favorite": flag("tags.favorite"),
            "scene_count": counted("scenes_tags", "tag_id", "tags"),
            "parents": related(
                owner="tags",
                join_table="tags_relations",
                owner_key="child_id",
                foreign_key="parent_id",
            ),
        },
        "INNER JOIN scenes_tags AS scenes_join ON scenes_join.tag_id = tags.id",
        "scenes_join.scene_id",
    ),
    "groups": _object_table(
        Kind.GROUP,
        ("synopsis", "director"),
        {"rating100": number('"groups".rating'), "date": timestamp('"groups".date')},
        'INNER JOIN groups_scenes AS scenes_join ON scenes_join.group_id = "groups".id',
        "scenes_join.scene_id",
    ),
}
