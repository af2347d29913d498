"""The zip: the same bytes for the same files, whoever makes it and whenever."""

from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from .contents import COMPONENT, DOMAIN, LICENSE, REPOSITORY, committed, contents

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name


def files() -> Iterator[tuple[str, Path]]:
    """Yield each name in the zip and where the file is. Raises ReleaseError.

    Home Assistant unpacks it into the component's own folder: there is none in it.
    """
    for name in contents(committed()):
        yield str(name), COMPONENT / name
    yield LICENSE, REPOSITORY / LICENSE


def build(target: Path) -> list[str]:
    """Make the zip and give the names in it. Raises ReleaseError."""
    names = []
    target.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(target, "w") as archive:
        for name, file in sorted(files()):
            entry = ZipInfo(name, _LONG_AGO)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, file.read_bytes())
            names.append(name)
    return names


def install(archive: Path, config: Path) -> Path:
    """Unpack a zip where Home Assistant looks for it; give the folder."""
    folder = config / "custom_components" / DOMAIN
    folder.mkdir(parents=True)
    with ZipFile(archive) as opened:
        opened.extractall(folder)
    return folder
