"""Where wallets find what, below the issuer's identifier. Pure.

The identifier is an origin without path, so that every ``.well-known`` document lies at the root (RFC 8414, section 3.1).
"""

CREDENTIAL_ISSUER = "/.well-known/openid-credential-issuer"
AUTHORIZATION_SERVER = "/.well-known/oauth-authorization-server"
VC_ISSUER = "/.well-known/jwt-vc-issuer"
TOKEN = "/openid/token"  # noqa: S105  # an address
NONCE = "/openid/nonce"
CREDENTIAL = "/openid/credential"
TYPE = "/openid/types/social-security-card/1"
STATUS = "/openid/status/{list_id}"
ANSWER = "/openid/presentations/{question_id}"


def vct(issuer: str) -> str:
    """The credential's type: where its metadata are."""
    return issuer + TYPE


def status_uri(issuer: str, list_id: int) -> str:
    """A status list."""
    return issuer + STATUS.format(list_id=list_id)


def answer_uri(issuer: str, question_id: str) -> str:
    """Where a wallet sends its answer to a venue's question."""
    return issuer + ANSWER.format(question_id=question_id)


def audience(issuer: str, question_id: str) -> str:
    """The verifier's client id. Source: OpenID4VP 1.0, section 5.9.3, prefix ``redirect_uri``."""
    return f"redirect_uri:{answer_uri(issuer, question_id)}"
