"""Issuing: an offer to a signed-in resident, redeemed by a wallet, one credential; and its status ever after.

Source: OpenID for Verifiable Credential Issuance 1.0: sections 4 (offer), 6 (token, pre-authorized code with transaction
code), 7 (nonce), 8 (credential), annex F.1 (jwt proof). A credential exists only while its electronic card may be shown.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from django.core import signing
from django.db import IntegrityError, transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.city.rules import rules_at
from yikatong.credentials import addresses, keys, sd_jwt
from yikatong.credentials.jose import JoseInvalid, key_of, read, verify
from yikatong.credentials.models import Credential, Offer, UsedNonce
from yikatong.credentials.rules import FORMAT, Facts, selective_claims, visible_claims
from yikatong.credentials.statuses import take_place
from yikatong.ecard.services import showable
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.issuance.lifecycle import lock_card
from yikatong.registry.selectors import clear_view, find_person

OFFER_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(minutes=5)
NONCE_LIFE = timedelta(minutes=5)
TRIES = 5
OFFERS_PER_HOUR = 10
TX_CODE_LENGTH = 6
PROOF_TYPE = "openid4vci-proof+jwt"
PROOF_AGE_MAX = timedelta(minutes=5)
CLOCK_SKEW_MAX = timedelta(seconds=60)
_NONCE_SALT = "yikatong.credentials.nonce"


class Reason(StrEnum):
    """Why nothing is issued: the error codes of OpenID4VCI 1.0, sections 6.3 and 8.3.1, and one of ours for the page."""

    TOO_MANY_OFFERS = "too_many_offers"
    INVALID_GRANT = "invalid_grant"
    INVALID_TOKEN = "invalid_token"  # noqa: S105  # an error code
    INVALID_PROOF = "invalid_proof"
    INVALID_NONCE = "invalid_nonce"
    DENIED = "credential_request_denied"


@dataclass(frozen=True, slots=True)
class MadeOffer:
    """What goes into the offer's link, and what goes to the holder another way."""

    code: str
    tx_code: str
    expires_at: datetime


def make_offer(card_id: int, *, by: Actor, at: datetime) -> MadeOffer:
    """Offer a card's credential for some minutes. Raises ``Refused`` (also the electronic card's reasons)."""
    code, tx_code = secrets.token_urlsafe(32), str(secrets.randbelow(10**TX_CODE_LENGTH)).zfill(TX_CODE_LENGTH)
    with transaction.atomic():
        _, card = lock_card(card_id)
        showable(card, at)
        recent = Offer.objects.filter(person_id=card.person_id, made_at__gt=at - timedelta(hours=1))
        if recent.count() >= OFFERS_PER_HOUR:
            raise Refused(Reason.TOO_MANY_OFFERS, "一小时内生成的次数太多，请稍后再试")
        Offer.objects.create(
            code_digest=_digest(code),
            tx_code_digest=_digest(f"{code}/{tx_code}"),
            card_id=card_id,
            person_id=card.person_id,
            tries_left=TRIES,
            made_at=at,
            expires_at=at + OFFER_LIFE,
        )
        record("credential.offered", subject=f"card:{card_id}", by=by, at=at, person_id=card.person_id)
    return MadeOffer(code, tx_code, at + OFFER_LIFE)


def redeem(code: str, tx_code: str, *, at: datetime) -> str:
    """An access token for a code, once. A wrong transaction code costs a try. Raises ``Refused`` (``INVALID_GRANT``)."""
    with transaction.atomic():
        offer = Offer.objects.select_for_update().filter(code_digest=_digest(code)).first()
        if offer is None or offer.redeemed_at is not None or offer.expires_at <= at or offer.tries_left <= 0:
            raise Refused(Reason.INVALID_GRANT)
        is_right = secrets.compare_digest(bytes(offer.tx_code_digest), _digest(f"{code}/{tx_code}"))
        access = secrets.token_urlsafe(32)
        if is_right:
            offer.redeemed_at, offer.access_digest, offer.expires_at = at, _digest(access), at + ACCESS_LIFE
        else:
            offer.tries_left -= 1
        offer.save()
        if not is_right and offer.tries_left == 0:
            wallet = Actor.system("wallet")
            subject = f"card:{offer.card_id}"
            record("credential.offer_spoiled", subject=subject, by=wallet, at=at, person_id=offer.person_id)
    if not is_right:
        raise Refused(Reason.INVALID_GRANT)
    return access


