"""From a Stash scene to a record, case by case."""

from datetime import UTC, datetime
import json
from typing import Any

import pytest

from custom_components.plexsync.engine.record import Actor, Image
from custom_components.plexsync.sources.stash_mapping import (
    FIELDS,
    StashOptions,
    id_of,
    make_record,
    marks_of,
    revision_of,
    why_skipped,
)

EVERYTHING = StashOptions(
    background=True,
    studio_collection=True,
    disambiguation_as_role=True,
    code_to="original_title",
)


def _scene(**changes: Any) -> dict[str, Any]:
    """Give a scene with everything in it."""
    return {
        "id": "7",
        "updated_at": "2024-05-01T12:00:00+02:00",
        "organized": True,
        "title": "The General",
        "code": "GEN-1",
        "details": "A train.\n\nAnd another one.",
        "director": "Buster Keaton",
        "date": "1926-12-31",
        "rating100": 85,
        "files": [{"path": "/stash/General.mkv"}],
        "studio": {"name": "United Artists"},
        "tags": [{"name": "Comedy"}, {"name": "Silent"}],
        "performers": [
            {"name": "Buster Keaton", "disambiguation": "the elder"},
            {"name": "Marion Mack", "disambiguation": ""},
        ],
        "groups": [{"group": {"name": "Stone Face"}}],
    } | changes


def _to_plex(path: str) -> str | None:
    return path.replace("/stash/", "/plex/", 1) if path.startswith("/stash/") else None


def _fields(options: StashOptions = EVERYTHING, **changes: Any) -> dict[str, Any]:
    return dict(make_record(_scene(**changes), "src", _to_plex, options).fields)


def test_every_field_arrives() -> None:
    """A full scene with everything switched on."""
    record = make_record(_scene(), "src", _to_plex, EVERYTHING)
    cover = Image("/scene/7/screenshot", "2024-05-01T12:00:00+02:00")
    assert dict(record.fields) == {
        "title": "The General",
        "summary": "A train.\n\nAnd another one.",
        "date": "1926-12-31",
        "user_rating": 8.5,
        "studio": "United Artists",
        "collections": ("Stone Face", "United Artists"),
        "actors": (Actor("Buster Keaton", "the elder"), Actor("Marion Mack")),
        "genres": ("Comedy", "Silent"),
        "directors": ("Buster Keaton",),
        "original_title": "GEN-1",
        "poster": cover,
        "background": cover,
    }
    assert (record.source, record.key) == ("src", "scene:7")
    assert record.find.paths == ("/plex/General.mkv",)
    assert record.revision == 1714557600
    assert record.identified
    assert record.mirror


def test_defaults_leave_extras_out() -> None:
    """No code, no background, no studio collection, no roles unless asked for."""
    fields = _fields(StashOptions())
    assert set(fields) == FIELDS | {"poster"}
    assert fields["collections"] == ("Stone Face",)
    assert fields["actors"][0] == Actor("Buster Keaton")


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("summary", {"details": ""}),
        ("summary", {"details": None}),
        ("summary", {"details": " \n "}),
        ("date", {"date": None}),
        ("date", {"date": ""}),
        ("user_rating", {"rating100": None}),
        ("user_rating", {"rating100": 0}),
        ("studio", {"studio": None}),
        ("actors", {"performers": []}),
        ("genres", {"tags": []}),
        ("genres", {"tags": [{"name": " "}]}),
        ("directors", {"director": ""}),
        ("original_title", {"code": None}),
        ("collections", {"groups": [], "studio": None}),
    ],
)
def test_emptiness_clears(field: str, change: dict[str, Any]) -> None:
    """What Stash empties, we take back."""
    fields = _fields(**change)
    assert field in fields
    assert fields[field] is None


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("title", {"title": ""}),
        ("title", {"title": None}),
        ("title", {"title": " \t"}),
        ("title", {"title": "\x00"}),
        ("date", {"date": "1926"}),
        ("date", {"date": "1926-12"}),
        ("date", {"date": "1926-02-30"}),
        ("date", {"date": "yesterday"}),
        ("user_rating", {"rating100": 1000}),
        ("user_rating", {"rating100": -5}),
    ],
)
def test_what_makes_no_value_is_left_alone(field: str, change: dict[str, Any]) -> None:
    """Identity is never cleared, and half a date is no emptiness."""
    assert field not in _fields(**change)


