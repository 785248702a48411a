"""A venue asks a wallet: the question, its link, the wallet's answer, and for some minutes what it said.

Source: OpenID for Verifiable Presentations 1.0: request by value, client id prefix ``redirect_uri`` (unsigned, section 5.9.3),
``response_mode=direct_post`` (section 8.2). Only our own credentials are believed.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.db import transaction
from joserfc.jwk import ECKey

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.credentials import addresses, keys, presentation
from yikatong.credentials.jose import ALGORITHM, JoseInvalid, json_object
from yikatong.credentials.models import Question, QuestionState, StatusList
from yikatong.credentials.presentation import Asked, Refusal
from yikatong.credentials.rules import FORMAT, Claim
from yikatong.credentials.status_list import SIZE, status_at
from yikatong.foundation.errors import Refused
from yikatong.registry.sealing import field_cipher

QUESTION_LIFE = timedelta(minutes=5)
ANSWER_KEPT = timedelta(minutes=5)
_FIELD = "credential_answer"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the venue sees: the state, a refusal's reason, and while it is kept what was disclosed."""

    state: str
    reason: str
    disclosed: dict[str, Any]
    answered_at: datetime | None
    ends_at: datetime


class OwnIssuer:
    """The platform's own credentials, at one identifier; status is read where it is written."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def key(self, issuer: str, key_id: str) -> ECKey | None:
        """See ``presentation.Issuers``."""
        return keys.verifying_key(key_id) if issuer == self._issuer else None

    def status(self, uri: str, index: int) -> int | None:
        """See ``presentation.Issuers``."""
        number = urlsplit(uri).path.rpartition("/")[2]
        if not (number.isascii() and number.isdecimal()) or uri != addresses.status_uri(self._issuer, int(number)):
            return None
        found = StatusList.objects.filter(list_id=int(number)).first() if len(number) < 18 else None
        return status_at(bytes(found.statuses), index) if found is not None and index < SIZE else None


def ask(claims: list[str], *, operator_code: str, by: Actor, at: datetime) -> Question:
    """Ask one wallet for claims. Raises ``ValueError`` for a claim there is not, or for none."""
    wanted = [claim.value for claim in Claim if claim.value in claims]
    if not wanted or len(wanted) != len(set(claims)):
        raise ValueError(f"claims are some of {', '.join(Claim)}")
    with transaction.atomic():
        question = Question.objects.create(
            question_id=secrets.token_hex(16),
            operator_code=operator_code,
            asked_by=str(by),
            nonce=secrets.token_urlsafe(32),
            wallet_state=secrets.token_urlsafe(16),
            claims=wanted,
            asked_at=at,
            expires_at=at + QUESTION_LIFE,
        )
        record("presentation.asked", subject=f"question:{question.question_id}", by=by, at=at, claims=wanted)
    return question


def request_link(question: Question, *, issuer: str) -> str:
    """The request by value, as a wallet opens it. Source: OpenID4VP 1.0, sections 5.1, 5.9.3 and 8.2."""
    parameters = {
        "client_id": addresses.audience(issuer, question.question_id),
        "response_type": "vp_token",
        "response_mode": "direct_post",
        "response_uri": addresses.answer_uri(issuer, question.question_id),
        "nonce": question.nonce,
        "state": question.wallet_state,
        "dcql_query": json.dumps(presentation.dcql_query(addresses.vct(issuer), question.claims)),
        "client_metadata": json.dumps(
            {"vp_formats_supported": {FORMAT: {"sd-jwt_alg_values": [ALGORITHM], "kb-jwt_alg_values": [ALGORITHM]}}}
        ),
    }
    return f"openid4vp://?{urlencode(parameters)}"


def answer(question_id: str, form: dict[str, str], *, issuer: str, at: datetime) -> None:
    """Take a wallet's answer, once. Raises ``Refused``: the wallet hears the reason, and so does the venue."""
    with transaction.atomic():
        question = Question.objects.select_for_update().filter(question_id=question_id).first()
        if question is None or not secrets.compare_digest(question.wallet_state, form.get("state", "")):
            raise Refused(Refusal.REQUEST_UNKNOWN)
        if question.state != QuestionState.OPEN:
            raise Refused(Refusal.PRESENTATION_REPLAYED)
        if question.expires_at <= at:
            raise Refused(Refusal.REQUEST_EXPIRED)
        refused: Refused[Refusal] | None = None
        try:
            disclosed = _judged(question, form, issuer=issuer, at=at)
            question.state = QuestionState.VERIFIED
            question.disclosed_sealed = field_cipher().seal(_FIELD, json.dumps(disclosed, ensure_ascii=False))
        except Refused as error:
            refused = error
            question.state, question.reason = QuestionState.REFUSED, str(error.reason)
        question.answered_at, question.expires_at = at, at + ANSWER_KEPT
        question.save()
        record(
            "presentation.answered",
            subject=f"question:{question_id}",
            by=Actor.system("wallet"),
            at=at,
            state=question.state,
            reason=question.reason,
        )
    if refused is not None:
        raise refused


def answer_of(question: Question, *, at: datetime) -> Answer:
    """How a question stands now. What was disclosed is not told after its minutes, whenever the row is deleted."""
    state, reason = question.state, question.reason
    if question.expires_at <= at:
        state, reason = QuestionState.REFUSED, reason or Refusal.REQUEST_EXPIRED
    disclosed: dict[str, Any] = {}
    if state == QuestionState.VERIFIED and question.disclosed_sealed is not None:
        disclosed = json.loads(field_cipher().open(_FIELD, bytes(question.disclosed_sealed)))
    return Answer(state, reason, disclosed, question.answered_at, question.expires_at)


def _judged(question: Question, form: dict[str, str], *, issuer: str, at: datetime) -> dict[str, Any]:
    if "error" in form:
        raise Refused(Refusal.WALLET_DECLINED)
    try:
        vp_token = json_object(form.get("vp_token", "").encode())
    except JoseInvalid as error:
        raise Refused(Refusal.PRESENTATION_MALFORMED) from error
    asked = Asked(
        addresses.audience(issuer, question.question_id),
        question.nonce,
        addresses.vct(issuer),
        tuple(question.claims),
    )
    return presentation.judge(presentation.presented(vp_token), asked, OwnIssuer(issuer), at=at)
