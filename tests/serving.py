"""A server that answers as a test says."""

from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib

from aiohttp import web

type Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def serving(handler: Serve) -> AsyncIterator[str]:
    """Serve every request with a handler; give the URL."""
    runner = web.ServerRunner(
        web.Server(handler, access_log=None), shutdown_timeout=0.1
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield str(runner.addresses[0] and f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await runner.cleanup()
