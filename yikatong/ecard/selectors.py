"""Reading electronic cards: which one a person shows now, and the devices that may show it."""

from datetime import datetime

from yikatong.ecard.models import Device, ElectronicCard
from yikatong.issuance.models import SocialFunction


def electronic_card_of(person_id: int) -> ElectronicCard | None:
    """The twin of the card that carries the person's social function now; ``None`` for older generations."""
    function = SocialFunction.objects.filter(person_id=person_id).first()
    if function is None:
        return None
    return ElectronicCard.objects.filter(card_id=function.card_id, ended_at=None).first()


def devices_of(card_id: int, *, at: datetime) -> list[Device]:
    """The devices that may show codes of a card now, newest first."""
    return list(Device.objects.filter(card_id=card_id, revoked_at=None, expires_at__gt=at).order_by("-issued_at"))
