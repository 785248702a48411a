"""How the database is reached: ``DATABASE_URL``, or the embedded server of the home folder.

Django-free, so that the gateway and the commands share it.
"""

import os

import psycopg
from psycopg.conninfo import conninfo_to_dict

from yikatong.database.cluster import Cluster
from yikatong.database.home import yikatong_home
from yikatong.foundation.errors import YikatongError


class DatabaseUrlWrong(YikatongError, ValueError):
    """``DATABASE_URL`` is not the address of a PostgreSQL database."""


def database_url(*, start: bool = False) -> str:
    """The libpq address to use. ``start`` starts the embedded server unless ``DATABASE_URL`` names another one."""
    given = os.environ.get("DATABASE_URL")
    if given:
        return given
    cluster = embedded_cluster()
    return cluster.start() if start else cluster.url()


def ensure_database() -> str:
    """The address to use, with the embedded server running unless ``DATABASE_URL`` names another one."""
    return database_url(start=True)


def embedded_cluster() -> Cluster:
    """The embedded server of the home folder, running or not."""
    return Cluster.for_home(yikatong_home())


def connection_parameters(url: str) -> dict[str, str]:
    """The address taken apart by libpq's own rules: host, port, user, password, dbname and any option that it names.

    Raises ``DatabaseUrlWrong``, without the address, which may hold a password.
    """
    if not url.startswith(("postgresql://", "postgres://")):
        raise DatabaseUrlWrong(
            "DATABASE_URL must begin with postgresql://, for example postgresql://user@host/yikatong"
        )
    try:
        return {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.ProgrammingError as error:
        raise DatabaseUrlWrong(
            "DATABASE_URL cannot be read; it looks like postgresql://user:password@host:5432/yikatong, with special "
            "characters percent-encoded"
        ) from error


def django_database(url: str) -> dict[str, object]:
    """The address as an entry of Django's ``DATABASES``; sockets as HOST, what Django does not name as OPTIONS."""
    parameters = connection_parameters(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parameters.pop("dbname", ""),
        "USER": parameters.pop("user", ""),
        "PASSWORD": parameters.pop("password", ""),
        "HOST": parameters.pop("host", ""),
        "PORT": parameters.pop("port", ""),
        "OPTIONS": parameters,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
