"""Deleting what is kept for minutes only."""

from datetime import datetime, timedelta

from yikatong.credentials.models import Offer, Question, UsedNonce

OFFERS_KEPT = timedelta(hours=1)
"""Offers are counted by the hour."""


def forget_past(*, at: datetime) -> int:
    """Delete answered or stale questions, used nonces, and offers that count no more; how many rows."""
    questions, _ = Question.objects.filter(expires_at__lte=at).delete()
    nonces, _ = UsedNonce.objects.filter(expires_at__lte=at).delete()
    offers, _ = Offer.objects.filter(expires_at__lte=at, made_at__lte=at - OFFERS_KEPT).delete()
    return questions + nonces + offers
