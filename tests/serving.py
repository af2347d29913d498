"""A server that answers as a test says."""

from collections.abc import AsyncIterator, Awaitable, Callable
import contextlib
import ssl

from aiohttp import web

type Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def serving(
    handler: Serve, secure: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve every request with a handler, over TLS if asked to; give the URL."""
    runner = web.ServerRunner(
        web.Server(handler, access_log=None), shutdown_timeout=0.1
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secure)
    await site.start()
    try:
        scheme = "https" if secure else "http"
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
