"""OpenSSL's libcrypto, called directly: it is the only fast, maintained SM2 within reach of Python.

``cffi`` in ABI mode needs no compiler and lets go of the interpreter lock during every call, so two threads sign nearly
twice as much as one. ``cryptography`` carries an OpenSSL of its own whose SM2 it does not offer (it serves SM4, see
``sm4``). This module finds and declares the library; it knows nothing of signatures.
"""

import contextlib
import ctypes.util
import importlib
import importlib.util
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cffi import FFI

from yikatong.foundation.errors import YikatongError

OLDEST_MAJOR = 3
NID_SM2 = 1172

ffi = FFI()
ffi.cdef(
    """
    typedef ... EVP_PKEY; typedef ... EVP_PKEY_CTX; typedef ... OSSL_LIB_CTX; typedef ... OSSL_PARAM;
    typedef ... OSSL_PARAM_BLD; typedef ... BIGNUM; typedef ... EC_GROUP; typedef ... EC_POINT; typedef ... BN_CTX;
    unsigned int OPENSSL_version_major(void); const char *OpenSSL_version(int);
    unsigned long ERR_get_error(void); void ERR_clear_error(void);
    void ERR_error_string_n(unsigned long, char *, size_t);

    BIGNUM *BN_bin2bn(const unsigned char *, int, BIGNUM *); void BN_clear_free(BIGNUM *);
    EC_GROUP *EC_GROUP_new_by_curve_name(int); void EC_GROUP_free(EC_GROUP *);
    EC_POINT *EC_POINT_new(const EC_GROUP *); void EC_POINT_free(EC_POINT *);
    int EC_POINT_mul(const EC_GROUP *, EC_POINT *, const BIGNUM *, const EC_POINT *, const BIGNUM *, BN_CTX *);
    int EC_POINT_oct2point(const EC_GROUP *, EC_POINT *, const unsigned char *, size_t, BN_CTX *);
    size_t EC_POINT_point2oct(const EC_GROUP *, const EC_POINT *, int, unsigned char *, size_t, BN_CTX *);

    OSSL_PARAM_BLD *OSSL_PARAM_BLD_new(void); void OSSL_PARAM_BLD_free(OSSL_PARAM_BLD *);
    int OSSL_PARAM_BLD_push_utf8_string(OSSL_PARAM_BLD *, const char *, const char *, size_t);
    int OSSL_PARAM_BLD_push_octet_string(OSSL_PARAM_BLD *, const char *, const void *, size_t);
    int OSSL_PARAM_BLD_push_BN(OSSL_PARAM_BLD *, const char *, const BIGNUM *);
    OSSL_PARAM *OSSL_PARAM_BLD_to_param(OSSL_PARAM_BLD *); void OSSL_PARAM_free(OSSL_PARAM *);

    EVP_PKEY_CTX *EVP_PKEY_CTX_new_from_name(OSSL_LIB_CTX *, const char *, const char *);
    EVP_PKEY_CTX *EVP_PKEY_CTX_new_from_pkey(OSSL_LIB_CTX *, EVP_PKEY *, const char *);
    void EVP_PKEY_CTX_free(EVP_PKEY_CTX *); void EVP_PKEY_free(EVP_PKEY *);
    EVP_PKEY *EVP_PKEY_dup(EVP_PKEY *); int EVP_PKEY_set1_encoded_public_key(EVP_PKEY *, const unsigned char *, size_t);
    int EVP_PKEY_fromdata_init(EVP_PKEY_CTX *);
    int EVP_PKEY_fromdata(EVP_PKEY_CTX *, EVP_PKEY **, int, OSSL_PARAM *);
    int EVP_PKEY_sign_init(EVP_PKEY_CTX *); int EVP_PKEY_verify_init(EVP_PKEY_CTX *);
    int EVP_PKEY_sign(EVP_PKEY_CTX *, unsigned char *, size_t *, const unsigned char *, size_t);
    int EVP_PKEY_verify(EVP_PKEY_CTX *, const unsigned char *, size_t, const unsigned char *, size_t);
    """
)


class LibcryptoMissing(YikatongError):
    """There is no usable libcrypto on this machine."""


class LibcryptoError(YikatongError):
    """A call failed for a reason that is not the caller's input."""


def candidates() -> Iterator[str]:
    """Names and files to try, best first; ``YIKATONG_LIBCRYPTO`` names the only one to use instead."""
    given = os.environ.get("YIKATONG_LIBCRYPTO")
    if given:
        yield given
        return
    with contextlib.suppress(ImportError):  # where Python links a libcrypto of its own, its name then means that one
        importlib.import_module("_hashlib")
    yield from ("libcrypto.so.3", "libcrypto.so.4", "libcrypto.3.dylib")
    found = ctypes.util.find_library("crypto")
    if found:
        yield found
    driver = importlib.util.find_spec("psycopg_binary")  # brings one along, for machines without libssl3
    for folder in (driver and driver.submodule_search_locations) or ():
        yield from sorted(str(file) for file in Path(folder).with_name("psycopg_binary.libs").glob("libcrypto*"))


def open_first(names: Iterable[str]) -> Any:
    """The first library of ``names`` that can do SM2. Raises ``LibcryptoMissing``, which tells what is wrong with each."""
    failures = []
    for name in names:
        try:
            library = ffi.dlopen(name)
            fault = _fault_of(library)
        except (OSError, AttributeError) as error:
            fault = f"cannot be used ({error})"
        else:
            if fault is None:
                return library
        failures.append(f"{name}: {fault}")
    raise LibcryptoMissing(
        f"no OpenSSL {OLDEST_MAJOR} libcrypto with SM2 found; install it (Debian, Ubuntu: apt-get install libssl3) or name its"
        f" file in YIKATONG_LIBCRYPTO. Tried: {'; '.join(failures) or 'nothing'}"
    )


def _fault_of(library: Any) -> str | None:
    version = version_of(library)
    if library.OPENSSL_version_major() < OLDEST_MAJOR:
        return f"{version} is too old"
    group = library.EC_GROUP_new_by_curve_name(NID_SM2)
    if group == ffi.NULL:
        library.ERR_clear_error()
        return f"{version} was built without SM2"
    library.EC_GROUP_free(group)
    return None


def version_of(library: Any) -> str:
    """What a library calls itself, for example ``OpenSSL 3.0.19 27 Jan 2026``."""
    return _text(library.OpenSSL_version(0))


def _text(characters: Any) -> str:
    return bytes(ffi.string(characters)).decode()  # type: ignore[arg-type]  # of char, so bytes


lib = open_first(candidates())


def fail(doing: str) -> LibcryptoError:
    """The error to raise when libcrypto refused ``doing``, with its own words."""
    text = ffi.new("char[256]")
    lib.ERR_error_string_n(lib.ERR_get_error(), text, 256)
    lib.ERR_clear_error()
    return LibcryptoError(f"{doing} failed in libcrypto: {_text(text)}")
