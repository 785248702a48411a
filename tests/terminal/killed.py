"""A terminal's process that somebody will kill: ``python -m tests.terminal.killed gate|sync FOLDER``.

``gate`` lets holders pass as fast as it can and prints each tap's sequence and nonce once the gate is open. ``sync`` uploads
what waits.
"""

import os
import sys
from pathlib import Path

from tests.wire.makers import DEVICE, NOW, make_certificate, make_text
from yikatong.terminal import Terminal


def let_pass(terminal: Terminal) -> None:
    """For ever."""
    certificate = make_certificate(device=DEVICE)
    while True:
        nonce = os.urandom(8)
        decision = terminal.present(make_text(certificate, nonce=nonce), NOW, kind="entry")
        if not decision.accepted:
            raise SystemExit(f"refused: {decision.reason}")
        sys.stdout.write(f"{decision.sequence} {nonce.hex()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    with Terminal.open(folder / "profile.json", folder / "state") as opened:
        if sys.argv[1] == "gate":
            let_pass(opened)
        sys.stdout.write(f"{opened.sync()}\n")
