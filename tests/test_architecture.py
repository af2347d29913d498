"""The pages for newcomers name files that are there."""

from pathlib import Path
import re

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = ROOT / "custom_components/plexsync"
PAGES = [ROOT / "docs/architecture.md", *(ROOT / "docs/decisions").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_and_links_lead_somewhere(page: Path) -> None:
    """What a page names in code style or links to exists."""
    text = page.read_text("utf-8")
    for name in re.findall(r"`([a-z_/]+\.py)`", text):
        assert (PRODUCT / name).is_file(), name
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (page.parent / link).exists(), link


def test_the_picture_names_files() -> None:
    """Each box of the picture begins with a file, or a folder, of the ring that it stands in."""
    boxes = re.findall(r'\["(\w+(?:\.py|/))<br>', PAGES[0].read_text("utf-8"))
    assert len(boxes) > 5
    for name in boxes:
        assert list(PRODUCT.rglob(name)), name


def test_every_decision_is_listed() -> None:
    """The list of the decisions leads to all of them."""
    listed = (ROOT / "docs/decisions/README.md").read_text("utf-8")
    for page in (ROOT / "docs/decisions").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in listed
