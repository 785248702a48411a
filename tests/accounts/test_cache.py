"""The cache that limits count in: shared by processes, forgetful in time, and never full."""

import threading

import pytest
from django.core.cache import cache
from django.db import connection

from tests.at_once import at_once
from yikatong.accounts.cache import SharedCache, forget_expired

pytestmark = pytest.mark.django_db


def expire(key: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "update accounts_cache_entry set expires_at = now() - interval '1 s' where key like %s", [f"%{key}"]
        )
        assert cursor.rowcount == 1


def test_the_platform_uses_it() -> None:
    cache.set("proof", [1.5])
    assert SharedCache("", {}).get("proof") == [1.5]


@pytest.mark.parametrize("value", [[1.5, 2.5], True, 0, "文字", {"a": None}])
def test_what_is_set_can_be_got(value: object) -> None:
    cache.set("one", value, 60)
    assert cache.get("one") == value


def test_a_value_ends_with_its_time() -> None:
    cache.set("one", 1, 60)
    expire("one")
    assert (cache.get("one", "nothing"), cache.touch("one", 60)) == ("nothing", False)
    assert forget_expired() == 1


def test_a_value_without_time_stays() -> None:
    cache.set("one", 1, None)
    assert (forget_expired(), cache.get("one")) == (0, 1)


def test_adding_keeps_the_first_value_until_it_expires() -> None:
    assert [cache.add("lock", 1, 60), cache.add("lock", 2, 60), cache.get("lock")] == [True, False, 1]
    expire("lock")
    assert [cache.add("lock", 3, 60), cache.get("lock")] == [True, 3]


def test_deleting_forgets_once() -> None:
    cache.set("one", 1)
    assert [cache.delete("one"), cache.delete("one"), cache.get("one")] == [True, False, None]


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError):
        cache.set("one", object())


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_one_adds() -> None:
    assert sorted(at_once(8, lambda: cache.add("lock", threading.get_ident(), 60))) == [False] * 7 + [True]
