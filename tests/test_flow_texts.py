"""The texts of the flows say nothing that no flow can show, and explain every field."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any

import pytest

from custom_components import plexsync
from tests.flows import texts

SOURCES = "".join(
    file.read_text("utf-8")
    for file in Path(plexsync.__file__).parent.rglob("*.py")
    if file.stem.endswith(("_flow", "_fields", "validation"))
)
FLOWS = [
    ("config",),
    ("options",),
    *(("config_subentries", source) for source in texts()["config_subentries"]),
]


def said(path: tuple[str, ...]) -> dict[str, Any]:
    """Give one flow's texts."""
    found = texts()
    for name in path:
        found = found[name]
    return found


def forms(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a step and its sections."""
    yield step
    yield from step.get("sections", {}).values()


@pytest.mark.parametrize("path", FLOWS)
def test_every_field_is_explained(path: tuple[str, ...]) -> None:
    """Have a name and a description for each field, and for no other."""
    for step in said(path)["step"].values():
        for form in forms(step):
            assert (
                form.get("data", {}).keys() == form.get("data_description", {}).keys()
            )


@pytest.mark.parametrize("path", FLOWS)
def test_nothing_is_left_over(path: tuple[str, ...]) -> None:
    """Have no step, error or abort that the code does not know."""
    for step in said(path)["step"]:
        assert f"async def async_step_{step}(" in SOURCES
    for kind in ("error", "abort"):
        for key in said(path).get(kind, {}):
            assert f'"{key}"' in SOURCES, key


def test_the_end_says_how_a_source_begins() -> None:
    """Have a sentence for each way to begin."""
    said_last = said(("config_subentries", "stash"))["create_entry"]
    assert said_last.keys() == texts()["selector"]["start"]["options"].keys()


@pytest.mark.parametrize("path", FLOWS)
def test_an_address_that_is_an_example_is_no_link(path: tuple[str, ...]) -> None:
    """Show it as code: the frontend makes links of bare addresses."""
    for step in said(path)["step"].values():
        for form in forms(step):
            for text in form.get("data_description", {}).values():
                assert text.count("{example_url}") == text.count("`{example_url}`")


def strings(node: Any) -> Iterator[str]:
    """Yield every text."""
    if isinstance(node, str):
        yield node
    else:
        for each in node.values():
            yield from strings(each)


@pytest.mark.parametrize("path", [*FLOWS, ("selector",)])
def test_texts_are_as_hassfest_wants_them(path: tuple[str, ...]) -> None:
    """Have no address, no markup, no placeholder in quotes, no space around."""
    for text in strings(said(path)):
        assert text == text.strip()
        assert not re.search(r"https?://|<[^>]+>|'{\w+}'|\[%", text)
