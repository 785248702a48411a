"""A small wallet of the tests' own: OpenID4VCI and OpenID4VP over HTTP, with the ``sd-jwt`` library in the holder's place.

It shares no code with the product, so that both sides misreading a specification alike would be noticed by the library.
"""

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from joserfc import jws
from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK
from sd_jwt.holder import SDJWTHolder
from sd_jwt.verifier import SDJWTVerifier

GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"


class Wallet:
    """One key, one credential."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.key = ECKey.generate_key("P-256", private=True)
        self.credential = ""

    @property
    def jwk(self) -> JWK:
        """The key as the library wants it."""
        return JWK(**self.key.as_dict(private=True))

    def accept(self, link: str, tx_code: str) -> str:
        """From the offer's link to the credential, as section 3.5 of OpenID4VCI walks."""
        offer = offer_in(link)
        issuer = offer["credential_issuer"]
        (configuration,) = offer["credential_configuration_ids"]
        about = self.get(f"{issuer}/.well-known/openid-credential-issuer").json()
        server = self.get(f"{issuer}/.well-known/oauth-authorization-server").json()
        assert (about["credential_issuer"], server["issuer"]) == (issuer, issuer)
        supported = about["credential_configurations_supported"][configuration]
        assert (supported["format"], GRANT in server["grant_types_supported"]) == ("dc+sd-jwt", True)
        access = self.redeem(link, tx_code).raise_for_status().json()
        assert access["token_type"] == "Bearer"
        proof = self.proof(issuer, self.fresh_nonce(about))
        answer = self.ask_credential(issuer, access["access_token"], proof, configuration).raise_for_status()
        self.credential = answer.json()["credentials"][0]["credential"]
        return self.credential

    def redeem(self, link: str, tx_code: str) -> httpx.Response:
        """The token endpoint."""
        offer = offer_in(link)
        form = {
            "grant_type": GRANT,
            "pre-authorized_code": offer["grants"][GRANT]["pre-authorized_code"],
            "tx_code": tx_code,
        }
        return self.http.post(f"{offer['credential_issuer']}/openid/token", data=form)

    def fresh_nonce(self, about: dict[str, Any]) -> str:
        """The nonce endpoint."""
        answer = self.http.post(about["nonce_endpoint"]).raise_for_status()
        assert "no-store" in answer.headers["Cache-Control"]
        return str(answer.json()["c_nonce"])

    def proof(self, issuer: str, nonce: str, /, **changes: Any) -> str:
        """A key proof (annex F.1); ``changes`` spoil it."""
        header = {"alg": "ES256", "typ": "openid4vci-proof+jwt", "jwk": self.key.as_dict(private=False)}
        claims = {"aud": issuer, "iat": int(time.time()), "nonce": nonce}
        for name, value in changes.items():
            (header if name in {"typ", "jwk"} else claims)[name] = value
        return jws.serialize_compact(header, json.dumps(claims), self.key, algorithms=["ES256"])

    def ask_credential(
        self, issuer: str, access: str, proof: str, configuration: str = "social_security_card"
    ) -> httpx.Response:
        """The credential endpoint."""
        body = {"credential_configuration_id": configuration, "proofs": {"jwt": [proof]}}
        headers = {"Authorization": f"Bearer {access}"}
        return self.http.post(f"{issuer}/openid/credential", json=body, headers=headers)

    def issuer_keys(self, issuer: str) -> dict[str, JWK]:
        """By id, from the issuer's metadata."""
        about = self.get(f"{issuer}/.well-known/jwt-vc-issuer").json()
        assert about["issuer"] == issuer
        return {key["kid"]: JWK(**key) for key in about["jwks"]["keys"]}

    def verified(self, text: str, *, nonce: str | None = None, aud: str | None = None) -> dict[str, Any]:
        """What the library reads in a credential or presentation, issuer's signature checked."""

        def key_for(issuer: str, header: dict[str, Any]) -> JWK:
            return self.issuer_keys(issuer)[header["kid"]]

        return dict(SDJWTVerifier(text, key_for, aud, nonce).get_verified_payload())

    def presentation(self, link: str, *, claims: set[str] | None = None, **changes: str) -> tuple[str, dict[str, str]]:
        """Where the answer goes, and the answer, disclosing what is asked (or ``claims``); ``changes`` spoil it."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
        assert (asked["response_type"], asked["response_mode"]) == ("vp_token", "direct_post")
        assert asked["client_id"] == f"redirect_uri:{asked['response_uri']}"
        (query,) = json.loads(asked["dcql_query"])["credentials"]
        wanted = {claim["path"][0] for claim in query["claims"]} if claims is None else claims
        holder = SDJWTHolder(self.credential)
        holder.create_presentation(
            dict.fromkeys(wanted, True),
            changes.get("nonce", asked["nonce"]),
            changes.get("aud", asked["client_id"]),
            self.jwk,
            "ES256",
        )
        answer = {"vp_token": json.dumps({query["id"]: [holder.sd_jwt_presentation]}), "state": asked["state"]}
        return asked["response_uri"], answer

    def present(self, link: str, *, claims: set[str] | None = None, **changes: str) -> httpx.Response:
        """Answer a venue's question."""
        where, answer = self.presentation(link, claims=claims, **changes)
        return self.http.post(where, data=answer)

    def get(self, address: str) -> httpx.Response:
        """A document that must be there."""
        return self.http.get(address).raise_for_status()


def offer_in(link: str) -> dict[str, Any]:
    """The offer by value in a link."""
    parts = urlsplit(link)
    assert parts.scheme == "openid-credential-offer"
    return dict(json.loads(parse_qs(parts.query)["credential_offer"][0]))
