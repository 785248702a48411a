"""How the database is reached: ``DATABASE_URL``, or the embedded server of the home folder.

Django-free, so that the gateway and the commands share it.
"""

import os
from urllib.parse import parse_qs, unquote, urlsplit

from yikatong.database.cluster import Cluster
from yikatong.database.home import yikatong_home


def database_url() -> str:
    """The address to use; it does not start anything."""
    return os.environ.get("DATABASE_URL") or Cluster.for_home(yikatong_home()).url()


def ensure_database() -> str:
    """The address to use, with the embedded server started unless ``DATABASE_URL`` names another one."""
    return os.environ.get("DATABASE_URL") or Cluster.for_home(yikatong_home()).start()


def django_database(url: str) -> dict[str, object]:
    """The address as an entry of Django's ``DATABASES``. Raises ``ValueError`` for another engine than PostgreSQL."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError(f"DATABASE_URL must begin with postgresql://, not {parts.scheme}://")
    options: dict[str, object] = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    host = options.pop("host", None) or unquote(parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.removeprefix("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
