"""Normal form, mapping and suggestion of paths."""

import unicodedata

from hypothesis import given, strategies as st
import pytest

from custom_components.plexsync.plex.paths import (
    PathMapper,
    folder_in,
    is_windows,
    key,
    lies_in,
    name,
    normal,
    suggest,
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/data/a.mp4", "/data/a.mp4"),
        ("/data//a/", "/data/a"),
        ("/", "/"),
        ("", ""),
        (r"D:\Media\a.mp4", "D:/Media/a.mp4"),
        ("D:\\", "D:"),
        (r"\\nas\media\\a.mp4", "//nas/media/a.mp4"),
        ("//nas/media/", "//nas/media"),
        (unicodedata.normalize("NFD", "/data/Amélie.mkv"), "/data/Amélie.mkv"),
    ],
)
def test_normal(path: str, expected: str) -> None:
    """One spelling for each path; and the normal form of a normal form is itself."""
    assert normal(path) == expected
    assert normal(expected) == expected


@given(st.text())
def test_normal_is_stable(path: str) -> None:
    """Normalising twice changes nothing more."""
    assert normal(normal(path)) == normal(path)
    assert key(key(path)) == key(path)


@pytest.mark.parametrize(
    ("root", "path", "folder"),
    [
        ("/data/films", "/data/films/new/a.mkv", "/data/films/new"),
        ("/data/films/", "/data/films/new/b c/a.mkv", "/data/films/new/b c"),
        ("/data/films", "/data/films/a.mkv", "/data/films"),
        ("/data/films", "/data/filmsets/a.mkv", None),
        ("/data/films", "/other/a.mkv", None),
        ("/", "/new/a.mkv", "/new"),
        (r"D:\Films", "d:/films/New/a.mkv", r"D:\Films\New"),
        ("D:\\", "D:/New/a.mkv", r"D:\New"),
        (r"\\nas\films", "//NAS/films/New/a.mkv", r"\\nas\films\New"),
    ],
)
def test_the_folder_of_a_file(root: str, path: str, folder: str | None) -> None:
    """Spelled as the server spells its own: it has to know it on its disk."""
    assert folder_in(root, path) == folder


def test_case_folds_on_windows_alone() -> None:
    """A drive letter or a share says that case does not matter."""
    assert key(r"D:\Media\A.MP4") == key("d:/media/a.mp4")
    assert key(r"\\NAS\Media") == key("//nas/media")
    assert key("/data/A.mp4") != key("/data/a.mp4")
    assert is_windows("C:/x")
    assert is_windows("//nas/x")
    assert not is_windows("/c/x")
    assert not is_windows("CD:/x")


@pytest.mark.parametrize(
    ("path", "folder", "inside"),
    [
        ("/data/a.mp4", "/data", True),
        ("/data/a.mp4", "/data/", True),
        ("/data", "/data", True),
        ("/database/a.mp4", "/data", False),
        ("/data/a.mp4", "/", True),
        (r"d:\media\x.mp4", "D:\\", True),
        (r"D:\Media\x.mp4", "d:/media", True),
        (r"\\nas\m\x.mp4", r"\\NAS\m", True),
        ("/nas/m/x.mp4", r"\\nas\m", False),
    ],
)
def test_lies_in(path: str, folder: str, inside: bool) -> None:
    """Folders hold whole components."""
    assert lies_in(path, folder) is inside


def test_name() -> None:
    """The file's own name, on either kind of system."""
    assert name("/data/a.mp4") == name(r"D:\x\a.mp4") == "a.mp4"


def test_mapping() -> None:
    """The longest prefix of whole components wins, in both directions."""
    mapper = PathMapper(
        [("/mnt", "/volume"), ("/mnt/user/media", r"D:\Media"), ("/a/", "/data/a/")]
    )
    assert mapper.to_plex("/mnt/user/media/x/y.mp4") == "D:/Media/x/y.mp4"
    assert mapper.to_plex("/mnt/user/mediathek/y.mp4") == "/volume/user/mediathek/y.mp4"
    assert mapper.to_plex("/mnt/user/media") == "D:/Media"
    assert mapper.to_plex("/elsewhere/y.mp4") == "/elsewhere/y.mp4"
    assert mapper.from_plex(r"d:\media\X\y.mp4") == (
        "/mnt/user/media/X/y.mp4",
        "d:/media/X/y.mp4",
    )
    assert mapper.from_plex("/data/a/y.mp4") == ("/a/y.mp4", "/data/a/y.mp4")
    assert mapper.from_plex("/DATA/A/y.mp4") == ("/DATA/A/y.mp4",)


