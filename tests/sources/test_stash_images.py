"""Pictures: only when changed, only real ones, only from our own Stash."""

import asyncio
import gzip

import aiohttp
from aiohttp import web
import pytest

from custom_components.plexsync.engine.model.faults import Fault, FaultClass
from custom_components.plexsync.engine.model.ports import FetchedImage
from custom_components.plexsync.engine.model.record import Image
from custom_components.plexsync.engine.util.image_bytes import MAX_IMAGE
from custom_components.plexsync.sources.stash.client import StashClient
from custom_components.plexsync.sources.stash.stash import StashSource
from tests.simulators.stash import Kind, StashCore, StashSimulator

from .conftest import KEY, Clock, MakeSource, Reader, Serve

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 100
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 100


def _image(scene_id: int) -> Image:
    return Image(f"/scene/{scene_id}/screenshot", "now")


async def _fault(source: StashSource, image: Image, known: str | None = None) -> Fault:
    with pytest.raises(Fault) as caught:
        await source.fetch(image, known)
    assert str(caught.value) == f"{caught.value.kind}: {caught.value.reason}"
    return caught.value


async def test_fetched_once(
    stash: StashSimulator, core: StashCore, clock: Clock, source: StashSource
) -> None:
    """The mark moves with every edit, the tag only with the picture."""
    scene = core.add_scene("/data/a.mkv", cover=JPEG)
    reader = Reader(source)
    image = (await reader.read())[f"scene:{scene}"].fields["poster"]
    assert isinstance(image, Image)
    first = await source.fetch(image, None)
    assert first.data == JPEG
    assert first.tag
    clock.tick()
    core.edit_scene(scene, title="Edited")
    again = (await reader.read())[f"scene:{scene}"].fields["poster"]
    assert isinstance(again, Image)
    assert again.mark != image.mark
    assert await source.fetch(again, first.tag) == FetchedImage(
        tag=first.tag, unchanged=True
    )
    assert stash.journal.count("/scene", status=304) == 1
    core.set_cover(scene, PNG)
    other = await source.fetch(again, first.tag)
    assert other.data == PNG
    assert other.tag != first.tag


async def test_a_placeholder_is_known_again(
    stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """Its bytes come once, whichever scenes have no cover; a cover that came does too."""
    scenes = [core.add_scene(f"/data/{number}.mkv") for number in range(5)]
    for scene in scenes:
        assert await source.fetch(_image(scene), None) == FetchedImage()
        assert await source.fetch(_image(scene), '"old"') == FetchedImage()
    assert stash.journal.count("/scene", status=200) == 1
    core.set_cover(scenes[0], JPEG)
    assert (await source.fetch(_image(scenes[0]), None)).data == JPEG


async def test_a_cover_is_asked_for_as_it_is(serve: Serve) -> None:
    """A packed answer that a proxy cut before its end would pass for a whole one."""

    async def answer(request: web.Request) -> web.Response:
        if "gzip" not in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=JPEG)
        packed = gzip.compress(JPEG)[:20]
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async with aiohttp.ClientSession() as session:
        client = StashClient(session, await serve(answer))
        assert (await client.download("/cover", (), MAX_IMAGE)).body == JPEG


