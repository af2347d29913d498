"""The documentation says of everything that can be met what it is, and nothing that is not."""

from collections.abc import Iterable
from pathlib import Path
import re
from urllib.parse import parse_qs, urlsplit

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import slugify
from homeassistant.util.yaml import parse_yaml
import pytest

from custom_components.plexsync.const import DOMAIN
from custom_components.plexsync.engine.model.fields import FIELDS
from custom_components.plexsync.services import ACTIONS
from tests.reasons import all_reasons
from tests.test_contract import ROOT, TEXTS, forms, keys_of

DOCS = ROOT / "docs"
PAGES = sorted(
    [
        *DOCS.glob("*.md"),
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "CONTRIBUTING.md",
    ]
)
HOME = "https://github.com/plexsync/plexsync"


def read(page: str) -> str:
    """Read a page."""
    return (DOCS / page).read_text()


def first_cells(page: str) -> list[list[str]]:
    """Give the first two cells of each row of a page's tables."""
    rows = [
        row.split(" | ")[:2] for row in re.findall(r"^\| (.+) \|$", page, re.MULTILINE)
    ]
    return [row for row in rows if not set(row[0]) <= {"-", "|"}]


def code(text: str) -> list[str]:
    """Give what stands in code in a line."""
    return re.findall(r"`([^`]+)`", text)


def test_every_entity_is_documented() -> None:
    """Name each as the frontend shows it, with its key; and none that is not there."""
    rows = first_cells(read("entities.md"))
    found = [
        (cells[0].strip("*"), code(cells[1])[0]) for cells in rows if "**" in cells[0]
    ]
    expected = [
        (text["name"], key)
        for platform in TEXTS["entity"].values()
        for key, text in platform.items()
    ]
    assert set(found) ^ set(expected) == set(), "entities.md"
    assert len(found) == len(expected)


def test_every_state_of_an_enum_is_documented() -> None:
    """Say what each means."""
    page = read("entities.md")
    for key, text in TEXTS["entity"]["sensor"].items():
        for state in text.get("state", {}):
            (row,) = [line for line in page.splitlines() if f"| `{key}` |" in line]
            assert f"`{state}`" in row


def test_every_event_is_documented_with_its_attributes() -> None:
    """Name each type and each attribute, and no type that is not there."""
    page = read("events.md")
    (text,) = TEXTS["entity"]["event"].values()
    attributes = text["state_attributes"]
    types = attributes["event_type"]["state"]
    assert {code(cells[0])[0] for cells in first_cells(page) if code(cells[0])} == set(
        types
    )
    assert attributes.keys() - {"event_type"} <= set(code(page))


def test_every_reason_is_documented() -> None:
    """Say what each means, and have no row for what cannot be met."""
    page = read("reasons.md")
    found = {name for cells in first_cells(page) for name in code(cells[0])}
    assert found == all_reasons()


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_documented_with_its_fields(action: str) -> None:
    """Name each action and each of its fields."""
    page = read("actions.md")
    assert f"plexsync.{action}" in page
    assert keys_of(ACTIONS[action][1]).keys() <= set(re.findall(r"`([a-z_]+)`", page))


def test_every_field_of_an_item_is_documented() -> None:
    """Name all that a record can carry."""
    assert FIELDS.keys() - set(code(read("actions.md"))) == set()


@pytest.mark.parametrize(
    ("part", "page"), [("config", "setup.md"), ("options", "setup.md")]
)
def test_every_field_of_a_form_is_documented(part: str, page: str) -> None:
    """Name each field of the set-up, and each option."""
    fields = {key for form in forms(TEXTS[part]) for key in form["data"]}
    assert fields
    asked_elsewhere = {"machine_id"}  # a list to choose from, and nothing to type
    assert fields - asked_elsewhere <= set(code(read(page)))


