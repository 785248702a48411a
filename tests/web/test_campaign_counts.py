"""Counts that pages keep: two requests never count the same thing at once, and pages say so when there is no count yet."""

import pytest
from django.core.cache import caches
from django.test import Client

from tests.campaign.world import make_city
from yikatong.accounts.models import Role, User
from yikatong.workbench.campaign_counts import counted

KEY = "test-count"


@pytest.fixture(autouse=True)
def _counted_anew() -> None:
    caches["process"].clear()


def test_a_count_is_kept() -> None:
    assert [counted(KEY, 60, lambda n=n: n) for n in (5, 6)] == [5, 5]


def test_while_one_counts_the_others_are_shown_the_last_count() -> None:
    seen: list[int | None] = []

    def slowly(result: int) -> int:
        seen.append(counted(KEY, 60, lambda: -1))  # another request, meanwhile
        return result

    assert counted(KEY, 60, lambda: slowly(1)) == 1
    caches["process"].delete(KEY)  # as when it expires
    assert counted(KEY, 60, lambda: slowly(2)) == 2
    assert seen == [None, 1]
    assert counted(KEY, 60, lambda: -1) == 2


def test_a_count_that_fails_leaves_the_next_one_free_to_count() -> None:
    with pytest.raises(ZeroDivisionError):
        counted(KEY, 60, lambda: 1 // 0)
    assert counted(KEY, 60, lambda: 3) == 3


def test_nothing_is_a_count_too() -> None:
    assert counted(KEY, 60, dict[str, int]) == {}
    assert counted(KEY, 60, lambda: {"later": 1}) == {}


@pytest.mark.django_db
def test_the_first_page_says_that_the_register_is_being_counted() -> None:
    make_city("ABC")
    client = Client(headers={"accept-language": "zh-hans"})
    client.force_login(User.objects.create(username="centre", role=Role.CARD_CENTRE))
    caches["process"].add("campaign-batches:counting", 1)
    page = client.get("/work/campaigns/").content.decode()
    assert "正在统计登记簿" in page
    assert "计划列表" in page
    caches["process"].delete("campaign-batches:counting")
    page = client.get("/work/campaigns/").content.decode()
    assert "正在统计登记簿" not in page
    assert "批次进度" in page
