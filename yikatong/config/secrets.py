"""The web's signing secret: given in production, made once and kept in the home folder otherwise."""

import os
import secrets

from yikatong.database.home import yikatong_home


def secret_key() -> str:
    """``YIKATONG_SECRET_KEY``, or the one kept in the home folder (mode 0600), made at first use.

    Raises ``RuntimeError`` in production without the variable: a secret that differs per machine would sign users out.
    """
    given = os.environ.get("YIKATONG_SECRET_KEY")
    if given:
        return given
    if os.environ.get("YIKATONG_ENV") == "production":
        raise RuntimeError("YIKATONG_SECRET_KEY is not set; production needs one secret shared by all web processes")
    path = yikatong_home() / "secret-key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(50))
    return path.read_text()
