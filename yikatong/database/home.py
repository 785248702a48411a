"""Where one installation keeps what is its own: keys, logs, state, and, unless root runs it, its database.

``$YIKATONG_HOME``, by default ``~/.local/share/yikatong``. Readable by its owner alone; root's may be walked through
(not listed) because the database below it runs as another user.
"""

import os
from pathlib import Path


def yikatong_home() -> Path:
    """The home folder (absolute), made if it is not there; an existing one keeps its mode."""
    given = os.environ.get("YIKATONG_HOME")
    home = Path(given).expanduser() if given else Path.home() / ".local" / "share" / "yikatong"
    home = home.absolute()
    if not home.is_dir():
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            home.chmod(0o711)
    return home
