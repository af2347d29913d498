"""Options that a Stash does not support, because its version lacks a field."""

from collections.abc import Iterator

from .options import StashOptions
from .queries import ROLE_FIELDS, Schema
from .title import names_in

# What each option needs: a field of a type, or one of several fields.
_NEEDS: dict[str, tuple[str, ...]] = {
    "title": ("Scene", "title"),
    "summary": ("Scene", "details"),
    "date": ("Scene", "date"),
    "user_rating": ("Scene", "rating100"),
    "studio": ("Scene", "studio"),
    "actors": ("Scene", "performers"),
    "directors": ("Scene", "director"),
    "genres": ("Scene", "tags"),
    "labels": ("Scene", "tags"),
    "collections": ("Scene", "groups", "movies"),
    "code_to": ("Scene", "code"),
    "gender": ("Performer", "gender"),
    "gender_only": ("Performer", "gender"),
    "tag_collections": ("Scene", "tags"),
    "tags_below": ("Tag", "parents"),
    "tag_parents": ("Tag", "parents"),
    "studio_collection": ("Scene", "studio"),
    "network_collection": ("Studio", "parent_studio"),
    "organized_only": ("Scene", "organized"),
    "with_tags": ("Scene", "tags"),
    "without_tags": ("Scene", "tags"),
    "only_studios": ("Scene", "studio"),
    "without_studios": ("Scene", "studio"),
    "min_rating": ("Scene", "rating100"),
}


def lacking(schema: Schema, options: StashOptions) -> frozenset[str]:
    """Return the fields and options in use that a Stash does not support."""
    return frozenset(
        name
        for name, (type_name, *fields) in _needs(options)
        if not any(schema.has(type_name, field) for field in fields)
    )


def _needs(options: StashOptions) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each option in use with its needs; an option may be yielded several times."""
    for name, needs in _NEEDS.items():
        if name in options.fields or getattr(options, name, None):
            yield name, needs
    if options.role:
        yield "role", ("Performer", ROLE_FIELDS[options.role])
    if "title" in options.fields:
        for place in names_in(options.title_template):
            if place != "file":
                yield "title_template", ("Scene", place)
