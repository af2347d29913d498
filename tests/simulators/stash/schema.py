"""The GraphQL schema of each version, built from one marked text."""

from functools import lru_cache
from pathlib import Path
import re

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    assert_valid_schema,
    build_schema,
)

OLDEST, NEWEST = 24, 31
# What a database of each version is called; that of 0.31 is made up and only has to differ.
DATABASE_SCHEMAS = {24: 54, 25: 55, 26: 58, 27: 67, 28: 72, 29: 72, 30: 75, 31: 76}

_TEXT = Path(__file__).with_name("schema.graphql")
_MARK = re.compile(r"\s*# (?:0\.(?P<since>\d+)\+|<0\.(?P<before>\d+))$")


def minor_of(version: str) -> int:
    """Return the number that counts in a version like ``0.30.1`` or ``v0.30.1-12-gabc``."""
    match = re.match(r"v?0\.(\d+)", version)
    if match is None or not OLDEST <= int(match[1]) <= NEWEST:
        raise ValueError(f"Not a version that can be simulated: {version}")
    return int(match[1])


def database_schema(version: str) -> int:
    """Return what a version calls its database."""
    # The one version of which it is known that a later release of it moved on.
    if re.match(r"v?0\.27\.[2-9]", version):
        return 68
    return DATABASE_SCHEMAS[minor_of(version)]


def schema_text(minor: int) -> str:
    """Return the lines that belong to a version."""
    kept: list[str] = []
    skipping = False
    for line in _TEXT.read_text(encoding="utf-8").splitlines():
        match = _MARK.search(line)
        wanted = match is None or (
            minor >= int(match["since"])
            if match["since"]
            else minor < int(match["before"])
        )
        if skipping:
            skipping = line != "}"
        elif wanted:
            kept.append(_MARK.sub("", line))
        else:
            # A mark on a block's first line speaks for the whole block.
            skipping = _MARK.sub("", line).endswith("{")
    return "\n".join(kept)


@lru_cache
def schema_of(minor: int, lacks: frozenset[str] = frozenset()) -> GraphQLSchema:
    """Return the schema of version 0.``minor``, without fields like ``Scene.title``."""
    schema = build_schema(schema_text(minor))
    for name in lacks:
        type_name, _, field = name.partition(".")
        owner = schema.type_map[type_name]
        assert isinstance(owner, GraphQLObjectType)
        owner.fields.pop(field, None)
    assert_valid_schema(schema)
    files = schema.type_map["BaseFile"]
    assert isinstance(files, GraphQLInterfaceType)
    # The simulator keeps films, so every file is a video.
    files.resolve_type = lambda value, info, kind: "VideoFile"
    return schema
