"""Cards that a unit collects for its people: a bank's outlet makes them ready as a packet, the unit fetches it and hands out.

Whoever does not sign gets the card at the outlet: what goes back is listed, and waits there like any other. The cards' own state
changes through ``issuance`` alone; here is kept in which packet a card lies and what became of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from yikatong.applications.models import Application, ApplicationState
from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.banks.models import Outlet
from yikatong.foundation.clock import utc_now
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.issuance import services as issuance
from yikatong.issuance.models import Card, CardState
from yikatong.registry.models import Organisation
from yikatong.registry.unit_services import lock_organisation
from yikatong.units.models import Packet, PacketCard, PacketState
from yikatong.units.rules import Reason

CHUNK = 200


@dataclass(frozen=True, slots=True)
class WaitingUnit:
    """A unit with cards made at a bank that it will collect."""

    organisation: Organisation
    cards: int


@dataclass(frozen=True, slots=True)
class PacketFigures:
    """What became of a packet's cards."""

    packet: Packet
    outlet_name: str
    cards: int
    handed_over: int
    returned: int

    @property
    def waiting(self) -> int:
        """Still with the unit, or at the outlet before it fetches them."""
        return self.cards - self.handed_over - self.returned


def units_waiting_at(bank_code: str) -> list[WaitingUnit]:
    """Whose cards this bank could make ready as a packet now."""
    found = _waiting(bank_code).values("organisation_code").annotate(cards=Count("application_id"))
    counts = {row["organisation_code"]: row["cards"] for row in found}
    organisations = Organisation.objects.filter(credit_code__in=counts).order_by("credit_code")
    return [WaitingUnit(organisation, counts[organisation.credit_code]) for organisation in organisations]


def prepare_packet(organisation_code: str, *, outlet_id: str, by: Actor, at: datetime) -> Packet:
    """Start making ready, at this outlet, all cards of its bank that wait for a unit; the worker does it.

    While one is being prepared it is returned again. Raises ``Refused`` (``PACKET_UNKNOWN``) when nothing waits.
    """
    from yikatong.units.tasks import prepare_packet_task

    bank_code = Outlet.objects.values_list("bank_id", flat=True).get(outlet_id=outlet_id)
    with transaction.atomic():
        lock_organisation(organisation_code)
        preparing = {"organisation_code": organisation_code, "bank_code": bank_code, "state": PacketState.PREPARING}
        packet = Packet.objects.filter(**preparing).first()
        if packet is not None:
            return packet
        if not _waiting(bank_code).filter(organisation_code=organisation_code).exists():
            raise Refused(Reason.PACKET_UNKNOWN, "这个单位在本行没有待备好的卡")
        made = {"outlet_id": outlet_id, "prepared_at": at, "prepared_by": by.name}
        packet = Packet.objects.create(packet_id=new_uuid7(), **preparing, **made)
        _record("packet.prepared", packet, by=by, at=at)
        prepare_packet_task.configure(lock=f"packet:{packet.packet_id}").defer(packet_id=str(packet.packet_id))
        return packet


def work_off(packet_id: UUID, *, clock: Callable[[], datetime] = utc_now) -> Packet:
    """Make a packet's cards ready, one transaction each. Repeating it goes on where it stopped."""
    packet = Packet.objects.get(pk=packet_id)
    while packet.state == PacketState.PREPARING:
        cards = _next_cards(packet)
        for card in cards:
            _put_in(packet, card, clock())
        if not cards:
            Packet.objects.filter(pk=packet_id, state=PacketState.PREPARING).update(state=PacketState.READY)
        packet.refresh_from_db()
    return packet


def fetch(organisation_code: str, packet_id: UUID, *, by: Actor, at: datetime) -> Packet:
    """The unit's clerk has fetched a packet from the outlet. Repeating it changes nothing.

    Raises ``Refused`` (``PACKET_UNKNOWN``, ``PACKET_NOT_READY``).
    """
    with transaction.atomic():
        packet = _locked(organisation_code, packet_id)
        if packet.state == PacketState.FETCHED:
            return packet
        if packet.state != PacketState.READY:
            raise Refused(Reason.PACKET_NOT_READY, "银行还在备卡，备好后才能登记领回")
        packet.state, packet.fetched_at, packet.fetched_by = PacketState.FETCHED, at, by.name
        packet.save(update_fields=["state", "fetched_at", "fetched_by"])
        _record("packet.fetched", packet, by=by, at=at)
        return packet


def hand_out(
    organisation_code: str, packet_id: UUID, card_ids: Sequence[int], *, by: Actor, at: datetime
) -> dict[int, str]:
    """Persons signed for their cards: each is handed over, one transaction each. What was refused, by card, in words.

    Repeating it changes nothing. Raises ``Refused`` (``PACKET_UNKNOWN``, ``PACKET_NOT_READY``).
    """
    return _with_each(organisation_code, packet_id, card_ids, lambda held: _hand_out(held, by=by, at=at))


def give_back(
    organisation_code: str, packet_id: UUID, card_ids: Sequence[int], *, by: Actor, at: datetime
) -> dict[int, str]:
    """Persons did not come: their cards go back to the outlet of the packet. What was refused, by card, in words.

    Repeating it changes nothing. Raises ``Refused`` (``PACKET_UNKNOWN``, ``PACKET_NOT_READY``).
    """
    outlet_id = _locked_fetched(organisation_code, packet_id).outlet_id
    return _with_each(
        organisation_code, packet_id, card_ids, lambda held: _give_back(held, outlet_id=outlet_id, by=by, at=at)
    )


