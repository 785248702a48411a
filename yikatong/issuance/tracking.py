"""Reading how far an application has come: the facts that ``lateness`` judges. Reasons only when something is late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import QuerySet

from yikatong.applications.models import Application, ApplicationState
from yikatong.audit.models import AuditEvent
from yikatong.city.rules import rules_at
from yikatong.issuance.lateness import Course, Obstacles, TrackStep, track_steps
from yikatong.issuance.models import BlankDelivery, Card, JobCard, JobCardState, ProductionOrder, ProductionState
from yikatong.issuance.selectors import TimelineEntry
from yikatong.issuance.stock import stock_of
from yikatong.queries.prepared import prepared

QUEUE_COUNTED_MAX = 10_000
"""Nobody is helped by a larger number, and counting stays cheap."""
_OVER = (ApplicationState.CANCELLED, ApplicationState.REJECTED)


@dataclass(frozen=True, slots=True)
class Track:
    """One application and its steps; ``orders_ahead`` is told where the queue is the reason."""

    application: Application
    card: Card | None
    steps: tuple[TrackStep, ...]
    orders_ahead: int

    @property
    def is_late(self) -> bool:
        """Whether a step that is being waited for is late."""
        return any(step.days_late and step.state == "now" for step in self.steps)

    @property
    def now(self) -> TrackStep | None:
        """The step being waited for; ``None`` when the card is in use or the application is over."""
        return next((step for step in self.steps if step.state == "now"), None)


def tracks(
    applications: Mapping[int, Sequence[Application]], stories: Mapping[int, Sequence[TimelineEntry]], *, on: date
) -> dict[int, Track]:
    """Each person's newest application that was not withdrawn; two queries however many people, and more only where one is late.

    ``applications``: by person, newest first; ``stories``: as ``selectors.timelines``.
    """
    newest = {
        person_id: application
        for person_id, mine in applications.items()
        if (application := next((each for each in mine if each.state not in _OVER), None)) is not None
    }
    orders = {
        order.person_id: order
        for order in _orders(list(newest), [application.application_id for application in newest.values()])
    }
    made = _cards(sorted({order.card_id for order in orders.values() if order.card_id is not None}))
    cards = {card.card_id: card for card in made}
    return {
        person_id: _track(
            _Read(application, order, _card_of(order, cards), _approved_at(application, stories.get(person_id, ()))),
            on=on,
        )
        for person_id, application in newest.items()
        for order in [orders.get(person_id)]
    }


@prepared
def _orders(person_ids: Sequence[int], order_ids: Sequence[UUID]) -> QuerySet[ProductionOrder]:
    return ProductionOrder.objects.filter(person_id__in=person_ids, order_id__in=order_ids)


@prepared
def _cards(card_ids: Sequence[int]) -> QuerySet[Card]:
    return Card.objects.filter(card_id__in=card_ids).defer("certificate_der")


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of one application."""

    application: Application
    order: ProductionOrder | None
    card: Card | None
    approved_at: datetime | None


def _track(read: _Read, *, on: date) -> Track:
    course, limits = _course(read), rules_at(on).limits
    steps = track_steps(course, Obstacles(), limits=limits, on=on)
    obstacles = Obstacles()
    if any(step.days_late for step in steps):
        obstacles = _obstacles(read.application, read.order, read.card)
        steps = track_steps(course, obstacles, limits=limits, on=on)
    return Track(read.application, read.card, steps, obstacles.orders_ahead)


def _card_of(order: ProductionOrder | None, cards: Mapping[int, Card]) -> Card | None:
    return cards.get(order.card_id) if order is not None and order.card_id is not None else None


def _approved_at(application: Application, story: Sequence[TimelineEntry]) -> datetime | None:
    subject = f"application:{application.application_id}"
    return next((each.at for each in story if (each.action, each.subject) == ("application.approved", subject)), None)


def _course(read: _Read) -> Course:
    application, order, card = read.application, read.order, read.card
    return Course(
        collection=application.collection,
        submitted_at=application.submitted_at,
        promised_by=application.promised_by,
        is_over=application.state in _OVER or (card is not None and card.reported_lost_at is not None),
        approved_at=read.approved_at,
        ordered_at=order.ordered_at if order else None,
        made_at=order.made_at if order else None,
        ready_at=card.ready_at if card else None,
        collected_at=card.collected_at if card else None,
        activated_at=card.activated_at if card else None,
    )


def _obstacles(application: Application, order: ProductionOrder | None, card: Card | None) -> Obstacles:
    if order is not None and order.card_id is None:
        return Obstacles(orders_ahead=_orders_ahead(order))
    if card is None:
        return Obstacles()
    blanks = list(JobCard.objects.filter(card_id=card.card_id).values_list("state", flat=True))
    living = [state for state in blanks if state != JobCardState.SPOILED]
    is_written = any(state in (JobCardState.MADE, JobCardState.SHIPPED) for state in living)
    return Obstacles(
        is_held=JobCardState.HELD in living,
        times_spoiled=len(blanks) - len(living),
        is_written=is_written,
        is_shipped=JobCardState.SHIPPED in living,
        blanks_left=None if is_written or card.ready_at else _blanks_left(application.bank_code),
        was_sent_back=AuditEvent.objects.filter(subject=f"card:{card.card_id}", action="card.sent_to_outlet").exists(),
    )


def _orders_ahead(order: ProductionOrder) -> int:
    ahead = ProductionOrder.objects.filter(
        state=ProductionState.ORDERED, bank_code=order.bank_code, ordered_at__lt=order.ordered_at
    )
    return len(ahead.values_list("person_id")[:QUEUE_COUNTED_MAX])


def _blanks_left(bank_code: str) -> int | None:
    """Blanks in the bank's bureau; ``None`` where no delivery was ever entered, for then nothing is known."""
    if not BlankDelivery.objects.filter(bank_code=bank_code, outlet_id="").exists():
        return None
    return stock_of(bank_code).left
