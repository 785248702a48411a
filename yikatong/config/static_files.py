"""Style sheets, scripts and pictures as browsers fetch them: compressed, under names that carry their content.

``yikatong web`` gathers them once per content into the home folder, beside their gzip and Brotli forms. A name that
carries the content's digest may be kept by a browser for ever: a second visit fetches pages only, a new version is fetched
at once. Where nothing was gathered, in tests and commands, files go by their plain names.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.files.storage import FileSystemStorage
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

MANIFEST = "staticfiles.json"
KEPT_VERSIONS = 2
"""The one in use, and the one a process started before an update still serves."""


class GatheredFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise carries no types
    """Digest in the name, compressed beside it; plain names while nothing was gathered."""

    patterns = (("*.css", (r"""(?P<matched>url\((?P<quote>['"]{0,1})(?P<url>[^)'"]+)(?P=quote)\))""",)),)
    # Django's own list also follows source maps, which vendored files name and do not bring

    def stored_name(self, name: str) -> str:
        """The name with its digest. Raises ``ValueError`` for a file that does not exist, once files were gathered."""
        return str(super().stored_name(name)) if self.hashed_files else name


class ServeStaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # as above
    """WhiteNoise, content with the package's own files where nothing was gathered."""

    def add_files(self, root: str, prefix: str | None = None) -> None:
        """Take a folder's files in, if it is there."""
        if Path(root).is_dir():
            super().add_files(root, prefix)


def gather() -> Path:
    """Gather this version's files unless they are there; the folder. Two processes at once gather once."""
    current = Path(str(settings.STATIC_ROOT))
    root = current.parent
    root.mkdir(mode=0o755, parents=True, exist_ok=True)
    found = dict(_found())
    folder = root / _digest(found)
    if not (folder / MANIFEST).exists():
        unfinished = root / f"{folder.name}.{os.getpid()}"
        _write(unfinished, found)
        try:
            unfinished.rename(folder)
        except OSError:  # another process was quicker
            shutil.rmtree(unfinished)
    link = root / f"current.{os.getpid()}"
    link.symlink_to(folder.name)
    link.replace(current)
    _forget_old(root, folder)
    return folder


def _write(folder: Path, found: dict[str, FileSystemStorage]) -> None:
    target: Any = GatheredFiles(location=str(folder), base_url=settings.STATIC_URL)
    for name, storage in found.items():
        with storage.open(name) as content:
            target.save(name, content)
    for _, _, processed in target.post_process({name: (storage, name) for name, storage in found.items()}):
        if isinstance(processed, Exception):
            raise processed


def _digest(found: dict[str, FileSystemStorage]) -> str:
    """What tells one version of all files from another: 16 hexadecimal digits over names and contents."""
    digest = hashlib.sha256()
    for name, storage in sorted(found.items(), key=lambda pair: pair[0]):
        content = hashlib.sha256(Path(storage.path(name)).read_bytes()).hexdigest()
        digest.update(f"{name}\0{content}\0".encode())
    return digest.hexdigest()[:16]


def _found() -> Iterator[tuple[str, FileSystemStorage]]:
    for finder in get_finders():
        yield from finder.list(["*.toml"])  # notes on where vendored files come from are not served


def _forget_old(root: Path, current: Path) -> None:
    finished = [folder for folder in root.iterdir() if not folder.is_symlink() and (folder / MANIFEST).exists()]
    others = [folder for folder in finished if folder != current]  # what another process is still writing is its own
    newest_first = sorted(others, key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in newest_first[KEPT_VERSIONS - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)
