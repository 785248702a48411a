"""Found pages are kept while their data stay, a limited number of them, and nobody's position is a key."""

import pytest
from django.test import Client
from django.utils.safestring import mark_safe

from yikatong.portal.finder_kept import KeptPages, kept_places


def test_a_page_is_made_once_until_the_data_change() -> None:
    pages, made = KeptPages(10), []

    def make() -> str:
        made.append(1)
        return mark_safe(f"page {len(made)}")

    data, newer = (object(), object()), (object(), object())
    assert [pages.get(data, ("zh", "国贸"), make), pages.get(data, ("zh", "国贸"), make)] == ["page 1", "page 1"]
    assert pages.get(data, ("en", "国贸"), make) == "page 2"
    assert pages.get(newer, ("zh", "国贸"), make) == "page 3"


def test_the_longest_unasked_goes_first() -> None:
    pages, data = KeptPages(2), (object(),)
    for name in ("a", "b", "a", "c"):
        pages.get(data, (name,), lambda: mark_safe("old"))
    assert pages.get(data, ("a",), lambda: mark_safe("new")) == "old"
    assert pages.get(data, ("b",), lambda: mark_safe("new")) == "new"


@pytest.mark.django_db
def test_a_shared_position_is_never_kept(client: Client) -> None:
    assert client.get("/places/?lng=116.4&lat=39.9").status_code == 200
    assert not kept_places._pages
    assert client.get("/places/?near=x").status_code == 200
    assert len(kept_places._pages) == 1
