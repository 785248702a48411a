"""OpenSSL's libcrypto, called directly: it is the only fast, maintained SM2 within reach of Python.

``cffi`` in ABI mode needs no compiler and lets go of the interpreter lock during every call, so two threads sign nearly
twice as much as one.
``cryptography`` carries an OpenSSL of its own without SM2 (it serves SM4, see ``sm4``).
"""

import ctypes.util
import os
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
    unsigned int OPENSSL_version_major(void);
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


def _load() -> Any:
    """Open libcrypto 3 or later; ``YIKATONG_LIBCRYPTO`` names a file to use instead of the system's."""
    given = os.environ.get("YIKATONG_LIBCRYPTO")
    names = [given] if given else ["libcrypto.so.3", "libcrypto.3.dylib", ctypes.util.find_library("crypto")]
    failures = []
    for name in filter(None, names):
        try:
            library = ffi.dlopen(name)
            major = library.OPENSSL_version_major()
        except (OSError, AttributeError) as error:
            failures.append(f"{name}: {error}")
            continue
        if major >= OLDEST_MAJOR:
            return library
        failures.append(f"{name}: version {major} is too old")
    raise LibcryptoMissing(
        "no OpenSSL 3 libcrypto found (Debian: apt-get install libssl3); tried " + "; ".join(failures or ["nothing"])
    )


lib = _load()


def fail(doing: str) -> LibcryptoError:
    """The error to raise when libcrypto refused ``doing``, with its own words."""
    text = ffi.new("char[256]")
    lib.ERR_error_string_n(lib.ERR_get_error(), text, 256)
    lib.ERR_clear_error()
    return LibcryptoError(f"{doing} failed in libcrypto: {ffi.string(text).decode()}")
