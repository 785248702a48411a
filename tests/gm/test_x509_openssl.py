"""The openssl command accepts what we issue, and we accept what it issues."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import pem

from yikatong.foundation.errors import Refused
from yikatong.gm.sm2 import PrivateKey
from yikatong.gm.x509 import (
    Profile,
    Reason,
    issue_ca,
    issue_crl,
    issue_end_entity,
    issue_root,
    open_crl,
    parse,
    public_key_of,
    verify_chain,
)
from yikatong.gm.x509_profile import CARD_USAGE_OID

type OpenSsl = Callable[..., bytes]

NOW = datetime.now(UTC).replace(microsecond=0)  # openssl judges by the clock
BEGIN, END = NOW - timedelta(days=1), NOW + timedelta(days=365)
DEFAULT_ID = "distid:1234567812345678"

CONFIG = f"""
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true, pathlen:1
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[authority]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
extendedKeyUsage = {CARD_USAGE_OID}
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[card]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = {CARD_USAGE_OID}
[ca]
database = index.txt
crlnumber = crlnumber
default_md = sm3
default_crl_days = 7
"""


def write_pem(path: Path, kind: str, der: bytes) -> None:
    path.write_bytes(pem.armor(kind, der))


def der_of(path: Path) -> bytes:
    return bytes(pem.unarmor(path.read_bytes())[2])


def test_openssl_verifies_our_certificates_and_list(openssl: OpenSsl, tmp_path: Path) -> None:
    root = issue_root(PrivateKey.generate(), name="City Root", not_before=BEGIN, not_after=END)
    key = PrivateKey.generate()
    authority = issue_ca(root, key, profile=Profile.CARD_CA, name="Card CA", not_before=BEGIN, not_after=END)
    card = issue_end_entity(
        authority, PrivateKey.generate().public, profile=Profile.CARD, name="测试卡", not_before=BEGIN, not_after=END
    )
    revoked = [(card.serial_number, NOW), (5, NOW)]
    listed = issue_crl(authority, revoked, number=3, this_update=BEGIN, next_update=END)
    certificates = {"root": root.der, "authority": authority.der, "card": card.dump()}
    for name, der in certificates.items():
        write_pem(tmp_path / f"{name}.pem", "CERTIFICATE", der)
    write_pem(tmp_path / "list.pem", "X509 CRL", listed)

    for issuer, subject in (("root", "root"), ("root", "authority"), ("authority", "card")):
        command = ("verify", "-partial_chain", "-x509_strict", "-trusted", f"{issuer}.pem", "-vfyopt", DEFAULT_ID)
        assert openssl(*command, f"{subject}.pem") == f"{subject}.pem: OK\n".encode()
    text = openssl("x509", "-in", "card.pem", "-noout", "-text", "-nameopt", "utf8,-esc_msb").decode()
    for expected in ("SM2-with-SM3", "ASN1 OID: SM2", "Digital Signature", "CA:FALSE", CARD_USAGE_OID, "测试卡"):
        assert expected in text
    text = openssl("crl", "-in", "list.pem", "-noout", "-text").decode()
    for expected in (f"{card.serial_number:X}", "Serial Number: 05", "X509v3 CRL Number", "Signature Algorithm: SM2"):
        assert expected in text


@pytest.fixture
def made_by_openssl(openssl: OpenSsl, tmp_path: Path) -> Path:
    """root.pem, authority.pem, card.pem and list.pem, by the openssl command alone."""
    (tmp_path / "openssl.cnf").write_text(CONFIG, encoding="ascii")
    for name in ("root", "authority", "card"):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", f"{name}.key")
    sign = ("-sm3", "-sigopt", DEFAULT_ID)
    common = ("-config", "openssl.cnf", *sign)
    openssl(
        *("req", "-x509", "-key", "root.key", "-out", "root.pem", "-subj", "/CN=Other Root", "-extensions", "root"),
        *("-days", "30", *common),
    )
    for name, issuer in (("authority", "root"), ("card", "authority")):
        openssl("req", "-new", "-key", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN=Other {name}", *common)
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-vfyopt", DEFAULT_ID, "-CA", f"{issuer}.pem"),
            *("-CAkey", f"{issuer}.key", "-set_serial", "4660", "-days", "30", "-out", f"{name}.pem"),
            *("-extfile", "openssl.cnf", "-extensions", name, *sign),
        )
    (tmp_path / "index.txt").write_text("R\t350101000000Z\t260101000000Z\t1234\tunknown\t/CN=Other card\n")
    (tmp_path / "crlnumber").write_text("01\n")
    openssl(
        *("ca", "-config", "openssl.cnf", "-name", "ca", "-gencrl", "-cert", "authority.pem", "-keyfile"),
        *("authority.key", "-sigopt", DEFAULT_ID, "-out", "list.pem"),
    )
    return tmp_path


def test_we_verify_openssls_certificates_and_list(made_by_openssl: Path) -> None:
    root, authority, card = (parse(der_of(made_by_openssl / f"{name}.pem")) for name in ("root", "authority", "card"))
    soon = datetime.now(UTC) + timedelta(seconds=1)
    verified = verify_chain([card, authority], [root], at=soon, profile=Profile.CARD)
    assert verified == public_key_of(card)
    listed = der_of(made_by_openssl / "list.pem")
    assert open_crl(listed, authority).revoked == {4660: datetime(2026, 1, 1, tzinfo=UTC)}
    with pytest.raises(Refused) as caught:
        verify_chain([card, authority], [root], at=soon, profile=Profile.CARD, crls=[listed])
    assert caught.value.reason is Reason.REVOKED
