"""The first reading of a list by several threads at once, which once ended the gateway (docs/decisions/0010)."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TIMES = 300
READ_AT_ONCE = f"""
import sys, threading
from importlib.util import find_spec, module_from_spec
from yikatong.gm.sm2 import PrivateKey

sys.setswitchinterval(1e-6)  # give way as often as on a busy machine
key = PrivateKey.generate()
spec = find_spec("yikatong.wire.lists")
signed = None
for n in range({TIMES}):
    lists = module_from_spec(spec)
    sys.modules["yikatong.wire.lists"] = lists
    spec.loader.exec_module(lists)
    signed = signed or lists.sign_list(lists.TrustList(1, 0, 0, {{"00": lists.IssuerKey("02", 0, 0)}}), key)
    together, read = threading.Barrier(4), []
    def work():
        together.wait()
        read.append(lists.open_trust_list(signed, key.public))
    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(read) == 4
"""


def test_many_threads_may_be_the_first_to_read_a_list() -> None:
    finished = subprocess.run(
        [sys.executable, "-c", READ_AT_ONCE], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert finished.returncode == 0, finished.stderr
