"""What the demo asks of the simulated Plex and Stash."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import ClientSession

_SCENES = """
query Next($id: String!, $count: Int!) {
  findScenes(
    filter: {per_page: $count, sort: "updated_at", direction: ASC}
    scene_filter: {path: {value: $id, modifier: INCLUDES}}
  ) { scenes { id title details files { path } } }
}
"""
_EDIT = """
mutation Edit($input: SceneUpdateInput!) { sceneUpdate(input: $input) { title } }
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene of Stash; the path is as Stash sees it."""

    id: str
    title: str
    path: str
    details: str = ""

    @property
    def in_plex(self) -> str:
        """The path as Plex sees it."""
        return self.path.replace("/media/", "/data/", 1)


class Stash:
    """Stash, edited as its own pages do: through GraphQL."""

    def __init__(self, session: ClientSession, url: str) -> None:
        """Name it."""
        self._session = session
        self._url = url

    async def next_scene(self, name: str = "") -> Scene:
        """Give the scene that was not edited for longest, of those with the name in their path."""
        return (await self.next_scenes(1, name))[0]

    async def next_scenes(self, count: int, name: str = "") -> list[Scene]:
        """Give so many of them, the longest first. Raises LookupError if there are fewer."""
        data = await self._ask(_SCENES, {"id": name, "count": count})
        scenes = data["findScenes"]["scenes"]
        if len(scenes) < count:
            raise LookupError(name)
        return [
            Scene(
                scene["id"],
                scene["title"],
                scene["files"][0]["path"],
                scene["details"] or "",
            )
            for scene in scenes
        ]

    async def rename(self, scene: Scene, title: str) -> None:
        """Change the title of a scene."""
        await self.edit(scene, title=title)

    async def mark(self, scene: Scene, mark: str) -> None:
        """Put a mark behind the title and the details of a scene."""
        await self.edit(scene, title=scene.title + mark, details=scene.details + mark)

    async def edit(self, scene: Scene, **changes: Any) -> None:
        """Change a scene, by the names that Stash has for its values."""
        await self._ask(_EDIT, {"input": {"id": scene.id, **changes}})

    async def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        async with self._session.post(
            f"{self._url}/graphql", json={"query": query, "variables": variables}
        ) as answer:
            data: dict[str, Any] = (await answer.json())["data"]
            return data


class Plex:
    """Plex, looked into through its control port, which is there while Plex is down."""

    def __init__(self, session: ClientSession, url: str) -> None:
        """Name the control port."""
        self._session = session
        self._url = url

    async def item(self, path: str) -> dict[str, Any]:
        """Give the item that holds a file."""
        (item,) = await self._get(f"items?path={quote(path)}")
        return dict(item)

    async def title(self, path: str) -> str:
        """Give the title of the item that holds a file."""
        return str((await self.item(path))["values"]["title"])

    async def identify(self, item: int, guid: str) -> None:
        """Take an item for a film, whether or not another one is taken for it, too."""
        await self._post(f"item/{item}/guids", {"guids": [guid]})

    async def merge(self, item: int, other: int) -> None:
        """Make one item of two."""
        await self._post(f"item/{item}/merge", {"items": [other]})

    async def refuse_edits(self, item: int) -> None:
        """Refuse to edit an item."""
        await self._post(
            "faults",
            {"action": "status", "code": 400, "method": "PUT", "rating_key": item},
        )

    async def refuse_nothing(self) -> None:
        """Take back what was to be refused."""
        async with self._session.delete(f"{self._url}/faults") as answer:
            answer.raise_for_status()

    async def is_up(self) -> bool:
        """Say whether it accepts connections."""
        return bool((await self._get("ready"))["listening"])

    async def items(self) -> int:
        """Give how many items it holds."""
        return int((await self._get("ready"))["items"])

    async def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """Give the requests that reached it."""
        entries: list[dict[str, Any]] = (await self._get(f"journal?since={since}"))[
            "entries"
        ]
        return entries

    async def stop(self) -> None:
        """Take it down: connections are refused from now on."""
        await self._post("stop")

    async def start(self) -> None:
        """Bring it up again."""
        await self._post("start")

    async def _get(self, what: str) -> Any:
        async with self._session.get(f"{self._url}/{what}") as answer:
            answer.raise_for_status()
            return await answer.json()

    async def _post(self, what: str, data: dict[str, Any] | None = None) -> None:
        async with self._session.post(f"{self._url}/{what}", json=data) as answer:
            answer.raise_for_status()
