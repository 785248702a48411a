"""What a certificate of this city looks like: names, extensions and key usages by what it is for.

Source: GM/T 0015 (profile), RFC 5280 (fields), OIDs 1.2.156.10197.1.301 (curve) and .1.501 (SM2 with SM3). Authorities
carry the extended key usage of what they may issue, so that a terminal authority cannot certify a card. It signs and
verifies nothing: see ``x509``.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from asn1crypto import algos, core, keys, x509

from yikatong.gm.sm2 import PublicKey

CURVE_NAME, SIGNATURE_NAME = "sm2p256v1", "sm2_sm3"
_CURVE_OID = "1.2.156.10197.1.301"
_SIGNATURE_OID = "1.2.156.10197.1.501"
CARD_USAGE_OID = "2.25.28920686548734473278901378747545549644"
"""Extended key usage "city card". Source: assumption; an OID made of a UUID, which ITU-T X.667 lets anyone use."""
SERIAL_NUMBER_MAX = 2**159 - 1  # 20 octets with a positive sign; RFC 5280, 4.1.2.2

keys.NamedCurve.register(CURVE_NAME, _CURVE_OID, 32)
# asn1crypto has a way to register a curve, but none to register a signature algorithm
algos.SignedDigestAlgorithmId._map[_SIGNATURE_OID] = SIGNATURE_NAME
algos.SignedDigestAlgorithmId._reverse_map = None


def _encoded[T: core.Asn1Value](value: T) -> T:
    """The same value with its bytes fixed: asn1crypto encodes what it did not load again at every level above it."""
    loaded: T = type(value).load(value.dump())
    _ = loaded.native  # parsed once and for all, since threads share it
    return loaded


SIGNATURE_ALGORITHM = _encoded(algos.SignedDigestAlgorithm({"algorithm": SIGNATURE_NAME}))
_CURVE = _encoded(
    keys.PublicKeyAlgorithm({"algorithm": "ec", "parameters": keys.ECDomainParameters("named", CURVE_NAME)})
)


class Profile(StrEnum):
    """What a certificate is for; fixes its key usage and path rules."""

    ROOT = "root"
    CARD_CA = "card_ca"
    TERMINAL_CA = "terminal_ca"
    CARD = "card"
    TERMINAL = "terminal"
    CODE_SIGNING = "code_signing"


PATH_LENGTHS = {Profile.ROOT: 1, Profile.CARD_CA: 0, Profile.TERMINAL_CA: 0}
"""The authorities, and how many authorities may follow each."""
EXTENDED_USAGES = {
    Profile.CARD_CA: CARD_USAGE_OID,
    Profile.CARD: CARD_USAGE_OID,
    Profile.TERMINAL_CA: "client_auth",
    Profile.TERMINAL: "client_auth",
    Profile.CODE_SIGNING: "code_signing",
}
UNDERSTOOD = frozenset(
    {"basic_constraints", "key_usage", "extended_key_usage", "key_identifier", "authority_key_identifier"}
)
"""Extensions that verification heeds; any other that is marked critical makes a certificate unusable here."""


def name(common_name: str) -> x509.Name:
    """The distinguished name of a subject."""
    return _encoded(
        x509.Name.build({"country_name": "CN", "organization_name": "Yikatong", "common_name": common_name})
    )


def time(at: datetime) -> x509.Time:
    """A moment in whole seconds, in the form that RFC 5280, 4.1.2.5 wants for its year. ``at`` is aware."""
    if at.tzinfo is None:
        raise ValueError("a certificate's times need a time zone")
    at = at.astimezone(UTC).replace(microsecond=0)
    return x509.Time({"utc_time": at} if at.year < 2050 else {"general_time": at})


def key_info(public: PublicKey) -> keys.PublicKeyInfo:
    """The key as certificates carry it."""
    point = keys.ECPointBitString(public.point)
    return _encoded(keys.PublicKeyInfo({"algorithm": _CURVE, "public_key": point}))


def extensions(profile: Profile, subject_identifier: bytes, authority_identifier: bytes) -> list[dict[str, Any]]:
    """The extensions of a certificate of that profile; the identifiers name its key and its issuer's."""
    path_length = PATH_LENGTHS.get(profile)
    usage = {"digital_signature"} if path_length is None else {"key_cert_sign", "crl_sign"}
    basic = {"ca": False} if path_length is None else {"ca": True, "path_len_constraint": path_length}
    made: list[dict[str, Any]] = [
        {"extn_id": "basic_constraints", "critical": True, "extn_value": basic},
        {"extn_id": "key_usage", "critical": True, "extn_value": usage},
        {"extn_id": "key_identifier", "critical": False, "extn_value": subject_identifier},
        _authority_identifier(authority_identifier),
    ]
    if profile in EXTENDED_USAGES:
        extended = [EXTENDED_USAGES[profile]]
        made.append({"extn_id": "extended_key_usage", "critical": False, "extn_value": extended})
    return made


def crl_extensions(number: int, authority_identifier: bytes) -> list[dict[str, Any]]:
    """The extensions of a revocation list."""
    return [
        {"extn_id": "crl_number", "critical": False, "extn_value": number},
        _authority_identifier(authority_identifier),
    ]


def _authority_identifier(identifier: bytes) -> dict[str, Any]:
    return {"extn_id": "authority_key_identifier", "critical": False, "extn_value": {"key_identifier": identifier}}
