"""Finding a libcrypto that can do SM2, and saying what is wrong with each that cannot."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from yikatong.gm import libcrypto
from yikatong.gm.libcrypto import LibcryptoMissing, candidates, ffi, lib, open_first, version_of


class Library:
    """A libcrypto of a given version, with or without SM2."""

    def __init__(self, version: str, *, sm2: bool) -> None:
        self._version, self._sm2 = version, sm2
        self._text = ffi.new("char[]", version.encode())

    def OPENSSL_version_major(self) -> int:  # noqa: N802
        return int(self._version.removeprefix("OpenSSL ").split(".")[0])

    def OpenSSL_version(self, _: int) -> Any:  # noqa: N802
        return self._text

    def EC_GROUP_new_by_curve_name(self, _: int) -> Any:  # noqa: N802
        return ffi.cast("EC_GROUP *", int(self._sm2))

    def EC_GROUP_free(self, _: Any) -> None: ...  # noqa: N802

    def ERR_clear_error(self) -> None: ...  # noqa: N802


LIBRARIES = {
    "new.so": Library("OpenSSL 3.5.9", sm2=True),
    "old.so": Library("OpenSSL 1.1.1w", sm2=True),
    "lame.so": Library("OpenSSL 3.2.1", sm2=False),
}


class OtherFfi:
    """cffi, but opening ``LIBRARIES``."""

    NULL = ffi.NULL
    string = staticmethod(ffi.string)

    def dlopen(self, name: str) -> Library:
        if name not in LIBRARIES:
            raise OSError("no such file")
        return LIBRARIES[name]


def test_the_first_that_can_do_sm2_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcrypto, "ffi", OtherFfi())
    assert open_first(["absent.so", "old.so", "lame.so", "new.so"]) is LIBRARIES["new.so"]


def test_when_none_can_each_fault_is_named_and_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libcrypto, "ffi", OtherFfi())
    with pytest.raises(LibcryptoMissing) as caught:
        open_first(["absent.so", "old.so", "lame.so"])
    text = str(caught.value)
    assert "absent.so: cannot be used (no such file)" in text
    assert "old.so: OpenSSL 1.1.1w is too old" in text
    assert "lame.so: OpenSSL 3.2.1 was built without SM2" in text
    assert "apt-get install libssl3" in text
    with pytest.raises(LibcryptoMissing, match="Tried: nothing"):
        open_first([])


def test_a_library_that_is_no_libcrypto_is_refused() -> None:
    with pytest.raises(LibcryptoMissing, match=r"libc\.so\.6: cannot be used"):
        open_first(["libc.so.6"])


def test_the_one_in_use_says_its_version() -> None:
    assert version_of(lib).startswith("OpenSSL ")


def test_a_given_file_is_the_only_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIKATONG_LIBCRYPTO", "/opt/ours/libcrypto.so")
    assert list(candidates()) == ["/opt/ours/libcrypto.so"]


def test_a_wrong_file_given_stops_with_advice_at_once(tmp_path: Path) -> None:
    code = "import yikatong.gm.sm2"
    environment = {"YIKATONG_LIBCRYPTO": str(tmp_path / "absent.so"), "PATH": "/usr/bin:/bin"}
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, cwd=Path.cwd()
    )
    assert "YIKATONG_LIBCRYPTO" in finished.stderr
    assert "absent.so" in finished.stderr
    assert finished.returncode == 1


def test_the_systems_own_comes_first_and_the_drivers_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YIKATONG_LIBCRYPTO", raising=False)
    names = list(candidates())
    assert names[0] == "libcrypto.so.3"
    bundled = [name for name in names if "psycopg_binary" in name]
    assert bundled == names[-len(bundled) :]
    assert all(Path(name).is_file() for name in bundled)


def test_the_drivers_library_can_stand_in() -> None:
    """A machine without libssl3 still works when the database driver's wheel brings a libcrypto along."""
    for name in [name for name in candidates() if "psycopg_binary" in name]:
        assert version_of(open_first([name])).startswith("OpenSSL ")


def test_a_python_without_hashlib_driver_or_linker_cache_still_gets_the_usual_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def import_nothing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.delenv("YIKATONG_LIBCRYPTO", raising=False)
    monkeypatch.setattr(libcrypto.importlib, "import_module", import_nothing)
    monkeypatch.setattr(libcrypto.importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(libcrypto.ctypes.util, "find_library", lambda _: None)
    assert list(candidates()) == ["libcrypto.so.3", "libcrypto.so.4", "libcrypto.3.dylib"]
