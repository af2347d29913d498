"""The other port: what a user or the weather does to the simulated Stash."""

from base64 import b64decode
from collections.abc import Awaitable, Callable
from datetime import timedelta
import json
from typing import Any, Self, cast

from aiohttp import web

from .base import Kind, StashError
from .faults import Fault
from .scenes import SceneFields
from .server import StashSimulator

_EDITABLE = SceneFields.__annotations__.keys()


def _fields(given: dict[str, Any]) -> SceneFields:
    """Check what is to be set; a cover comes in base64."""
    if unknown := given.keys() - _EDITABLE:
        raise ValueError(f"No such fields: {sorted(unknown)}")
    if given.get("cover") is not None:
        given["cover"] = b64decode(given["cover"])
    return cast("SceneFields", given)


@web.middleware
async def _explain(
    request: web.Request,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Answer mistakes of the caller as such."""
    try:
        return await handler(request)
    except (StashError, ValueError, KeyError, TypeError) as err:
        return web.json_response({"error": f"{type(err).__name__}: {err}"}, status=400)


async def _body(request: web.Request) -> dict[str, Any]:
    """Read a JSON object; no body means an empty one."""
    text = await request.text()
    body: dict[str, Any] = json.loads(text) if text else {}
    return body


def _done(**more: Any) -> web.Response:
    """Say that it is done."""
    return web.json_response({"ok": True} | more)


class ControlServer:
    """Answers below ``/__sim`` on a port that stays up while the simulated Stash is down."""

    def __init__(self, simulator: StashSimulator) -> None:
        """Control a simulator."""
        self.simulator = simulator
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address, without the path."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, port: int = 0) -> Self:
        """Listen."""
        app = web.Application(middlewares=[_explain])
        app.add_routes(
            [
                web.get("/__sim/ready", self._ready),
                web.get("/__sim/journal", self._journal),
                web.delete("/__sim/journal", self._clear_journal),
                web.post("/__sim/stop", self._stop),
                web.post("/__sim/start", self._start),
                web.post("/__sim/faults", self._add_fault),
                web.delete("/__sim/faults", self._clear_faults),
                web.post("/__sim/state", self._state),
                web.post("/__sim/job", self._job),
                web.get("/__sim/scenes", self._scenes),
                web.post("/__sim/scene", self._add_scene),
                web.post(r"/__sim/scene/{id:\d+}", self._edit_scene),
                web.delete(r"/__sim/scene/{id:\d+}", self._delete_scene),
                web.post("/__sim/merge", self._merge),
                web.post("/__sim/move", self._move),
                web.post("/__sim/disk", self._disk),
                web.post("/__sim/rename", self._rename),
                web.post("/__sim/import", self._import),
            ]
        )
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=1, handle_signals=False
        )
        await self._runner.setup()
        await web.TCPSite(
            self._runner, "127.0.0.1", port or self.port, reuse_address=True
        ).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        """Start."""
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def _ready(self, request: web.Request) -> web.Response:
        """Say that the simulator is there, and whether its Stash is up."""
        scenes = self.simulator.core.store.number("SELECT count(*) FROM scenes")
        return _done(
            running=self.simulator.running, url=self.simulator.url, scenes=scenes
        )

    async def _journal(self, request: web.Request) -> web.Response:
        """Give the requests so far."""
        return web.json_response(self.simulator.journal.dump())

    async def _clear_journal(self, request: web.Request) -> web.Response:
        """Forget the requests so far."""
        self.simulator.journal.clear()
        return _done()

    async def _stop(self, request: web.Request) -> web.Response:
        """Take the Stash down."""
        await self.simulator.stop()
        return _done()

    async def _start(self, request: web.Request) -> web.Response:
        """Bring the Stash up again, on the same port."""
        await self.simulator.start()
        return _done(url=self.simulator.url)

    async def _add_fault(self, request: web.Request) -> web.Response:
        """Order a fault: the fields of :class:`Fault`."""
        self.simulator.faults.add(Fault(**await _body(request)))
        return _done()

    async def _clear_faults(self, request: web.Request) -> web.Response:
        """Withdraw all faults."""
        self.simulator.faults.clear()
        return _done()

    async def _state(self, request: web.Request) -> web.Response:
        """Change the server.

        Settings: version, status, database_schema, locked (nothing can be written),
        api_key, tripwire, latency, zone (hours from UTC), jobs (how many seconds one
        takes, or "held" until they are released), and sick (scenes that cannot be read,
        by id: "row", or the field that fails).
        """
        simulator, body = self.simulator, await _body(request)
        for name, value in body.items():
            match name:
                case "version":
                    simulator.set_version(value)
                case "status":
                    simulator.status = value
                case "api_key" | "tripwire" | "credentials":
                    setattr(simulator.auth, name, value)
                case "locked" | "database_schema":
                    setattr(simulator.instance, name, value)
                case "jobs":
                    simulator.jobs.patience = None if value == "held" else float(value)
                case "latency":
                    simulator.latency = float(value)
                case "sick":
                    simulator.core.sick = {int(key): how for key, how in value.items()}
                case "zone":
                    simulator.core.set_zone(timedelta(hours=value))
                case _:
                    raise ValueError(f"No such setting: {name}")
        return _done()

    async def _job(self, request: web.Request) -> web.Response:
        """Begin a job (``description``), end one (``finish``: its id), or do what is held (``release``)."""
        body = await _body(request)
        if body.get("release"):
            self.simulator.jobs.release()
            return _done()
        if (key := body.get("finish")) is not None:
            self.simulator.jobs.finish(int(key))
            return _done()
        return _done(
            id=self.simulator.jobs.start(body.get("description", "Scanning..."))
        )

    async def _scenes(self, request: web.Request) -> web.Response:
        """List the scenes."""
        rows = self.simulator.core.store.rows(
            "SELECT id, title, updated_at FROM scenes ORDER BY id"
        )
        return web.json_response([dict(row) for row in rows])

    async def _add_scene(self, request: web.Request) -> web.Response:
        """Add a scene: ``path`` and the fields."""
        body = await _body(request)
        path = body.pop("path", None)
        return _done(id=self.simulator.core.add_scene(path, **_fields(body)))

    async def _edit_scene(self, request: web.Request) -> web.Response:
        """Edit a scene; answer with its new time."""
        key = int(request.match_info["id"])
        self.simulator.core.edit_scene(key, **_fields(await _body(request)))
        return _done(updated_at=self.simulator.core.updated_at(key))

    async def _delete_scene(self, request: web.Request) -> web.Response:
        """Delete a scene."""
        self.simulator.core.delete_scene(int(request.match_info["id"]))
        return _done()

    async def _merge(self, request: web.Request) -> web.Response:
        """Merge scenes: ``sources`` into ``destination``."""
        body = await _body(request)
        self.simulator.core.merge_scenes(body["sources"], body["destination"])
        return _done()

    async def _move(self, request: web.Request) -> web.Response:
        """Move a file: ``file`` (id or path) to ``path``."""
        body = await _body(request)
        self.simulator.core.move_file(body["file"], body["path"])
        return _done()

    async def _disk(self, request: web.Request) -> web.Response:
        """Do something to the disk: ``do`` (put, move, copy, delete, mkdir), ``path``, ``to``, ``video``."""
        core, body = self.simulator.core, await _body(request)
        match body["do"]:
            case "put":
                core.put(body["path"], **body.get("video", {}))
            case "move":
                core.move(body["path"], body["to"])
            case "copy":
                core.copy(body["path"], body["to"])
            case "delete":
                core.remove(body["path"])
            case "mkdir":
                pass  # Folders are there as soon as something is in them.
            case unknown:
                raise ValueError(f"No such deed: {unknown}")
        return _done()

    async def _rename(self, request: web.Request) -> web.Response:
        """Rename an object: ``kind`` (performers, studios, tags, groups), ``which`` (id or name), ``name``."""
        body = await _body(request)
        key = self.simulator.core.edit_object(
            Kind(body["kind"]), body["which"], name=body["name"]
        )
        return _done(id=key)

    async def _import(self, request: web.Request) -> web.Response:
        """Import everything anew; answer with old id → new id."""
        ids = await _body(request)
        mapping = {int(old): int(new) for old, new in ids.items()} or None
        return web.json_response(self.simulator.core.import_all(mapping))
