"""The control port: what is asked of the simulator itself, never of Plex."""

from collections.abc import Awaitable, Callable
from json import JSONDecodeError
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from .library import synthetic
from .messages import PlexError
from .server import PlexSimulator
from .snapshot import item_state
from .state import Item
from .switches import Switches


class ControlServer:
    """HTTP on a port of its own, which stays when the Plex port goes."""

    def __init__(
        self, simulator: PlexSimulator, state_file: Path | None = None
    ) -> None:
        """Control one simulator; `state_file` is where `save` writes."""
        self.simulator = simulator
        self.port = 0
        self._state_file = state_file
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Return the base URL."""
        return f"http://127.0.0.1:{self.port}/__sim"

    async def start(self, port: int = 0) -> Self:
        """Listen."""
        app = web.Application(middlewares=[_errors])
        app.add_routes(
            [
                web.get("/__sim/ready", self._ready),
                web.get("/__sim/stats", self._stats),
                web.get("/__sim/journal", self._journal),
                web.post("/__sim/journal/clear", self._clear_journal),
                web.get("/__sim/faults", self._list_faults),
                web.post("/__sim/faults", self._add_fault),
                web.delete("/__sim/faults", self._clear_faults),
                web.delete("/__sim/faults/{id}", self._remove_fault),
                web.post("/__sim/script", self._script),
                web.post("/__sim/stop", self._stop),
                web.post("/__sim/start", self._start),
                web.post("/__sim/latency", self._latency),
                web.post("/__sim/switches", self._switches),
                web.get("/__sim/items", self._items),
                web.get("/__sim/item/{key}", self._item),
                web.get("/__sim/item/{key}/image/{name}", self._image),
                web.post("/__sim/item/{key}/edit", self._edit),
                web.post("/__sim/item/{key}/refresh", self._refresh),
                web.post("/__sim/item/{key}/rekey", self._rekey),
                web.post("/__sim/item/{key}/recreate", self._recreate),
                web.post("/__sim/item/{key}/merge", self._merge),
                web.post("/__sim/item/{key}/split", self._split),
                web.post("/__sim/item/{key}/move", self._move),
                web.post("/__sim/item/{key}/picture", self._picture),
                web.post("/__sim/item/{key}/guids", self._guids),
                web.post("/__sim/smart_collection", self._smart_collection),
                web.delete("/__sim/item/{key}", self._remove),
                web.post("/__sim/library", self._library),
                web.post("/__sim/file", self._file),
                web.post("/__sim/save", self._save),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port or self.port)
        await site.start()
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

    async def __aexit__(self, *exc: object) -> None:
        """Stop."""
        await self.stop()

    async def _ready(self, request: web.Request) -> web.Response:
        sim = self.simulator
        return web.json_response(
            {
                "url": sim.url,
                "running": sim.running,
                "listening": sim.listening,
                "items": len(sim.core.items),
            }
        )

    async def _stats(self, request: web.Request) -> web.Response:
        sim = self.simulator
        return web.json_response(
            {
                "requests": len(sim.journal),
                "by_pattern": sim.journal.by_pattern(),
                "connections": sim.connections,
                "in_flight": sim.in_flight,
                "websockets": sim.hub.sockets,
                "whole_section_edits": sim.whole_section_edits,
            }
        )

    async def _journal(self, request: web.Request) -> web.Response:
        journal = self.simulator.journal
        since = int(request.query.get("since", 0))
        return web.json_response(
            {
                "next": len(journal),
                "entries": [entry.as_json() for entry in journal.entries[since:]],
            }
        )

    async def _clear_journal(self, request: web.Request) -> web.Response:
        self.simulator.journal.clear()
        return web.json_response({})

    async def _list_faults(self, request: web.Request) -> web.Response:
        return web.json_response(
            [rule.as_json() for rule in self.simulator.faults.rules]
        )

    async def _add_fault(self, request: web.Request) -> web.Response:
        return web.json_response(
            self.simulator.faults.add(await request.json()).as_json()
        )

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self.simulator.faults.clear()
        return web.json_response({})

    async def _remove_fault(self, request: web.Request) -> web.Response:
        self.simulator.faults.remove(int(request.match_info["id"]))
        return web.json_response({})

    async def _script(self, request: web.Request) -> web.Response:
        data = await request.json()
        return web.json_response(
            [rule.as_json() for rule in self.simulator.faults.script(data["script"])]
        )

    async def _stop(self, request: web.Request) -> web.Response:
        await self.simulator.stop()
        return await self._ready(request)

    async def _start(self, request: web.Request) -> web.Response:
        await self.simulator.start()
        return await self._ready(request)

    async def _latency(self, request: web.Request) -> web.Response:
        """Set `read_ms`, `write_ms`, `row_us`; what is not named stays."""
        sim, data = self.simulator, await request.json()
        sim.latency_read = float(data.get("read_ms", sim.latency_read * 1000)) / 1000
        sim.latency_write = float(data.get("write_ms", sim.latency_write * 1000)) / 1000
        sim.latency_per_row = float(data.get("row_us", sim.latency_per_row * 1e6)) / 1e6
        return web.json_response({})

    async def _switches(self, request: web.Request) -> web.Response:
        switches = self.simulator.core.switches
        for name, value in (await request.json()).items():
            if name == "tag_mode":
                switches.set_tag_mode(value)
            elif name in Switches.__slots__:
                setattr(switches, name, value)
            else:
                raise ValueError(f"unknown switch {name}")
        return web.json_response({})

    async def _items(self, request: web.Request) -> web.Response:
        """Return the items; `path` finds the one that holds a file."""
        core = self.simulator.core
        if path := request.query.get("path"):
            return web.json_response([item_state(core.find(path))])
        start, size = (
            int(request.query.get("start", 0)),
            int(request.query.get("size", 100)),
        )
        return web.json_response(
            [
                item_state(item)
                for item in list(core.items.values())[start : start + size]
            ]
        )

    async def _item(self, request: web.Request) -> web.Response:
        return web.json_response(item_state(self._find(request)))

    async def _image(self, request: web.Request) -> web.Response:
        data = self.simulator.core.image(
            self._find(request), request.match_info["name"]
        )
        return web.Response(status=404) if data is None else web.Response(body=data)

    async def _edit(self, request: web.Request) -> web.Response:
        """Edit as a person does: `{"fields": {…}, "lock": true}`, or the fields alone."""
        data: dict[str, Any] = await request.json()
        fields = data.get("fields", {k: v for k, v in data.items() if k != "lock"})
        key = self._find(request).rating_key
        return web.json_response(
            item_state(
                self.simulator.core.edit_by_person(
                    key, data.get("lock", True), **fields
                )
            )
        )

    async def _refresh(self, request: web.Request) -> web.Response:
        item = self.simulator.core.agent_refresh(self._find(request).rating_key)
        return web.json_response(item_state(item))

    async def _rekey(self, request: web.Request) -> web.Response:
        return web.json_response(
            item_state(self.simulator.core.rekey(self._find(request)))
        )

    async def _remove(self, request: web.Request) -> web.Response:
        self.simulator.core.remove_item(self._find(request))
        return web.json_response({})

    async def _recreate(self, request: web.Request) -> web.Response:
        return web.json_response(
            item_state(self.simulator.core.recreate(self._find(request)))
        )

    async def _merge(self, request: web.Request) -> web.Response:
        """Make versions of an item: `{"items": [2, 3]}` are the others."""
        others = [int(key) for key in (await request.json())["items"]]
        return web.json_response(
            item_state(self.simulator.core.merge(self._find(request), *others))
        )

    async def _split(self, request: web.Request) -> web.Response:
        parts = self.simulator.core.split(self._find(request))
        return web.json_response([item_state(item) for item in parts])

    async def _move(self, request: web.Request) -> web.Response:
        """Take an item to another library: `{"section": 2, "folder": "/data/other"}`."""
        data, core = await request.json(), self.simulator.core
        section = core.sections[int(data["section"])]
        return web.json_response(
            item_state(core.move(self._find(request), section, data.get("folder")))
        )

    async def _picture(self, request: web.Request) -> web.Response:
        """Change a picture: `{"add": key}`, `{"delete": key}`, `{"reset": true}`, `{"empty": true}`."""
        data, core, item = (
            await request.json(),
            self.simulator.core,
            self._find(request),
        )
        name = data.get("name", "thumb")
        if "add" in data:
            core.add_picture(item, name, data["add"])
        if "delete" in data:
            core.delete_picture(item, data["delete"], name)
        if data.get("reset"):
            core.reset_picture(item, name)
        if data.get("empty"):
            core.empty_picture(item, name)
        return web.json_response(item_state(item))

    async def _guids(self, request: web.Request) -> web.Response:
        """Let an item have other guids: `{"guids": ["imdb://tt0017136"]}`."""
        guids = (await request.json())["guids"]
        return web.json_response(
            item_state(self.simulator.core.identify(self._find(request), guids))
        )

    async def _smart_collection(self, request: web.Request) -> web.Response:
        """Add an empty smart collection: `{"section": 1, "title": "…"}`."""
        data, core = await request.json(), self.simulator.core
        section = core.sections[int(data["section"])]
        return web.json_response(
            item_state(core.add_smart_collection(section, data["title"]))
        )

    async def _library(self, request: web.Request) -> web.Response:
        """Add a synthetic library: `{"items": 1000, "title": "…", "location": "…"}`."""
        data = await request.json()
        section = synthetic(
            self.simulator.core,
            int(data["items"]),
            data.get("location", "/data/movies"),
            data.get("title", "Movies"),
        )
        return web.json_response({"section": section.key})

    async def _file(self, request: web.Request) -> web.Response:
        """Change the disk: `{"add": path}`, `{"remove": path}`, `{"drop": path}` (no scan needed), `{"move": [old, new]}`."""
        data, core = await request.json(), self.simulator.core
        if "add" in data:
            core.add_file(data["add"], int(data.get("size", 1_000_000_000)))
        if "remove" in data:
            core.remove_file(data["remove"])
        if "drop" in data:
            core.remove_version(data["drop"])
        if "move" in data:
            core.move_file(*data["move"])
        return web.json_response({})

    async def _save(self, request: web.Request) -> web.Response:
        if self._state_file is None:
            raise ValueError("started without a state file")
        self.simulator.save(self._state_file)
        return web.json_response({"file": str(self._state_file)})

    def _find(self, request: web.Request) -> Item:
        return self.simulator.core.item(request.match_info["key"])


@web.middleware
async def _errors(
    request: web.Request,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Tell what was wrong with a control request."""
    try:
        return await handler(request)
    except KeyError as err:
        return web.json_response({"error": f"not found: {err}"}, status=404)
    except (ValueError, TypeError, JSONDecodeError, PlexError) as err:
        return web.json_response({"error": str(err)}, status=400)
