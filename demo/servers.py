"""What the demo asks of the simulated Plex and Stash."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import ClientSession

_SCENES = """
query Next($id: String!) {
  findScenes(
    filter: {per_page: 1, sort: "updated_at", direction: ASC}
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


class Stash:
    """Stash, edited as its own pages do: through GraphQL."""

    def __init__(self, session: ClientSession, url: str) -> None:
        """Name it."""
        self._session = session
        self._url = url

    async def next_scene(self, name: str = "") -> Scene:
        """Give the scene that was not edited for longest, of those with the name in their path."""
        data = await self._ask(_SCENES, {"id": name})
        scenes = data["findScenes"]["scenes"]
        if not scenes:
            raise LookupError(name)
        scene = scenes[0]
        path = scene["files"][0]["path"]
        return Scene(scene["id"], scene["title"], path, scene["details"] or "")

    async def rename(self, scene: Scene, title: str) -> None:
        """Change the title of a scene."""
        await self.edit(scene, title=title)

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

    async def title(self, path: str) -> str:
        """Give the title of the item that holds a file."""
        items = await self._get(f"items?path={quote(path)}")
        return str(items[0]["values"]["title"])

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

    async def _post(self, what: str) -> None:
        async with self._session.post(f"{self._url}/{what}") as answer:
            answer.raise_for_status()
