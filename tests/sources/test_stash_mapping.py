"""From a Stash scene to a record, case by case."""

from dataclasses import fields, replace
from datetime import UTC, datetime
import json
from typing import Any

import pytest

from custom_components.plexsync.engine.jobs.skipped import REASONS
from custom_components.plexsync.engine.model.record import Actor, Image
from custom_components.plexsync.sources.stash.mapping import (
    id_of,
    make_record,
    marks_of,
    revision_of,
    why_skipped,
)
from custom_components.plexsync.sources.stash.options import FIELDS, StashOptions

EVERYTHING = StashOptions(
    background=True,
    studio_collection=True,
    role="disambiguation",
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
    options = StashOptions(role="disambiguation" if told_apart else None)
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
        ({}, StashOptions(with_tags=("silent", "Comedy")), None),
        ({}, StashOptions(with_tags=("Silent", "Other")), "filtered"),
        ({}, StashOptions(without_tags=("Other",)), None),
        ({}, StashOptions(without_tags=("Other", "SILENT")), "filtered"),
        ({"tags": []}, StashOptions(with_tags=("Silent",)), "filtered"),
        ({}, StashOptions(only_studios=("Other", "united artists")), None),
        ({}, StashOptions(only_studios=("Other",)), "filtered"),
        ({"studio": None}, StashOptions(only_studios=("Other",)), "filtered"),
        ({"studio": None}, StashOptions(without_studios=("Other",)), None),
        ({}, StashOptions(without_studios=("United Artists",)), "filtered"),
        (
            {"studio": {"name": "A", "parent_studio": {"name": "B"}}},
            StashOptions(only_studios=("B",)),
            None,
        ),
        (
            {"studio": {"name": "A", "parent_studio": {"name": "B"}}},
            StashOptions(without_studios=("B",)),
            "filtered",
        ),
        ({}, StashOptions(min_rating=8.5), None),
        ({}, StashOptions(min_rating=9), "filtered"),
        ({"rating100": None}, StashOptions(min_rating=0.5), "filtered"),
        ({"files": []}, StashOptions(min_rating=9), "filtered"),
    ],
)
def test_why_skipped(
    change: dict[str, Any], options: StashOptions, reason: str | None
) -> None:
    """Every scene that is not sent has a reason."""
    scene = _scene(**change)
    record = make_record(scene, "s", _to_plex, options)
    assert why_skipped(scene, record, options) == reason
    assert reason is None or reason in REASONS


@pytest.mark.parametrize("unknown", ["tags", "studio", "rating100", "organized"])
def test_what_this_stash_does_not_tell_keeps_nothing_back(unknown: str) -> None:
    """A field that was not asked for is no reason."""
    scene = _scene(organized=False)
    options = StashOptions(
        organized_only=unknown == "organized",
        with_tags=("X",) if unknown == "tags" else (),
        only_studios=("X",) if unknown == "studio" else (),
        min_rating=10 if unknown == "rating100" else 0,
    )
    assert why_skipped(scene, make_record(scene, "s", _to_plex, options), options)
    del scene[unknown]
    record = make_record(scene, "s", _to_plex, options)
    assert why_skipped(scene, record, options) is None


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
        title_template="{studio} {file}",
        content_rating="XXX",
        code_to="sort_title",
        gender="non_binary",
        gender_only=True,
        role="alias",
        tag_collections=True,
        tags_below="Kind",
        tags_without=("One", "Two"),
        tag_parents=True,
        studio_collection=True,
        network_collection=True,
        organized_only=True,
        with_tags=("Three",),
        without_tags=("Four",),
        only_studios=("Five",),
        without_studios=("Six",),
        min_rating=7.5,
        fill_only=frozenset({"actors"}),
    )
    assert {field.name for field in fields(options)} == options.as_dict().keys()
    again = json.loads(json.dumps(options.as_dict()))
    assert StashOptions.from_dict(again) == options
    assert StashOptions.from_dict({}) == StashOptions()
    assert StashOptions.from_dict({"fields": ["title", "labels", "x"]}).fields == {
        "title",
        "labels",
    }


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


