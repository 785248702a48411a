"""What wallets call, without a session: metadata, token, nonce, credential, status, the answer to a venue's question.

Source: OpenID4VCI 1.0 and OpenID4VP 1.0; which parts: docs/credentials.md. No request here is anybody's by cookie, so there is
nothing for a forged form to misuse: they need no CSRF token. A code, a token or a question's state is the only way in.
"""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from yikatong.credentials import keys, metadata, questions, services, statuses
from yikatong.credentials.identifier import issuer_of
from yikatong.credentials.jose import JoseInvalid, json_object
from yikatong.credentials.presentation import Refusal
from yikatong.credentials.rules import CONFIGURATION
from yikatong.credentials.services import Reason
from yikatong.credentials.status_list import TTL
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused

BODY_BYTES_MAX = 64_000
BEARER = "Bearer "


def _document(make: Callable[[str], dict[str, Any]]) -> Callable[[HttpRequest], HttpResponse]:
    @require_safe
    def view(request: HttpRequest) -> HttpResponse:
        return JsonResponse(make(issuer_of(request)), headers={"Cache-Control": "public, max-age=300"})

    return view


credential_issuer = _document(metadata.credential_issuer)
authorization_server = _document(metadata.authorization_server)
credential_type = _document(metadata.credential_type)


@_document
def vc_issuer(issuer: str) -> dict[str, Any]:
    """Our public keys; the first is made now if there is none."""
    keys.signing_key(utc_now())
    return metadata.vc_issuer(issuer, keys.public_keys())


def _wrong(error: str, *, status: int = 400, **headers: str) -> JsonResponse:
    return JsonResponse({"error": error}, status=status, headers=headers)


@csrf_exempt
@require_POST
@never_cache
def token(request: HttpRequest) -> HttpResponse:
    """An access token for a pre-authorized code and the transaction code. Source: OpenID4VCI 1.0, section 6."""
    if request.content_type != "application/x-www-form-urlencoded" or _is_too_large(request):
        return _wrong("invalid_request")
    if request.POST.get("grant_type") != metadata.GRANT:
        return _wrong("unsupported_grant_type" if request.POST.get("grant_type") else "invalid_request")
    code, tx_code = request.POST.get("pre-authorized_code"), request.POST.get("tx_code")
    if not code or not tx_code:
        return _wrong("invalid_request")
    try:
        access = services.redeem(code, tx_code, at=utc_now())
    except Refused as refused:
        return _wrong(str(refused.reason))
    lasts_s = int(services.ACCESS_LIFE.total_seconds())
    return JsonResponse({"access_token": access, "token_type": "Bearer", "expires_in": lasts_s})


@csrf_exempt
@require_POST
@never_cache
def nonce(request: HttpRequest) -> HttpResponse:
    """A nonce for a proof. Source: section 7."""
    return JsonResponse({"c_nonce": services.fresh_nonce(utc_now())})


@csrf_exempt
@require_POST
@never_cache
def credential(request: HttpRequest) -> HttpResponse:
    """The credential, for an access token and a proof of the wallet's key. Source: section 8."""
    bearer = request.headers.get("Authorization", "")
    if not bearer.startswith(BEARER):
        return _wrong("invalid_token", status=401, **{"WWW-Authenticate": "Bearer"})
    body = _json_of(request)
    fault = _fault_of(body)
    if fault:
        return _wrong(fault)
    try:
        text = services.issue(
            bearer.removeprefix(BEARER), body["proofs"]["jwt"][0], issuer=issuer_of(request), at=utc_now()
        )
    except Refused as refused:
        if refused.reason == Reason.INVALID_TOKEN:
            return _wrong("invalid_token", status=401, **{"WWW-Authenticate": 'Bearer error="invalid_token"'})
        return _wrong(str(refused.reason))
    return JsonResponse({"credentials": [{"credential": text}]})


def _json_of(request: HttpRequest) -> dict[str, Any]:
    """The request's JSON object; empty when it is none, which lacks everything that is asked for."""
    if request.content_type != "application/json" or _is_too_large(request):
        return {}
    try:
        return json_object(request.body)
    except JoseInvalid:
        return {}


def _fault_of(body: dict[str, Any]) -> str:
    """What is wrong with a credential request; the error codes of section 8.3.1."""
    if "credential_response_encryption" in body:
        return "invalid_encryption_parameters"
    if "credential_identifier" in body:
        return "unknown_credential_identifier"
    if not isinstance(body.get("credential_configuration_id"), str):
        return "invalid_credential_request"
    if body["credential_configuration_id"] != CONFIGURATION:
        return "unknown_credential_configuration"
    proofs = body.get("proofs")
    found = proofs.get("jwt") if isinstance(proofs, dict) and len(proofs) == 1 else None
    is_one = isinstance(found, list) and len(found) == 1 and isinstance(found[0], str)
    return "" if is_one else "invalid_proof"


@require_safe
def status(request: HttpRequest, list_id: int) -> HttpResponse:
    """A status list token. Source: draft-ietf-oauth-status-list, section 8.2."""
    found = statuses.signed_list(list_id, issuer=issuer_of(request), at=utc_now())
    if found is None:
        raise Http404
    headers = {"Cache-Control": f"public, max-age={int(TTL.total_seconds())}"}
    return HttpResponse(found, content_type="application/statuslist+jwt", headers=headers)


@csrf_exempt
@require_POST
@never_cache
def presentation(request: HttpRequest, question_id: str) -> HttpResponse:
    """A wallet's answer by direct_post. Source: OpenID4VP 1.0, section 8.2."""
    if request.content_type != "application/x-www-form-urlencoded" or _is_too_large(request):
        return _wrong("invalid_request")
    form = {name: str(value) for name, value in request.POST.items()}
    try:
        questions.answer(question_id, form, issuer=issuer_of(request), at=utc_now())
    except Refused as refused:
        if refused.reason == Refusal.WALLET_DECLINED:
            return JsonResponse({})
        return JsonResponse({"error": "invalid_request", "error_description": str(refused.reason)}, status=400)
    return JsonResponse({})


def _is_too_large(request: HttpRequest) -> bool:
    length = request.headers.get("Content-Length", "")
    return not length.isdecimal() or int(length) > BODY_BYTES_MAX