async def test_a_cover_of_another_scene_is_none(
    stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """An id that was used again answers 200, with another film's cover."""
    one = core.add_scene("/data/a.mkv", cover=JPEG)
    two = core.add_scene("/data/b.mkv", cover=PNG)
    records = await Reader(source).read()
    files = records[f"scene:{one}"].files
    assert files
    assert not set(files) & set(records[f"scene:{two}"].files)
    core.move_file("/data/a.mkv", "/data/moved.mkv")
    assert (await source.fetch(_image(one), None, files)).data == JPEG
    core.import_all({one: two, two: one})
    assert (await source.fetch(_image(two), None, files)).data == JPEG
    with pytest.raises(Fault) as caught:
        await source.fetch(_image(one), None, files)
    assert (caught.value.kind, caught.value.reason) == (
        FaultClass.ITEM,
        "image_missing",
    )
    assert caught.value.permanent


async def test_many_covers_are_confirmed_together(
    stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """Whose they are is asked for all that wait."""
    scenes = [core.add_scene(f"/data/{n}.mkv", cover=JPEG) for n in range(40)]
    records = await Reader(source).read()
    stash.journal.clear()
    found = await asyncio.gather(
        *(
            source.fetch(_image(scene), None, records[f"scene:{scene}"].files)
            for scene in scenes
        )
    )
    assert [each.data for each in found] == [JPEG] * 40
    assert stash.journal.count("/graphql") < 20


async def test_placeholder_is_no_picture(core: StashCore, source: StashSource) -> None:
    """Stash draws something for scenes without a cover."""
    scene = core.add_scene("/data/a.mkv")
    nothing = FetchedImage()
    assert await source.fetch(_image(scene), None) == nothing
    assert await source.fetch(_image(scene), '"old"') == nothing
    performer = core.ensure(Kind.PERFORMER, "Ann")
    default = Image(f"/performer/{performer}/image?t=1&default=true")
    assert await source.fetch(default, None) == nothing


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?>\n<!-- a -->\n<svg xmlns="x"></svg>',
        b'<?xml?><!-- a > b --><!DOCTYPE svg PUBLIC "-" "x"><!-- b -->\r\n<svg\n/>',
        b" " * 1000 + b"<!---->" * 1000 + b"<svg>",
    ],
)
async def test_svg_by_any_name(
    session: aiohttp.ClientSession,
    make_source: MakeSource,
    serve: Serve,
    body: bytes,
) -> None:
    """A placeholder is one whatever its content type says."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/octet-stream")

    source = make_source(url=await serve(answer))
    assert await source.fetch(_image(1), None) == FetchedImage()


async def test_key_and_login(
    stash: StashSimulator, core: StashCore, make_source: MakeSource
) -> None:
    """The key goes along; without it the login page is no picture."""
    scene = core.add_scene("/data/a.mkv", cover=JPEG)
    stash.auth.api_key = KEY
    assert (await make_source(api_key=KEY).fetch(_image(scene), None)).data == JPEG
    fault = await _fault(make_source(), _image(scene))
    assert (fault.kind, fault.reason) == (FaultClass.SOURCE, "broken_answer")
    fault = await _fault(make_source(api_key="wrong"), _image(scene))
    assert (fault.kind, fault.reason) == (FaultClass.SOURCE, "unauthorized")
    assert all("SECRET" not in entry.path for entry in stash.journal)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("reset", "unreachable"),
        ("blackhole", "unreachable"),
        ("truncate", "broken_answer"),
        ("garbage", "broken_answer"),
        ("html200", "broken_answer"),
    ],
)
async def test_broken_answers(
    what: str,
    reason: str,
    stash: StashSimulator,
    core: StashCore,
    make_source: MakeSource,
) -> None:
    """They are the source's faults: worth another try."""
    scene = core.add_scene("/data/a.mkv", cover=JPEG)
    source = make_source(deadline=0.3)
    getattr(stash.faults, what)()
    fault = await _fault(source, _image(scene), '"known"')
    assert (fault.kind, fault.reason) == (FaultClass.SOURCE, reason)
    assert not fault.permanent


async def test_gone(core: StashCore, source: StashSource) -> None:
    """A deleted scene has no picture, and never will: that is the record's fault."""
    scene = core.add_scene("/data/a.mkv", cover=JPEG)
    assert (await source.fetch(_image(scene), None)).data == JPEG
    core.delete_scene(scene)
    fault = await _fault(source, _image(scene))
    assert (fault.kind, fault.reason) == (FaultClass.ITEM, "image_missing")
    assert fault.permanent


