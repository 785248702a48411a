"""Where one installation keeps what is its own: keys, logs, state, and, unless root runs it, its database.

``$YIKATONG_HOME``, by default ``~/.local/share/yikatong``. Readable by its owner alone; root's may be walked through (not
listed) because the database below it runs as another user.
"""

import os
from pathlib import Path


def yikatong_home() -> Path:
    """The home folder, made if it is not there."""
    given = os.environ.get("YIKATONG_HOME")
    home = Path(given).expanduser() if given else Path.home() / ".local" / "share" / "yikatong"
    home = home.absolute()
    if not home.is_dir():
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return home