@pytest.mark.parametrize(
    "unfit",
    [
        {"fields": 7, "poster": "yes", "code_to": "title", "new": 1},
        {"title_template": "{year}", "content_rating": None, "tags_below": ["x"]},
        {"title_template": "{file", "role": "name", "gender": ["male"]},
        {"with_tags": "One", "tags_without": [1, None, " "], "only_studios": {}},
        *({"min_rating": value} for value in ("7", True, -1, 10.5, float("nan"))),
    ],
)
def test_unfit_options_have_their_defaults(unfit: dict[str, Any]) -> None:
    """What a subentry holds may be of another version."""
    assert StashOptions.from_dict(unfit) == StashOptions()


@pytest.mark.parametrize(
    ("stored", "role"),
    [
        ({"disambiguation_as_role": True}, "disambiguation"),
        ({"disambiguation_as_role": False}, None),
        ({"disambiguation_as_role": True, "role": None}, None),
        ({"disambiguation_as_role": True, "role": "alias"}, "alias"),
    ],
)
def test_the_role_as_it_was_stored_before(
    stored: dict[str, Any], role: str | None
) -> None:
    """The disambiguation was a switch of its own once."""
    assert StashOptions.from_dict(stored).role == role


def test_content_rating() -> None:
    """One text for all scenes, or nothing."""
    assert _fields(StashOptions(content_rating="XXX"))["content_rating"] == "XXX"
    assert "content_rating" not in _fields(StashOptions())


@pytest.mark.parametrize(
    ("template", "change", "title"),
    [
        ("", {}, None),
        ("{file}", {}, "General"),
        ("{file}", {"files": [{"path": "/a/Mr. X.mkv"}, {"path": "/b.avi"}]}, "Mr. X"),
        ("{file}", {"files": [{"path": "/a\\b/c\\d.mkv"}]}, "c\\d"),
        ("{file}", {"files": [{"path": "D:\\Films\\One.two.mp4"}]}, "One.two"),
        ("{file}", {"files": [{"path": "/a/.hidden"}]}, ".hidden"),
        ("{file}", {"files": [{"path": "/a/ends"}]}, "ends"),
        ("{file}", {"files": []}, None),
        ("{studio} {date}", {}, "United Artists 1926-12-31"),
        ("{studio} {date}", {"date": "1926"}, "United Artists 1926"),
        ("{studio} {date}", {"date": None}, None),
        ("{studio} {date}", {"studio": None}, None),
        ("{performers} - {code}", {}, "Buster Keaton, Marion Mack - GEN-1"),
        ("{performers}", {"performers": []}, None),
        ("{code} [{code}]", {"code": " {file} "}, "{file} [{file}]"),
        ("{code}", {"code": "x" * 300}, "x" * 255),
    ],
)
@pytest.mark.parametrize("empty", ["", None, " "])
def test_title_where_stash_has_none(
    template: str, change: dict[str, Any], title: str | None, empty: str | None
) -> None:
    """Made of what the template names; what is unknown leaves Plex's title alone."""
    options = StashOptions(title_template=template)
    assert _fields(options, **change, title=empty).get("title") == title
    assert _fields(options, **change)["title"] == "The General"
    off = StashOptions(fields=frozenset(), title_template=template)
    assert "title" not in _fields(off, **change, title=empty)


TAGS = [
    {"name": "Comedy", "parents": [{"name": "Kind"}, {"name": "Mood"}]},
    {"name": "Silent", "parents": [{"name": "Kind"}]},
    {"name": "Seen", "parents": []},
]