@pytest.mark.parametrize(
    ("stash", "field"),
    [
        ("details", "summary"),
        ("date", "date"),
        ("rating100", "user_rating"),
        ("studio", "studio"),
        ("performers", "actors"),
        ("tags", "genres"),
        ("director", "directors"),
        ("code", "original_title"),
        ("title", "title"),
    ],
)
def test_what_this_stash_does_not_know_is_absent(stash: str, field: str) -> None:
    """A field that was not asked for is no empty field."""
    scene = _scene()
    del scene[stash]
    assert field not in make_record(scene, "src", _to_plex, EVERYTHING).fields


def test_disabled_fields_are_absent() -> None:
    """Only the enabled fields are sent."""
    options = StashOptions(fields=frozenset({"title"}), poster=False)
    assert _fields(options) == {"title": "The General"}


def test_what_is_only_filled_is_said_by_the_record() -> None:
    """It is kept as plain data, and what is no list of names fills nothing."""
    options = StashOptions(fill_only=frozenset({"studio", "poster"}))
    again = StashOptions.from_dict(json.loads(json.dumps(options.as_dict())))
    assert again == options
    record = make_record(_scene(), "src", _to_plex, again)
    assert record.fill_only == {"studio", "poster"}
    for unfit in ("studio", None, 5, [["studio"]]):
        assert StashOptions.from_dict({"fill_only": unfit}).fill_only == frozenset()


def test_studio_collection_without_groups() -> None:
    """The studio's collection does not need the groups' ones."""
    options = StashOptions(fields=frozenset(), poster=False, studio_collection=True)
    assert _fields(options) == {"collections": ("United Artists",)}


def test_groups_unknown_leave_collections_alone() -> None:
    """Without groups and movies nothing is known of collections."""
    scene = _scene()
    del scene["groups"]
    assert (
        "collections" not in make_record(scene, "src", _to_plex, StashOptions()).fields
    )


def test_movies_are_groups() -> None:
    """Stash before 0.27 says movies."""
    scene = _scene(movies=[{"movie": {"name": "Old"}}])
    del scene["groups"]
    record = make_record(scene, "src", _to_plex, StashOptions())
    assert record.fields["collections"] == ("Old",)


@pytest.mark.parametrize(
    ("rating", "expected"), [(1, 0.1), (20, 2.0), (33, 3.3), (100, 10.0)]
)
def test_rating(rating: int, expected: float) -> None:
    """Stash counts to 100, Plex to 10."""
    assert _fields(rating100=rating)["user_rating"] == expected


def test_text_is_kept_as_people_wrote_it() -> None:
    """Newlines of a summary, emoji, right-to-left text and commas stay."""
    fields = _fields(
        details="one\r\ntwo\rthree",
        title="שלום 🎬",
        director="Keaton, Buster & Co",
        tags=[{"name": "a, b"}, {"name": "a, b"}, {"name": "c"}],
    )
    assert fields["summary"] == "one\ntwo\nthree"
    assert fields["title"] == "שלום 🎬"
    assert fields["directors"] == ("Keaton, Buster & Co",)
    assert fields["genres"] == ("a, b", "c")


@pytest.mark.parametrize(
    ("kept", "identified"),
    [
        ({}, False),
        ({"title": "clip_0001", "rating100": 50, "code": "X"}, False),
        ({"details": " "}, False),
        ({"studio": {"name": "A"}}, True),
        ({"performers": [{"name": "A"}]}, True),
        ({"tags": [{"name": "A"}]}, True),
        ({"details": "A"}, True),
        ({"date": "2024"}, True),
    ],
)
def test_identified(kept: dict[str, Any], identified: bool) -> None:
    """Anything that the file itself does not tell makes a scene identified."""
    bare: dict[str, Any] = {
        "studio": None,
        "performers": [],
        "tags": [],
        "details": "",
        "date": None,
    }
    scene = _scene(**(bare | kept))
    options = StashOptions(fields=frozenset({"title"}))
    assert make_record(scene, "s", _to_plex, options).identified is identified


@pytest.mark.parametrize("told_apart", [True, False])
def test_two_performers_of_one_name(told_apart: bool) -> None:
    """Two members where their disambiguation is told, else one."""
    performers = [
        {"name": "Ann", "disambiguation": "the elder"},
        {"name": "Ann", "disambiguation": "the younger"},
    ]
    options = StashOptions(disambiguation_as_role=told_apart)
    wanted = (Actor("Ann", "the elder"), Actor("Ann", "the younger"))
    cast = _fields(options, performers=performers)["actors"]
    assert cast == (wanted if told_apart else (Actor("Ann"),))


