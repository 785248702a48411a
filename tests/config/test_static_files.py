"""Static files as browsers get them: small, and fetched once."""

import gzip
from pathlib import Path

import brotli
import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles.finders import find
from django.test import Client
from pytest_django import Settings

from yikatong.config.static_files import KEPT_VERSIONS, GatheredFiles, gather


@pytest.fixture
def root(tmp_path: Path, settings: Settings) -> Path:
    settings.STATIC_ROOT = tmp_path / "static" / "current"
    return tmp_path / "static"


def storage() -> GatheredFiles:
    return GatheredFiles(location=str(django_settings.STATIC_ROOT), base_url="/static/")


def test_a_file_gets_a_name_of_its_content_and_two_smaller_forms(root: Path) -> None:
    gather()
    name = storage().url("portal/portal.css").removeprefix("/static/")
    gathered = root / "current" / name
    source = Path(str(find("portal/portal.css"))).read_bytes()
    assert name != "portal/portal.css"
    assert gzip.decompress(Path(f"{gathered}.gz").read_bytes()) == source
    assert brotli.decompress(Path(f"{gathered}.br").read_bytes()) == source


def test_gathering_twice_is_gathering_once(root: Path) -> None:
    first = gather()
    made_at = (first / "staticfiles.json").stat().st_mtime_ns
    assert (gather(), (first / "staticfiles.json").stat().st_mtime_ns) == (first, made_at)


def test_old_versions_go(root: Path) -> None:
    for number in range(4):
        (root / f"{number:016}").mkdir(parents=True)
        (root / f"{number:016}" / "staticfiles.json").touch()
    gather()
    assert len([folder for folder in root.iterdir() if not folder.is_symlink()]) == KEPT_VERSIONS


def test_where_nothing_was_gathered_names_are_plain(root: Path) -> None:
    assert storage().url("portal/portal.css") == "/static/portal/portal.css"


def test_a_name_that_does_not_exist_is_an_error_once_files_were_gathered(root: Path) -> None:
    gather()
    with pytest.raises(ValueError, match=r"portal/nonsense\.css"):
        storage().url("portal/nonsense.css")


@pytest.mark.django_db
def test_pages_are_compressed_for_who_can_read_that() -> None:
    answer = Client().get("/welcome/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"<!doctype html>" in gzip.decompress(answer.content)