def fresh_nonce(at: datetime) -> str:
    """A nonce for a wallet's proof. Nothing is kept of it until it is used: who asks for many costs us nothing."""
    return signing.Signer(salt=_NONCE_SALT).sign(f"{int(at.timestamp())}.{secrets.token_urlsafe(16)}")


def issue(access: str, proof: str, *, issuer: str, at: datetime) -> str:
    """The credential for an access token and a proof of the wallet's key, once. Raises ``Refused``."""
    with transaction.atomic():
        offer = Offer.objects.select_for_update().filter(access_digest=_digest(access)).first()
        if offer is None or offer.used_at is not None or offer.expires_at <= at:
            raise Refused(Reason.INVALID_TOKEN)
        holder, nonce = _proved_key(proof, issuer=issuer, at=at)
        _use_up(nonce, at)
        _, card = lock_card(offer.card_id)
        try:
            showable(card, at)
        except Refused as refused:
            raise Refused(Reason.DENIED, str(refused)) from refused
        person = find_person(card.person_id)
        if person is None:
            raise Refused(Reason.DENIED)
        lasts = timedelta(days=rules_at(beijing_day(at)).limits.credential_days)
        place = take_place(at)
        claims = visible_claims(
            issuer=issuer,
            vct=addresses.vct(issuer),
            at=at,
            lasts=lasts,
            holder=holder,
            status_uri=addresses.status_uri(issuer, place.list_id),
            index=place.index,
        )
        facts = Facts(clear_view(person).name, person.birth_date, card.card_number, person.category, card.expires_on)
        key = keys.signing_key(at)
        text = sd_jwt.issue(
            claims,
            {
                name: (secrets.token_bytes(sd_jwt.SALT_LENGTH), value)
                for name, value in selective_claims(facts, on=beijing_day(at)).items()
            },
            header={"typ": FORMAT, "kid": key.thumbprint()},
            key=key,
        )
        credential = Credential.objects.create(
            card_id=card.card_id,
            credential_id=uuid4(),
            list_id=place.list_id,
            index=place.index,
            holder_key_id=key_of(holder).thumbprint(),
            issued_at=at,
            expires_at=datetime.fromtimestamp(claims["exp"], tz=at.tzinfo),
        )
        offer.used_at = at
        offer.save(update_fields=["used_at"])
        record(
            "credential.issued",
            subject=f"card:{card.card_id}",
            by=Actor.system("wallet"),
            at=at,
            person_id=card.person_id,
            credential=str(credential.credential_id),
        )
    return text


def _proved_key(proof: str, *, issuer: str, at: datetime) -> tuple[dict[str, str], str]:
    """The wallet's public key and the nonce of its proof. Raises ``Refused``. Source: annex F.1."""
    try:
        token = read(proof)
        if token.header.get("typ") != PROOF_TYPE:
            raise JoseInvalid("the proof is of another type")
        jwk = token.header.get("jwk")
        verify(token, key_of(jwk))
    except JoseInvalid as error:
        raise Refused(Reason.INVALID_PROOF, str(error)) from error
    made_s = token.payload.get("iat")
    is_time = isinstance(made_s, int | float) and not isinstance(made_s, bool)
    age_s = at.timestamp() - made_s if is_time and made_s is not None else None
    if age_s is None or not -CLOCK_SKEW_MAX.total_seconds() <= age_s <= PROOF_AGE_MAX.total_seconds():
        raise Refused(Reason.INVALID_PROOF, "the proof is not fresh")
    if token.payload.get("aud") != issuer:
        raise Refused(Reason.INVALID_PROOF, "the proof is for another issuer")
    nonce = token.payload.get("nonce")
    if not isinstance(nonce, str):
        raise Refused(Reason.INVALID_NONCE, "the proof holds no nonce")
    assert isinstance(jwk, dict)
    return jwk, nonce


def _use_up(nonce: str, at: datetime) -> None:
    """Once, within its life. Raises ``Refused`` (``INVALID_NONCE``)."""
    try:
        made_s = int(signing.Signer(salt=_NONCE_SALT).unsign(nonce).split(".")[0])
        if not 0 <= at.timestamp() - made_s <= NONCE_LIFE.total_seconds():
            raise Refused(Reason.INVALID_NONCE, "the nonce is too old")
        with transaction.atomic():
            UsedNonce.objects.create(digest=_digest(nonce), expires_at=at + NONCE_LIFE)
    except (signing.BadSignature, IntegrityError) as error:
        raise Refused(Reason.INVALID_NONCE, "the nonce is not ours, or was used") from error


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