def test_all_files_in_their_order() -> None:
    """The primary file comes first; what is not mapped is left out, doubles too."""
    files = [
        {"path": "/stash/b.mkv"},
        {"path": "/elsewhere/c.mkv"},
        {"path": "/stash/a.mkv"},
        {"path": "/stash/b.mkv"},
    ]
    record = make_record(_scene(files=files), "s", _to_plex, StashOptions())
    assert record.find.paths == ("/plex/b.mkv", "/plex/a.mkv")


@pytest.mark.parametrize(
    ("change", "options", "reason"),
    [
        ({}, StashOptions(), None),
        ({"files": []}, StashOptions(), "no_file"),
        ({"files": [{"path": "/elsewhere/a"}]}, StashOptions(), "not_mapped"),
        ({"organized": False}, StashOptions(), None),
        ({"organized": False}, StashOptions(organized_only=True), "not_organized"),
        ({"organized": True}, StashOptions(organized_only=True), None),
    ],
)
def test_why_skipped(
    change: dict[str, Any], options: StashOptions, reason: str | None
) -> None:
    """Every scene that is not sent has a reason."""
    scene = _scene(**change)
    record = make_record(scene, "s", _to_plex, options)
    assert why_skipped(scene, record, options) == reason


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01T10:00:00Z", 1714557600),
        ("2024-05-01T12:00:00+02:00", 1714557600),
        ("2024-05-01T02:00:00-08:00", 1714557600),
        ("2024-05-01T10:00:00.999Z", 1714557600),
        ("0001-01-01T00:00:00Z", -62135596800),
        ("", None),
        ("soon", None),
        (None, None),
    ],
)
def test_revision(text: str | None, expected: int | None) -> None:
    """A revision is the instant, whatever zone it was written in."""
    assert revision_of(text) == expected


def test_revision_grows_when_the_clock_goes_back_for_winter() -> None:
    """02:59:59 summer time is before 02:00:01 winter time."""
    before = revision_of("2024-10-27T02:59:59+02:00")
    after = revision_of("2024-10-27T02:00:01+01:00")
    assert before is not None
    assert after == before + 2


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("scene:12", "12"),
        ("scene:", None),
        ("scene:x", None),
        ('scene:1") {', None),
        ("12", None),
        ("scene:１２", None),
        ("scene:99999999999999", None),
    ],
)
def test_keys(key: str, expected: str | None) -> None:
    """Only a number ever gets into a query's text."""
    assert id_of(key) == expected


def test_options_survive_storage() -> None:
    """Plain data and back; what is missing or unfit has its default."""
    options = StashOptions(
        fields=frozenset({"title", "actors"}),
        poster=False,
        background=True,
        organized_only=True,
        studio_collection=True,
        disambiguation_as_role=True,
        code_to="sort_title",
    )
    assert StashOptions.from_dict(options.as_dict()) == options
    assert StashOptions.from_dict({}) == StashOptions()
    assert (
        StashOptions.from_dict(
            {"fields": 7, "poster": "yes", "code_to": "title", "new": 1}
        )
        == StashOptions()
    )
    assert StashOptions.from_dict({"fields": ["title", "labels"]}).fields == {"title"}


def test_a_cover_may_change_within_the_second_of_its_scene() -> None:
    """Read too soon its mark does not last: the next look asks for the cover again."""
    seconds = (1, 30)
    soon, later = (
        make_record(
            _scene(),
            "src",
            _to_plex,
            EVERYTHING,
            datetime(2024, 5, 1, 10, 0, second, tzinfo=UTC),
        ).fields["poster"]
        for second in seconds
    )
    assert later == Image("/scene/7/screenshot", "2024-05-01T12:00:00+02:00")
    assert isinstance(soon, Image)
    assert soon.ref == later.ref
    assert soon.mark != later.mark


def test_marks_of_files() -> None:
    """Exact hashes and paths, each file's; never the perceptual hash."""
    prints = [
        {"type": "oshash", "value": "00ff"},
        {"type": "phash", "value": "1234"},
        {"type": "md5", "value": ""},
    ]
    one = {"path": "/stash/General.mkv", "fingerprints": prints}
    moved = one | {"path": "/stash/Moved.mkv"}
    changed = {"path": "/stash/General.mkv", "fingerprints": None}

    def marks(*files: dict[str, Any]) -> set[str]:
        return set(marks_of(_scene(files=list(files))))

    assert marks(one) & marks(moved) == {"oshash:00ff"}
    assert len(marks(one) & marks(changed)) == 1
    assert marks(one, moved) == marks(one) | marks(moved)
    assert marks_of(_scene(files=None)) == ()
    assert not any("General" in mark for mark in marks(one))
