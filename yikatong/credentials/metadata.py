"""What the issuer says of itself to wallets. Pure.

Source: OpenID4VCI 1.0, section 12.2.4 (issuer metadata) and annex A.3.2 (``dc+sd-jwt``); RFC 8414 (authorization server);
draft-ietf-oauth-sd-jwt-vc, sections 5 (issuer's keys) and 6 (type metadata).
"""

from typing import Any

from yikatong.credentials import addresses
from yikatong.credentials.jose import ALGORITHM
from yikatong.credentials.rules import CONFIGURATION, FORMAT, Claim

GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
_NAMES = {
    Claim.NAME: ("姓名", "Name"),
    Claim.CARD_NUMBER_TAIL: ("卡号后三位", "Last three characters of the card number"),
    Claim.BIRTHDATE: ("出生日期", "Date of birth"),
    Claim.AGE_OVER_18: ("已满 18 周岁", "18 or older"),
    Claim.AGE_OVER_60: ("已满 60 周岁", "60 or older"),
    Claim.AGE_OVER_65: ("已满 65 周岁", "65 or older"),
    Claim.INSURED_CATEGORY: ("参保类别", "Insured category"),
    Claim.CARD_VALID_UNTIL: ("卡片有效期至", "Card valid until"),
}
_TITLE = ("电子社会保障卡", "Electronic social security card")


def claim_name(claim: str, *, language: str) -> str:
    """A claim in a reader's language, ``en`` or Chinese."""
    zh, en = _NAMES[Claim(claim)]
    return en if language == "en" else zh


def offer(issuer: str, code: str, *, tx_code_length: int, tx_code_hint: str) -> dict[str, Any]:
    """A credential offer by value. Source: section 4.1.1."""
    tx_code = {"input_mode": "numeric", "length": tx_code_length, "description": tx_code_hint}
    return {
        "credential_issuer": issuer,
        "credential_configuration_ids": [CONFIGURATION],
        "grants": {GRANT: {"pre-authorized_code": code, "tx_code": tx_code}},
    }


def credential_issuer(issuer: str) -> dict[str, Any]:
    """``/.well-known/openid-credential-issuer``."""
    claims = [{"path": [name], "display": _shown(*_NAMES[name], key="name")} for name in Claim]
    configuration = {
        "format": FORMAT,
        "vct": addresses.vct(issuer),
        "cryptographic_binding_methods_supported": ["jwk"],
        "credential_signing_alg_values_supported": [ALGORITHM],
        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": [ALGORITHM]}},
        "credential_metadata": {"display": _shown(*_TITLE, key="name"), "claims": claims},
    }
    return {
        "credential_issuer": issuer,
        "credential_endpoint": issuer + addresses.CREDENTIAL,
        "nonce_endpoint": issuer + addresses.NONCE,
        "display": _shown("一卡通", "Yikatong", key="name"),
        "credential_configurations_supported": {CONFIGURATION: configuration},
    }


def authorization_server(issuer: str) -> dict[str, Any]:
    """``/.well-known/oauth-authorization-server``: a token endpoint for one grant, for wallets without registration."""
    return {
        "issuer": issuer,
        "token_endpoint": issuer + addresses.TOKEN,
        "grant_types_supported": [GRANT],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["none"],
        "pre-authorized_grant_anonymous_access_supported": True,
    }


def vc_issuer(issuer: str, keys: list[dict[str, Any]]) -> dict[str, Any]:
    """``/.well-known/jwt-vc-issuer``."""
    return {"issuer": issuer, "jwks": {"keys": keys}}


def credential_type(issuer: str) -> dict[str, Any]:
    """The type's metadata, at the address that is its name."""
    return {
        "vct": addresses.vct(issuer),
        "name": _TITLE[1],
        "description": "The electronic twin of a resident's social security card.",
        "display": _shown(*_TITLE, key="name"),
        "claims": [{"path": [name], "display": _shown(*_NAMES[name], key="label"), "sd": "always"} for name in Claim],
    }


def _shown(zh: str, en: str, *, key: str) -> list[dict[str, str]]:
    return [{key: zh, "locale": "zh-CN"}, {key: en, "locale": "en"}]