def test_every_option_of_a_source_is_documented() -> None:
    """Name each, on the page of the set-up or on that of its options."""
    known = set(code(read("setup.md"))) | set(code(read("stash.md")))
    words = {"title", "summary", "date", "user_rating", "studio", "actors", "directors"}
    words |= {"collections", "accept_anyway"}  # rows of the table; a box to tick once
    fields = {key for form in forms(TEXTS["config_subentries"]) for key in form["data"]}
    assert fields - known - words == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda each: each.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Have a file for each link, and a heading for each place on a page."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert anchor in {
                re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-")
                for head in heads
            }, link


def examples() -> list[tuple[str, dict[str, object]]]:
    """Give each automation that can be copied from a page."""
    return [
        (page.name, parse_yaml(block))
        for page in PAGES
        for block in re.findall(r"```yaml\n(.+?)```", page.read_text(), re.DOTALL)
        if "triggers:" in block
    ]


async def test_the_automations_to_copy_are_valid(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """Let Home Assistant set up each, beside our own actions."""
    assert await async_setup_component(hass, DOMAIN, {})
    found = examples()
    assert len(found) > 2
    for number, (page, example) in enumerate(found):
        assert example.keys() <= {"triggers", "conditions", "actions"}, page
        example["alias"] = f"Example {number}"
    config = {"automation": [example for _, example in found]}
    assert await async_setup_component(hass, "automation", config)
    await hass.async_block_till_done()
    assert {state.state for state in hass.states.async_all("automation")} == {"on"}
    assert len(hass.states.async_all("automation")) == len(found)
    assert "invalid" not in caplog.text.lower()


def entities_of(node: object) -> set[str]:
    """Give every entity that a dashboard names."""
    if isinstance(node, str):
        return {node} if re.fullmatch(r"[a-z_]+\.[a-z0-9_]+", node) else set()
    values = node.values() if isinstance(node, dict) else node
    if not isinstance(values, Iterable):
        return set()
    return {each for value in values for each in entities_of(value)}


def test_the_dashboard_to_paste_names_what_there_is() -> None:
    """Name only our entities, as those of a server "Plex" and a source "Stash", and every state."""
    (block,) = re.findall(r"```yaml\n(.+?)```", read("dashboards.md"), re.DOTALL)
    dashboard = parse_yaml(block)
    assert isinstance(dashboard, dict)
    assert dashboard.keys() == {"views"}
    ours = {
        f"{platform}.{'stash' if key == 'source' else 'plex'}_{slugify(text['name'])}"
        for platform, keys in TEXTS["entity"].items()
        for key, text in keys.items()
    }
    found = entities_of(dashboard) - {"button.press"}
    assert found
    assert found <= ours
    for state in TEXTS["entity"]["sensor"]["status"]["state"]:
        assert re.search(rf"^ *- \"?{state}\"?$", block, re.MULTILINE), state


def test_the_buttons_lead_to_this_repository() -> None:
    """Name the owner, the repository and the kind as Home Assistant's links want them."""
    readme = (ROOT / "README.md").read_text()
    links = re.findall(r"https://my\.home-assistant\.io/redirect/\S+(?=\))", readme)
    asked = {
        urlsplit(link).path.split("/")[2]: parse_qs(urlsplit(link).query)
        for link in links
    }
    owner, repository = urlsplit(HOME).path.strip("/").split("/")
    assert asked == {
        "hacs_repository": {
            "owner": [owner],
            "repository": [repository],
            "category": ["integration"],
        },
        "config_flow_start": {"domain": ["plexsync"]},
    }


def test_the_readme_leads_to_every_page_for_users() -> None:
    """Leave no page that nobody finds."""
    linked = set(re.findall(r"\(docs/([a-z-]+\.md)", (ROOT / "README.md").read_text()))
    for_developers = {
        "architecture.md",
        "cases.md",
        "fault-matrix.md",
        "quality-scale.md",
    }
    assert {page.name for page in DOCS.glob("*.md")} - for_developers == linked


def test_the_readme_is_a_screen_and_a_half() -> None:
    """Leave what is long to the other pages."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 90
