"""A headless Chromium, driven over its DevTools protocol."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
import itertools
import json
from pathlib import Path
import tempfile
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse

# What a key is called, types, and is numbered.
_KEYS = {
    "Tab": ("Tab", "", 9),
    "Enter": ("Enter", "\r", 13),
    "Backspace": ("Backspace", "", 8),
    "Escape": ("Escape", "", 27),
    "Space": (" ", " ", 32),
    "ArrowUp": ("ArrowUp", "", 38),
    "ArrowDown": ("ArrowDown", "", 40),
}
_SHIFT = 8

type Answer = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]

_PATIENCE = 60.0
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page that a check has put together is of no address, and may ask none of ours.
    "--disable-features=LocalNetworkAccessChecks",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)

# The panel of the page, wherever Home Assistant has put it.
PANEL = """
window.panel = () => {
  const find = (root) => root && (root.querySelector("plexsync-panel") ||
    [...root.querySelectorAll("*")].map((each) => find(each.shadowRoot)).find(Boolean));
  return find(document)?.shadowRoot;
};
"""


def log_in_with(tokens: Mapping[str, Any]) -> str:
    """Give the script that logs a browser in, to be run before Home Assistant's pages."""
    text = json.dumps(json.dumps(tokens))
    return f"localStorage.setItem('hassTokens', {text})"


class Page:
    """One tab."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        """Take the tab's socket."""
        self._socket = socket
        self._numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []  # what the browser told by itself
        self.answers: dict[str, Answer] = {}  # commands that answer an event at once

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and give its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(_PATIENCE):
            while (answer := await self._socket.receive_json()).get("id") != number:
                await self._hear(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return dict(answer["result"])

    async def _hear(self, event: dict[str, Any]) -> None:
        """Keep what the browser tells, and answer where it waits for that."""
        self.events.append(event)
        if (known := self.answers.get(event.get("method", ""))) is not None:
            method, params = known(event["params"])
            number = next(self._numbers)
            await self._socket.send_json(
                {"id": number, "method": method, "params": params}
            )

    async def resize(self, width: int, height: int) -> None:
        """Be as wide and as high as that."""
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def settled(self) -> None:
        """Wait until pictures and transitions have come to rest."""
        await asyncio.sleep(1)

    async def run_first(self, script: str) -> None:
        """Run a script in every page before its own."""
        await self.command("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def evaluate(self, script: str) -> Any:
        """Run a script and give its value."""
        answer = await self.command(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        return answer["result"].get("value")

    async def go(self, url: str) -> None:
        """Open an address."""
        await self.command("Page.navigate", url=url)

    async def until(self, script: str) -> None:
        """Wait until a script says yes. Raises TimeoutError with the script."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while not await self.evaluate(script):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise TimeoutError(f"The page was never as awaited: {script}") from None

    async def press(self, code: str, *, shift: bool = False) -> None:
        """Press a key, as a keyboard does."""
        key, text, number = _KEYS[code]
        named = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            typed = {"text": text} if kind == "keyDown" else {}
            await self.command(
                "Input.dispatchKeyEvent",
                type=kind,
                modifiers=_SHIFT if shift else 0,
                **named,
                **typed,
            )

    async def traced(self) -> list[dict[str, Any]]:
        """End the trace that was started, and give what it has."""
        self.events.clear()
        await self.command("Tracing.end")
        while not any(
            each["method"] == "Tracing.tracingComplete" for each in self.events
        ):
            await self._hear(await self._socket.receive_json())
        found = [
            entry
            for each in self.events
            if each["method"] == "Tracing.dataCollected"
            for entry in each["params"]["value"]
        ]
        self.events.clear()
        return found

    async def picture(self, file: Path) -> None:
        """Keep what is seen now."""
        answer = await self.command("Page.captureScreenshot", format="png")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b64decode(answer["data"]))


@asynccontextmanager
async def open_page(
    session: ClientSession, width: int, height: int, program: str = "chromium"
) -> AsyncIterator[Page]:
    """Start a browser of our own and give its one tab."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = await asyncio.create_subprocess_exec(
            program,
            *_FLAGS,
            f"--user-data-dir={profile}",
            f"--window-size={width},{height}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            address = await _tab(session, Path(profile, "DevToolsActivePort"))
            async with session.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                await page.command("Page.enable")
                await page.resize(width, height)
                yield page
        finally:
            browser.terminate()
            await browser.wait()


async def _tab(session: ClientSession, file: Path) -> str:
    """Find the address of the tab: the browser writes its port into its profile."""
    async with asyncio.timeout(_PATIENCE):
        while not (file.exists() and (lines := file.read_text().splitlines())):
            await asyncio.sleep(0.05)
        while True:
            async with session.get(f"http://127.0.0.1:{lines[0]}/json") as answer:
                tabs = json.loads(await answer.text())
            for tab in tabs:
                if tab["type"] == "page":
                    return str(tab["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)