@pytest.mark.parametrize("how", ["there", "row"])
async def test_a_404_for_a_scene_that_is_there(
    how: str, stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """Stash says it too where it failed to read the scene: that may pass."""
    scene = core.add_scene("/data/a.mkv", cover=JPEG)
    stash.faults.status(404, "Not Found", match="/scene")
    core.sick = {scene: how}
    fault = await _fault(source, _image(scene))
    assert (fault.kind, fault.reason) == (FaultClass.ITEM, "image_missing")
    assert not fault.permanent
    performer = Image("/performer/7/image")
    fault = await _fault(source, performer)
    assert (fault.kind, fault.reason) == (FaultClass.ITEM, "image_missing")
    assert not fault.permanent


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [(404, "status_4xx"), (502, "status_5xx"), ("reset", "unreachable")],
)
async def test_a_404_before_a_dead_stash(
    trouble: int | str, reason: str, stash: StashSimulator, source: StashSource
) -> None:
    """A proxy's 404 says nothing of the scene: the source is away."""
    await source.connect()
    stash.faults.status(404, "404 page not found", match="/scene")
    if isinstance(trouble, int):
        stash.faults.status(trouble)
    else:
        stash.faults.reset()
    fault = await _fault(source, _image(12))
    assert (fault.kind, fault.reason) == (FaultClass.SOURCE, reason)
    assert not fault.permanent


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_a_picture_that_fails(
    status: int, stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """The answer says nothing of the record."""
    scene = core.add_scene("/data/a.mkv", cover=JPEG)
    stash.faults.status(status, match="/scene", retry_after=7)
    fault = await _fault(source, _image(scene))
    assert fault.kind is FaultClass.SOURCE
    assert fault.retry_after == 7
    assert not fault.permanent


async def test_a_stash_that_is_stopped(
    stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """Nothing is known of any picture then."""
    scene = core.add_scene("/data/a.mkv", cover=JPEG)
    await stash.stop()
    fault = await _fault(source, _image(scene))
    assert (fault.kind, fault.reason) == (FaultClass.SOURCE, "unreachable")
    assert fault.unreachable


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (JPEG, None, None),
        (PNG, None, None),
        (b"GIF89a....", None, None),
        (b"RIFF1234WEBPVP8 ", None, None),
        (b"", FaultClass.ITEM, "image_invalid"),
        (b"not a picture", FaultClass.ITEM, "image_invalid"),
        (b"\x00\x00\x00 ftypisom", FaultClass.ITEM, "image_invalid"),
        (b"<!--><svg>", FaultClass.ITEM, "image_invalid"),
        (b"<svgx>", FaultClass.ITEM, "image_invalid"),
        (b"<!---->" * 100_000, FaultClass.ITEM, "image_invalid"),
        (b"<!--" + b"-->" * 200_000, FaultClass.ITEM, "image_invalid"),
        (b"<?xml " + b" " * 500_000, FaultClass.ITEM, "image_invalid"),
        (b" " * 500_000, FaultClass.ITEM, "image_invalid"),
        (b" <!DOCTYPE html><html>", FaultClass.SOURCE, "broken_answer"),
        (JPEG + bytes(MAX_IMAGE), FaultClass.ITEM, "image_too_large"),
    ],
    ids=[
        "jpeg",
        "png",
        "gif",
        "webp",
        "empty",
        "text",
        "video",
        "comment",
        "tag",
        "comments",
        "ends",
        "xml",
        "blanks",
        "html",
        "huge",
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_what_counts_as_a_picture(
    body: bytes,
    kind: FaultClass | None,
    reason: str | None,
    chunked: bool,
    make_source: MakeSource,
    serve: Serve,
) -> None:
    """The first bytes decide, and the size is bounded."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if not chunked:
            return web.Response(body=body, content_type="image/jpeg")
        response = web.StreamResponse()
        response.content_type = "image/jpeg"
        await response.prepare(request)
        for start in range(0, len(body), 1 << 20):
            await response.write(body[start : start + (1 << 20)])
        return response

    source = make_source(url=await serve(answer))
    if kind is None:
        assert (await source.fetch(_image(1), None)).data == body
        return
    fault = await _fault(source, _image(1))
    assert (fault.kind, fault.reason) == (kind, reason)
    assert fault.permanent is (kind is FaultClass.ITEM)


@pytest.mark.parametrize(
    "ref",
    [
        "http://elsewhere/scene/1/screenshot",
        "//elsewhere/scene/1/screenshot",
        "/scene/1/../../login",
        "/graphql",
        "/scene/1/screenshot?apikey=x\n",
        "",
    ],
)
async def test_only_routes_of_stash(
    ref: str, stash: StashSimulator, source: StashSource
) -> None:
    """A reference leads nowhere else."""
    fault = await _fault(source, Image(ref))
    assert (fault.kind, fault.reason, fault.permanent) == (
        FaultClass.ITEM,
        "image_invalid",
        True,
    )
    assert not len(stash.journal)


async def test_from_our_own_address(
    stash: StashSimulator, core: StashCore, source: StashSource
) -> None:
    """Stash may know itself by a name that leads nowhere from here."""
    stash.external_url = "http://stash.invalid:1"
    scene = core.add_scene("/data/a.mkv", cover=JPEG)
    image = (await Reader(source).read())[f"scene:{scene}"].fields["poster"]
    assert isinstance(image, Image)
    assert (await source.fetch(image, None)).data == JPEG
