"""The purse's computations against another implementation's: keys, session, MACs and TAC were made with the openssl command."""

import pytest

from yikatong.smartcard.tunion_layout import ISSUER_BEIJING
from yikatong.smartcard.tunion_security import (
    CIPHERS,
    Algorithm,
    authorised,
    issuer_factor,
    purchase_context,
    purchase_receipt,
)

SERIAL = bytes.fromhex("1000751000000017")
AMOUNT, TERMINAL, TIME = (300).to_bytes(4), bytes.fromhex("110000000042"), bytes.fromhex("20261123081500")
NUMBER = 0x102
CASES = {
    Algorithm.SM4: {
        "masters": ("51" * 16, "53" * 16),
        "keys": ("6C2C339CA6D08FDBE46BF7D105E7202B", "A14E6A00F738DCD1D19EA0029CDAEEFD"),
        "session": "0E4752974384E5F5E7FF3F961320254E",
        "macs": ("2676056D", "7440DD6C", "6B217034"),
    },
    Algorithm.TRIPLE_DES: {
        "masters": ("0123456789ABCDEFFEDCBA9876543210", "00112233445566778899AABBCCDDEEFF"),
        "keys": ("4DCA8FA0EDD0CC160F90B09CD3E419C9", "007A449FA022127C0EC6FC3D3E994706"),
        "session": "39B4ED60F5068581",
        "macs": ("4F827452", "EDA3F47F", "C01C5745"),
    },
}


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_purchase_is_computed_as_openssl_computes_it(algorithm: Algorithm) -> None:
    case, cipher = CASES[algorithm], CIPHERS[algorithm]
    keys = [cipher.card_key(bytes.fromhex(master), issuer_factor(ISSUER_BEIJING), SERIAL) for master in case["masters"]]
    assert tuple(key.hex().upper() for key in keys) == case["keys"]
    session = cipher.session(keys[0], purchase_context(bytes.fromhex("A1B2C3D4"), 7, NUMBER))
    assert session.hex().upper() == case["session"]
    mac1 = cipher.mac(session, authorised(AMOUNT, 0x09, TERMINAL, TIME))
    mac2 = cipher.mac(session, AMOUNT)
    tac = cipher.tac(keys[1], purchase_receipt(AMOUNT, 0x09, TERMINAL, NUMBER.to_bytes(4), TIME))
    assert (mac1.hex().upper(), mac2.hex().upper(), tac.hex().upper()) == case["macs"]


def test_the_issuers_level_leaves_its_last_four_bytes_out() -> None:
    assert issuer_factor(bytes.fromhex("0101100012345678")) == ISSUER_BEIJING