def test_mapping_of_roots() -> None:
    """A root on either side maps like any folder."""
    mapper = PathMapper([("/", "/media")])
    assert mapper.to_plex("/a/b.mp4") == "/media/a/b.mp4"
    assert mapper.from_plex("/media/a/b.mp4") == ("/a/b.mp4",)
    assert mapper.from_plex("/media") == ("/",)
    back = PathMapper([("/media", "/")])
    assert back.to_plex("/media/a.mp4") == "/a.mp4"


def test_first_of_equal_prefixes_wins() -> None:
    """Pairs are ordered where their length does not decide."""
    mapper = PathMapper([("/a", "/x"), ("/a", "/y")])
    assert mapper.to_plex("/a/1.mp4") == "/x/1.mp4"
    assert mapper.from_plex("/x/1.mp4") == ("/a/1.mp4", "/x/1.mp4")


def test_folders_that_plex_shows_as_one() -> None:
    """A path of Plex may be any path that is mapped to it, and no other."""
    mapper = PathMapper(
        [("/disk1", "/media"), ("/disk2", "/media"), ("/disk1/x", "/other")]
    )
    assert mapper.from_plex("/media/a.mp4") == (
        "/disk1/a.mp4",
        "/disk2/a.mp4",
        "/media/a.mp4",
    )
    assert mapper.from_plex("/media/x/a.mp4") == ("/disk2/x/a.mp4", "/media/x/a.mp4")
    assert mapper.from_plex("/disk1/a.mp4") == ()


@given(
    st.lists(st.sampled_from(["a", "B", "media", "x y", "ü"]), min_size=1, max_size=4)
)
def test_mapping_round_trip(parts: list[str]) -> None:
    """What was mapped there maps back."""
    mapper = PathMapper([("/mnt/user", "/data"), ("/mnt/user/media", "/srv/media")])
    path = "/mnt/user/" + "/".join(parts)
    assert path in mapper.from_plex(mapper.to_plex(path))


def test_suggestion_from_files() -> None:
    """The common tail of samples says what stands for what; most explained comes first."""
    source = [
        "/mnt/user/media/clips/a/1.mp4",
        "/mnt/user/media/clips/b/2.mp4",
        "/mnt/disk2/films/3.mp4",
        "/nowhere/9.mp4",
    ]
    plex = [
        "/data/clips/a/1.mp4",
        "/data/clips/b/2.mp4",
        r"E:\Films\3.mp4",
        "/data/other/7.mp4",
    ]
    assert suggest(source, plex) == (("/mnt/user/media", "/data"), ("/mnt/disk2", "E:"))


def test_suggestion_from_roots() -> None:
    """Roots of libraries do where no samples are at hand."""
    assert suggest(["/mnt/user/media/clips"], ["/data/clips", "/data/films"]) == (
        ("/mnt/user/media", "/data"),
    )


def test_nothing_to_suggest() -> None:
    """What both see alike needs no pair, and a root never stands alone."""
    assert suggest(["/data/a/1.mp4"], ["/data/a/1.mp4"]) == ()
    assert suggest(["/data/1.mp4"], []) == ()
    assert suggest(["/media/1.mp4"], ["/data/media/1.mp4"]) == (
        ("/media", "/data/media"),
    )


def test_suggestion_is_not_led_by_one_common_name() -> None:
    """Equal base names in many folders are outvoted by those that tell."""
    source = [f"/src/x{i}/video.mp4" for i in range(3)] + ["/src/x1/unique.mp4"]
    plex = [f"/dst/x{i}/video.mp4" for i in range(3)] + ["/dst/x1/unique.mp4"]
    assert suggest(source, plex) == (("/src", "/dst"),)


def test_longest_tail_decides() -> None:
    """Of several files with one name the one in the same folder is meant."""
    assert suggest(
        ["/src/a/b/video.mp4"],
        ["/one/x/video.mp4", "/two/a/b/video.mp4", "/three/b/video.mp4"],
    ) == (("/src", "/two"),)


def test_what_is_explained_needs_no_second_pair() -> None:
    """Where two places could be meant, the one that other samples speak for is."""
    assert suggest(
        ["/src/video.mp4", "/src/u.mp4"],
        ["/a/x/video.mp4", "/b/y/video.mp4", "/a/x/u.mp4"],
    ) == (("/src", "/a/x"),)
