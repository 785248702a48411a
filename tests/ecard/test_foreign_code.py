"""The electronic card's code read and verified by programs that are not ours: zxing-cpp for the picture, openssl for SM2.

Bytes are cut as docs/formats/e-card-code.md says, by hand; no module of the product takes part in the reading.
"""

import base64
import io
import subprocess
from pathlib import Path

import pytest
import zxingcpp
from django.test import Client
from PIL import Image

from tests.cast import active_card, make_bank, make_person
from yikatong.accounts.models import Role, User
from yikatong.ecard.issuer import issuer_key
from yikatong.foundation.clock import utc_now

pytestmark = pytest.mark.django_db
SPKI = bytes.fromhex("3039301306072a8648ce3d020106082a811ccf5501822d032200")
"""SubjectPublicKeyInfo up to a compressed point of 33 bytes: id-ecPublicKey on the curve 1.2.156.10197.1.301 (SM2)."""


def read_from_screen() -> bytes:
    """The 203 bytes in the picture of a signed-in resident's code."""
    card = active_card(make_person(1), make_bank(), at=utc_now())
    client = Client()
    client.force_login(User.objects.create(username="r", role=Role.RESIDENT, person_id=card.person_id))
    picture = client.get("/code/image/")
    assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/png")
    (seen,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.content)), formats=zxingcpp.BarcodeFormat.QRCode)
    assert seen.text.startswith("Y1.")
    body = seen.text[3:]
    return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))


def der(signature: bytes) -> bytes:
    """``r ‖ s`` as the sequence of integers that openssl reads."""

    def integer(octets: bytes) -> bytes:
        octets = octets.lstrip(b"\0") or b"\0"
        octets = b"\0" + octets if octets[0] & 0x80 else octets
        return bytes([2, len(octets)]) + octets

    body = integer(signature[:32]) + integer(signature[32:])
    return bytes([0x30, len(body)]) + body


def openssl_verifies(point: bytes, message: bytes, signature: bytes, folder: Path) -> bool:
    """What Debian's openssl says of an SM2 signature with SM3 and the default signer id."""
    (folder / "key.der").write_bytes(SPKI + point)
    (folder / "message").write_bytes(message)
    (folder / "signature").write_bytes(der(signature))
    pem = subprocess.run(
        ["/usr/bin/openssl", "pkey", "-pubin", "-inform", "DER", "-in", folder / "key.der", "-out", folder / "key.pem"],
        capture_output=True,
        check=False,
    )
    assert pem.returncode == 0, pem.stderr
    said = subprocess.run(
        [
            *("/usr/bin/openssl", "pkeyutl", "-verify", "-pubin", "-inkey", folder / "key.pem", "-rawin"),
            *("-digest", "sm3", "-pkeyopt", "distid:1234567812345678"),
            *("-in", folder / "message", "-sigfile", folder / "signature"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Verified" in said.stdout or "Verification" in said.stdout, said.stderr
    return said.returncode == 0


def test_zxing_reads_the_picture_and_openssl_verifies_certificate_and_code(tmp_path: Path) -> None:
    octets = read_from_screen()
    assert len(octets) == 203
    certificate, device = octets[:127], octets[21:54]
    issuer = issuer_key().public.compressed
    assert openssl_verifies(issuer, certificate[:63], certificate[63:], tmp_path)
    assert openssl_verifies(device, b"YKT-CODE-1" + octets[:139], octets[139:], tmp_path)


@pytest.mark.parametrize("position", [0, 5, 13, 54, 62, 127, 131])
def test_openssl_refuses_a_code_with_one_bit_changed(position: int, tmp_path: Path) -> None:
    octets = bytearray(read_from_screen())
    octets[position] ^= 1
    changed = bytes(octets)
    issuer = issuer_key().public.compressed
    certificate_holds = openssl_verifies(issuer, changed[:63], changed[63:127], tmp_path)
    code_holds = openssl_verifies(changed[21:54], b"YKT-CODE-1" + changed[:139], changed[139:], tmp_path)
    assert (certificate_holds, code_holds) == (position >= 63, False)
