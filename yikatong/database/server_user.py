"""As whom the embedded server runs: root's runs as ``nobody``, because PostgreSQL refuses to run as root.

No user is made and no folder of the host is opened: what ``nobody`` cannot reach is kept or copied below
``/var/lib/yikatong`` instead. What belongs to the server is safe from other users but not from other programs that also
run as ``nobody``; whoever needs that starts Yikatong as a user of its own.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATE_OF_ROOT = Path("/var/lib/yikatong")


@dataclass(frozen=True, slots=True)
class ServerUser:
    """The user that owns the server's processes and data; ``drops_root`` when that is not the present one."""

    uid: int
    gid: int
    drops_root: bool

    @property
    def subprocess_arguments(self) -> dict[str, Any]:
        """What ``subprocess`` needs to run a command as this user: root's rights and groups are given up."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.drops_root else {}

    def own(self, path: Path) -> None:
        """Give ``path`` (in a folder that only the present user may write) to this user."""
        if self.drops_root:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def closed_folder(self, path: Path) -> Path | None:
        """The first folder on the way to ``path`` that this user cannot walk through, or ``None``.

        Parts of the path that do not exist yet are not counted; permission bits are, access control lists are not. The
        present user is not asked: PostgreSQL's own message names what it cannot open.
        """
        if not self.drops_root:
            return None
        for folder in (*reversed(path.parents), path):
            if not folder.exists():
                return None
            status = folder.stat()
            bit = 0o100 if status.st_uid == self.uid else 0o010 if status.st_gid == self.gid else 0o001
            if not status.st_mode & bit:
                return folder
        return None


def server_user() -> ServerUser:
    """``nobody`` for root, the present user otherwise."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), drops_root=False)
    nobody = pwd.getpwnam("nobody")
    return ServerUser(nobody.pw_uid, nobody.pw_gid, drops_root=True)
