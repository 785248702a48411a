"""The published computation of factors, keys, cryptograms and MACs, step by step."""

import pytest

from yikatong.smartcard import ssse_security as security

MASTER = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
HISTORICAL = bytes.fromhex("00814A44468660110000000001")
FACTOR, ORIGINAL = bytes.fromhex("1122334455667788"), bytes.fromhex("A1A2A3A4A5A6A7A8")


def test_the_factors_of_the_three_levels() -> None:
    assert security.factor_of_province("110000").hex() == "3131303030307368"
    assert security.factor_of_region("110000").hex() == "3131303030307378"
    assert security.factor_of_card(HISTORICAL).hex() == "8660110000000001"


def test_the_example_of_key_and_session_holds() -> None:
    province = security.diversify(MASTER, security.factor_of_province("110000"))
    assert province.hex().upper() == "31B260EC31201FC36345970A50FB5D19"
    region = security.diversify(province, security.factor_of_region("110000"))
    assert region.hex().upper() == "777A449D86BDEE7CF444D446BC09F616"
    key = security.card_key(MASTER, "110000", HISTORICAL)
    assert key.hex().upper() == "FAF1567915089E4BE08457041C3F1B2A"
    assert security.session_key(key, FACTOR).hex().upper() == "98B93864AD9443B9DCF24CC8C1F593F4"
    assert security.cryptogram(key, FACTOR, ORIGINAL).hex().upper() == "33F491147F07C732"


def test_the_example_of_a_secured_command_holds() -> None:
    key = security.card_key(MASTER, "110000", HISTORICAL)
    session = security.session_key(key, bytes.fromhex("2AFD6A015D2D9BAC"))
    encrypted = security.encrypt(session, bytes.fromhex("123456"))
    assert encrypted.hex().upper() == "3D6BCBE266F4B8416673B628C3271BB1"
    assert security.mac(session, bytes.fromhex("8424000114") + encrypted).hex().upper() == "5F21A6C8"


@pytest.mark.parametrize("length", [0, 1, 14, 15, 16, 30, 31, 200])
def test_what_is_encrypted_comes_back(length: int) -> None:
    plaintext = bytes(range(length))
    assert security.decrypt(MASTER, security.encrypt(MASTER, plaintext)) == plaintext


@pytest.mark.parametrize("ciphertext", [b"", bytes(15), bytes(16), bytes(32)])
def test_what_was_not_encrypted_so_is_told(ciphertext: bytes) -> None:
    with pytest.raises(security.SecuredDataWrong):
        security.decrypt(MASTER, ciphertext)
