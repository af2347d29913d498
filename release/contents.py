"""What a release holds, which version it is, and what is new in it."""

import json
from pathlib import Path, PurePosixPath
import re
import subprocess

REPOSITORY = Path(__file__).resolve().parent.parent
DOMAIN = "plexsync"
COMPONENT = REPOSITORY / "custom_components" / DOMAIN
ARCHIVE = "plexsync.zip"  # hacs.json names it too

# Every committed file of the component is of one of these kinds, or it is left out.
KINDS = (
    "**/*.py",
    "brand/*.png",
    "icons.json",
    "manifest.json",
    "panel/*.js",
    "services.yaml",
    "translations/*.json",
)
LEFT_OUT = ("quality_scale.yaml",)  # read by people and tests, never by Home Assistant
LICENSE = "LICENSE"  # of the repository; each copy has to bring it


class ReleaseError(Exception):
    """Something cannot be released; the text says what."""


def committed() -> list[PurePosixPath]:
    """Name the component's files that git knows, from the component's folder on."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", "."],  # whichever git there is
        cwd=COMPONENT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [PurePosixPath(name) for name in sorted(listed.split("\0")) if name]


def contents(files: list[PurePosixPath]) -> list[PurePosixPath]:
    """Choose what goes into a release. Raises ReleaseError for a file of no known kind."""
    chosen = [each for each in files if _is_one_of(each, KINDS)]
    unknown = [
        str(each)
        for each in files
        if each not in chosen and not _is_one_of(each, LEFT_OUT)
    ]
    if unknown:
        raise ReleaseError(f"of no kind that a release holds: {', '.join(unknown)}")
    return chosen


def _is_one_of(file: PurePosixPath, kinds: tuple[str, ...]) -> bool:
    return any(file.full_match(kind) for kind in kinds)


def version() -> str:
    """Read the version from the one place where it stands."""
    return str(json.loads((COMPONENT / "manifest.json").read_text())["version"])


def check_tag(tag: str) -> None:
    """Raise ReleaseError unless a tag names the version that the manifest has."""
    if tag != f"v{version()}":
        raise ReleaseError(f"the tag is {tag}, the manifest says {version()}")


def changelog() -> dict[str, str]:
    """Give the sections of the changelog by version, newest first."""
    text = (REPOSITORY / "CHANGELOG.md").read_text()
    heads = list(re.finditer(r"^## (\S+)(?: \([-0-9]+\))?$", text, re.MULTILINE))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {
        head[1]: text[head.end() : end].strip()
        for head, end in zip(heads, ends, strict=True)
    }


def notes() -> str:
    """Give what is new in this version. Raises ReleaseError if nobody wrote it down."""
    if not (found := changelog().get(version())):
        raise ReleaseError(f"the changelog says nothing of {version()}")
    return found
