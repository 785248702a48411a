"""The key that certifies holders' devices, and what a terminal must know of it."""

from yikatong.gm.sm2 import PrivateKey
from yikatong.registry.sealing import key_store

ISSUER_KEY = "ecard-issuer"


def issuer_key() -> PrivateKey:
    """The electronic card's issuer key, made at first use."""
    store = key_store()
    store.ensure(sm2=(ISSUER_KEY,))
    return store.sm2_key(ISSUER_KEY)
