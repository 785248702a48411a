"""Signed lists: only the list key's word counts, and only for the kind it was given for."""

import base64
from collections.abc import Callable

import msgspec
import pytest

from tests.wire.makers import ISSUER, LIST_KEY, STRANGER, make_deny, make_trust
from yikatong.wire.codes import key_id_of
from yikatong.wire.lists import ListInvalid, open_deny_list, open_trust_list, sign_list

DENY = make_deny({"token:aa": "card_superseded"}, version=9)


def test_lists_come_back_as_signed() -> None:
    assert open_deny_list(sign_list(DENY, LIST_KEY), LIST_KEY.public) == DENY
    assert open_trust_list(sign_list(make_trust(), LIST_KEY), LIST_KEY.public) == make_trust()
    assert DENY.reason_for("token:aa") == "card_superseded"
    assert DENY.reason_for("token:ab") is None


def with_payload(octets: bytes, change: Callable[[bytes], bytes]) -> bytes:
    envelope = msgspec.json.decode(octets)
    payload = change(base64.urlsafe_b64decode(envelope["payload"]))
    return msgspec.json.encode(envelope | {"payload": base64.urlsafe_b64encode(payload).decode()})


def signed_anyhow(payload: bytes) -> bytes:
    """Properly signed, whatever it says: the list key was misused or the software is newer."""
    encoded = base64.urlsafe_b64encode
    return msgspec.json.encode(
        {
            "payload": encoded(payload).decode(),
            "key_id": key_id_of(LIST_KEY.public).hex(),
            "signature": encoded(LIST_KEY.sign(payload)).decode(),
        }
    )


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (sign_list(DENY, STRANGER), "not signed by the key"),
        (sign_list(DENY, ISSUER), "not signed by the key"),
        (with_payload(sign_list(DENY, LIST_KEY), lambda p: p.replace(b"superseded", b"cancelled_")), "not signed"),
        (with_payload(sign_list(DENY, LIST_KEY), lambda p: p + b" "), "not signed"),
        (sign_list(make_trust(), LIST_KEY), "another kind"),
        (signed_anyhow(b"{}"), "another kind"),
        (signed_anyhow(b"\xff\xfe"), "another kind"),
        (signed_anyhow(b"[" * 2000), "another kind"),
        (signed_anyhow(b'{"list":"deny-list","version":"new"}'), "another kind"),
        (b"", "not a signed list"),
        (b"<html>Sign in to the network</html>", "not a signed list"),
        (b'{"payload":"","key_id":"","signature":""}', "not signed"),
        (b'{"payload":"abc","key_id":"","signature":"\xc3\xa9"}', "not a signed list"),
        (sign_list(DENY, LIST_KEY)[:-1], "not a signed list"),
    ],
)
def test_anything_else_is_not_believed(octets: bytes, says: str) -> None:
    with pytest.raises(ListInvalid, match=says):
        open_deny_list(octets, LIST_KEY.public)


def test_a_deny_list_is_no_trust_list() -> None:
    with pytest.raises(ListInvalid, match="another kind"):
        open_trust_list(sign_list(DENY, LIST_KEY), LIST_KEY.public)
