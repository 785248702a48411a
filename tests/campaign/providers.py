"""Providers of messages for tests: one that fails, and one in a process that is killed."""

import os
import signal
from datetime import datetime
from pathlib import Path


class Failing:
    """Takes no message."""

    def send(self, phone: str, text: str, *, at: datetime) -> None:
        """Raise what a provider raises when it is down."""
        raise ConnectionError("the provider does not answer")


class Outside:
    """Takes messages into the file ``$SENT_TO``, outside the database. After ``$DIES_AFTER`` of them it kills its process."""

    def send(self, phone: str, text: str, *, at: datetime) -> None:
        """Take one message."""
        file = Path(os.environ["SENT_TO"])
        taken = len(file.read_text().splitlines()) if file.exists() else 0
        if os.environ["DIES"] == "before" and taken == int(os.environ["DIES_AFTER"]):
            os.kill(os.getpid(), signal.SIGKILL)
        with file.open("a") as out:
            out.write(f"{phone} {text}\n")
        if os.environ["DIES"] == "after" and taken + 1 == int(os.environ["DIES_AFTER"]):
            os.kill(os.getpid(), signal.SIGKILL)
