"""The queries about the program: how it is, what it does, how much it has."""

from collections.abc import Callable
from typing import Any

from .conditions import numbers
from .execution import Row, Want
from .resolvers import Call


def _stats(call: Call, want: Want) -> Row:
    """Count everything."""
    count = call.core.store.number
    groups = count('SELECT count(*) FROM "groups"')
    return {
        "scene_count": count("SELECT count(*) FROM scenes"),
        "scenes_size": float(count("SELECT sum(size) FROM files")),
        "scenes_duration": float(count("SELECT sum(duration) FROM files")),
        "image_count": 0,
        "images_size": 0.0,
        "gallery_count": count("SELECT count(*) FROM galleries"),
        "performer_count": count("SELECT count(*) FROM performers"),
        "studio_count": count("SELECT count(*) FROM studios"),
        "movie_count": groups,
        "group_count": groups,
        "tag_count": count("SELECT count(*) FROM tags"),
        "total_o_count": count("SELECT sum(o_counter) FROM scenes"),
        "total_play_duration": float(count("SELECT sum(play_duration) FROM scenes")),
        "total_play_count": count("SELECT sum(play_count) FROM scenes"),
        "scenes_played": count("SELECT count(*) FROM scenes WHERE play_count > 0"),
    }


def _configuration(call: Call, want: Want) -> Row:
    """Answer the settings, with the library's roots."""
    return {"general": call.general()}


def _system_status(call: Call, want: Want) -> Row:
    """Answer how the database stands to the program."""
    wanted_schema, instance = call.database_schema, call.instance
    present = {"SETUP": 0, "NEEDS_MIGRATION": wanted_schema - 1}.get(
        instance.status, wanted_schema
    )
    if instance.database_schema is not None:
        present = instance.database_schema
    return {
        "databaseSchema": present,
        "databasePath": "/config/stash-go.sqlite",
        "configPath": "/config/config.yml",
        "appSchema": wanted_schema,
        "status": instance.status,
    }


def _version(call: Call, want: Want) -> Row:
    """Answer the version, which is null on builds people make themselves."""
    return {
        "version": call.version,
        "hash": "5ca7a0de",
        "build_time": "2026-01-01 00:00:00",
    }


def _job_queue(call: Call, want: Want) -> list[Row] | None:
    """Answer the jobs under way."""
    return call.jobs.queue(call.minor)


def _find_job(call: Call, want: Want, input: Row) -> Row | None:
    """Answer one job."""
    return call.jobs.find(numbers([input["id"]])[0], call.minor)


def _all_stats(call: Call, want: Want) -> Row:
    """Count everything, if there is a database."""
    call.check_database()
    return _stats(call, want)


# These answer while the database is not open.
STATUS_QUERIES: dict[str, Callable[..., Any]] = {
    "stats": _all_stats,
    "configuration": _configuration,
    "systemStatus": _system_status,
    "version": _version,
    "jobQueue": _job_queue,
    "findJob": _find_job,
}