@pytest.mark.parametrize(
    ("options", "tags"),
    [
        ({}, ("Comedy", "Silent", "Seen")),
        ({"tags_without": ("seen", "other")}, ("Comedy", "Silent")),
        ({"tags_below": "kind"}, ("Comedy", "Silent")),
        ({"tags_below": "Nothing"}, None),
        ({"tag_parents": True}, ("Comedy", "Kind", "Mood", "Silent", "Seen")),
        ({"tag_parents": True, "tags_below": "Kind"}, ("Comedy", "Mood", "Silent")),
        (
            {"tag_parents": True, "tags_without": ("Mood",)},
            ("Comedy", "Kind", "Silent", "Seen"),
        ),
    ],
)
def test_which_tags(options: dict[str, Any], tags: tuple[str, ...] | None) -> None:
    """The same choice holds wherever tags go."""
    everywhere = FIELDS | {"labels"}
    wanted = StashOptions(fields=everywhere, tag_collections=True, **options)
    found = _fields(wanted, tags=TAGS)
    assert found["genres"] == found["labels"] == tags
    assert found["collections"] == ("Stone Face", *(tags or ()))


def test_tags_go_where_they_are_sent() -> None:
    """To labels alone, or to collections alone."""
    labels = StashOptions(fields=frozenset({"labels"}), poster=False)
    assert _fields(labels) == {"labels": ("Comedy", "Silent")}
    collections = StashOptions(fields=frozenset(), poster=False, tag_collections=True)
    assert _fields(collections) == {"collections": ("Comedy", "Silent")}


def test_parents_that_this_stash_does_not_know() -> None:
    """All tags instead of a few would be wrong; a list without parents is not."""
    fields = _fields(StashOptions(tags_below="Kind"))
    assert "genres" not in fields
    assert _fields(StashOptions(tag_parents=True))["genres"] == ("Comedy", "Silent")


def test_network_as_collection() -> None:
    """One level up, where there is one."""
    options = StashOptions(fields=frozenset(), poster=False, network_collection=True)
    studio = {"name": "Pathe", "parent_studio": {"name": "Network"}}
    assert _fields(options, studio=studio) == {"collections": ("Network",)}
    both = replace(options, studio_collection=True)
    assert _fields(both, studio=studio)["collections"] == ("Pathe", "Network")
    for none in (None, {"name": "Pathe"}, studio | {"parent_studio": None}):
        assert _fields(options, studio=none) == {"collections": None}


CAST = [
    {"name": "Al", "gender": "MALE", "alias_list": []},
    {"name": "Bo", "gender": None, "alias_list": ["Bobo", "Bob"]},
    {"name": "Cy", "gender": "TRANSGENDER_FEMALE", "alias_list": ["Cyd"]},
    {"name": "Di", "gender": "FEMALE", "alias_list": None},
]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"gender": "female"}, "Di Al Bo Cy"),
        ({"gender": "transgender_female"}, "Cy Al Bo Di"),
        ({"gender": "female", "gender_only": True}, "Di"),
        ({"gender": "intersex", "gender_only": True}, ""),
        ({"gender_only": True}, "Al Bo Cy Di"),
    ],
)
def test_performers_of_one_gender(options: dict[str, Any], names: str) -> None:
    """First, or alone."""
    actors = _fields(StashOptions(**options), performers=CAST)["actors"] or ()
    assert [actor.name for actor in actors] == names.split()


def test_a_gender_that_this_stash_does_not_know() -> None:
    """All performers instead of some would be wrong; another order is not."""
    only = StashOptions(gender="female", gender_only=True)
    assert "actors" not in _fields(only)
    first = _fields(replace(only, gender_only=False))["actors"]
    assert [actor.name for actor in first] == ["Buster Keaton", "Marion Mack"]


def test_alias_as_role() -> None:
    """The first one."""
    actors = _fields(StashOptions(role="alias"), performers=CAST)["actors"]
    assert [actor.role for actor in actors] == [None, "Bobo", "Cyd", None]
