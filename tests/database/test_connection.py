"""The address of the database, from the environment or of the embedded server, and as Django wants it."""

from pathlib import Path

import pytest

from yikatong.database.connection import DatabaseUrlWrong, database_url, django_database
from yikatong.database.home import yikatong_home


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://yikatong@/yikatong?host=%2Fvar%2Frun%2Fx&port=5432",
            {"HOST": "/var/run/x", "PORT": "5432", "USER": "yikatong", "NAME": "yikatong"},
        ),
        (
            "postgres://clerk:p%40ss%2F%3A@db.city:6432/cards",
            {"HOST": "db.city", "PORT": "6432", "USER": "clerk", "PASSWORD": "p@ss/:", "NAME": "cards"},
        ),
        ("postgresql://[::1]:5433/cards", {"HOST": "::1", "PORT": "5433", "NAME": "cards"}),
        ("postgresql://clerk@%2Fvar%2Frun/cards", {"HOST": "/var/run", "USER": "clerk", "NAME": "cards"}),
        (
            "postgresql://db/cards?sslmode=verify-full&connect_timeout=5",
            {"HOST": "db", "NAME": "cards", "OPTIONS": {"sslmode": "verify-full", "connect_timeout": "5"}},
        ),
        ("postgresql://h/%E4%B8%80%E5%8D%A1%E9%80%9A", {"HOST": "h", "NAME": "一卡通"}),
    ],
)
def test_an_address_as_django_wants_it(url: str, expected: dict[str, object]) -> None:
    found = django_database(url)
    assert found["ENGINE"] == "django.db.backends.postgresql"
    nothing = {"HOST": "", "PORT": "", "USER": "", "PASSWORD": "", "NAME": "", "OPTIONS": {}}
    assert {name: found[name] for name in nothing} == nothing | expected


@pytest.mark.parametrize(
    "url", ["mysql://clerk:geheim@db/x", "postgresql://clerk:geheim@db:port:port/x?y", "", "geheim"]
)
def test_a_wrong_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(DatabaseUrlWrong, match="DATABASE_URL") as refusal:
        django_database(url)
    assert "geheim" not in str(refusal.value)


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("YIKATONG_HOME", str(folder / "home"))
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/cards")
    assert database_url(start=True) == "postgresql://db/cards"
    monkeypatch.delenv("DATABASE_URL")
    embedded = f"{folder}/home/postgres.run".replace("/", "%2F")
    assert database_url() == f"postgresql://yikatong@/yikatong?host={embedded}&port=5432"
    assert not (folder / "home" / "postgres").exists(), "asking for the address must not make anything"


def test_the_home_is_made_for_its_owner_alone(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("YIKATONG_HOME", str(folder / "a" / "b"))
    assert yikatong_home() == folder / "a" / "b"
    assert yikatong_home().stat().st_mode & 0o066 == 0
    yikatong_home().chmod(0o750)
    assert yikatong_home().stat().st_mode & 0o777 == 0o750
    monkeypatch.delenv("YIKATONG_HOME")
    monkeypatch.setenv("HOME", str(folder))
    assert yikatong_home() == folder / ".local" / "share" / "yikatong"