def packets_of(organisation_code: str) -> list[PacketFigures]:
    """The unit's packets with what became of them, newest first."""
    return _figures(list(Packet.objects.filter(organisation_code=organisation_code).order_by("-prepared_at")))


def _figures(packets: list[Packet]) -> list[PacketFigures]:
    names = dict(Outlet.objects.filter(outlet_id__in=[p.outlet_id for p in packets]).values_list("outlet_id", "name"))
    counted = PacketCard.objects.filter(packet_id__in=[packet.packet_id for packet in packets]).values("packet_id")
    figures = {
        row["packet_id"]: (row["cards"], row["handed"], row["back"])
        for row in counted.annotate(
            cards=Count("card_id"),
            handed=Count("card_id", filter=Q(handed_over_at__isnull=False)),
            back=Count("card_id", filter=Q(returned_at__isnull=False)),
        )
    }
    return [
        PacketFigures(packet, names.get(packet.outlet_id, ""), *figures.get(packet.packet_id, (0, 0, 0)))
        for packet in packets
    ]


def packets_prepared_at(outlet_id: str, *, limit: int = 20) -> list[PacketFigures]:
    """The packets that an outlet made ready, newest first."""
    return _figures(list(Packet.objects.filter(outlet_id=outlet_id).order_by("-prepared_at")[:limit]))


def packet_of(organisation_code: str, packet_id: UUID) -> PacketFigures | None:
    """One packet of the unit."""
    return next((found for found in packets_of(organisation_code) if found.packet.packet_id == packet_id), None)


def cards_in(packet_id: UUID, *, after_number: int = 0, limit: int | None = None) -> list[PacketCard]:
    """A packet's cards in the order of the signature list."""
    return list(PacketCard.objects.filter(packet_id=packet_id, number__gt=after_number).order_by("number")[:limit])


def _waiting(bank_code: str) -> QuerySet[Application]:
    return Application.objects.filter(bank_code=bank_code, state=ApplicationState.IN_PRODUCTION, collection="unit")


def _next_cards(packet: Packet) -> list[Card]:
    waiting = _waiting(packet.bank_code).filter(organisation_code=packet.organisation_code)
    applications = dict(waiting.order_by("person_id").values_list("application_id", "person_id")[:CHUNK])
    found = Card.objects.filter(person_id__in=applications.values(), state=CardState.MADE)
    return [card for card in found.order_by("person_id") if card.application_id in applications]


def _put_in(packet: Packet, card: Card, at: datetime) -> None:
    by = Actor("clerk", packet.prepared_by)
    with transaction.atomic():
        Packet.objects.select_for_update().get(pk=packet.packet_id)
        issuance.mark_ready(card.card_id, by=by, at=at)
        PacketCard.objects.get_or_create(
            person_id=card.person_id,
            card_id=card.card_id,
            defaults={
                "packet_id": packet.packet_id,
                "organisation_code": packet.organisation_code,
                "number": PacketCard.objects.filter(packet_id=packet.packet_id).count() + 1,
            },
        )


def _with_each(
    organisation_code: str, packet_id: UUID, card_ids: Sequence[int], act: Callable[[PacketCard], None]
) -> dict[int, str]:
    _locked_fetched(organisation_code, packet_id)
    refused: dict[int, str] = {}
    for card_id in card_ids:
        try:
            with transaction.atomic():
                held = PacketCard.objects.select_for_update().filter(packet_id=packet_id, card_id=card_id).first()
                if held is None:
                    raise Refused(Reason.CARD_NOT_HERE, "这张卡不在这一批中")
                act(held)
        except Refused as refusal:
            refused[card_id] = str(refusal)
    return refused


def _hand_out(held: PacketCard, *, by: Actor, at: datetime) -> None:
    if held.handed_over_at is not None:
        return
    if held.returned_at is not None:
        raise Refused(Reason.CARD_NOT_HERE, "这张卡已退回网点，请持卡人到网点领取")
    issuance.hand_over(held.card_id, by=by, at=at)
    held.handed_over_at = at
    held.save(update_fields=["handed_over_at"])


def _give_back(held: PacketCard, *, outlet_id: str, by: Actor, at: datetime) -> None:
    if held.returned_at is not None:
        return
    if held.handed_over_at is not None:
        raise Refused(Reason.CARD_NOT_HERE, "这张卡已发给本人，不能退回")
    issuance.send_to_outlet(held.card_id, outlet_id=outlet_id, by=by, at=at)
    held.returned_at = at
    held.save(update_fields=["returned_at"])


def _locked(organisation_code: str, packet_id: UUID) -> Packet:
    found = Packet.objects.select_for_update().filter(pk=packet_id, organisation_code=organisation_code).first()
    if found is None:
        raise Refused(Reason.PACKET_UNKNOWN, "本单位没有这一批卡")
    return found


def _locked_fetched(organisation_code: str, packet_id: UUID) -> Packet:
    with transaction.atomic():
        packet = _locked(organisation_code, packet_id)
    if packet.state != PacketState.FETCHED:
        raise Refused(Reason.PACKET_NOT_READY, "请先登记已从网点领回，再发放或退回")
    return packet


def _record(action: str, packet: Packet, *, by: Actor, at: datetime) -> None:
    facts = {"unit": packet.organisation_code, "outlet": packet.outlet_id}
    record(action, subject=f"packet:{packet.packet_id}", by=by, at=at, person_id=None, **facts)
