"""The desk's lists: the day's report by clerk and act, and the cards that are to come or wait. By address, paged, exported."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from yikatong.audit.services import record
from yikatong.desks.finding import Desk
from yikatong.desks.models import DeskAct
from yikatong.desks.reports import Chosen, all_of, page_of, totals
from yikatong.exports.files import MEDIA_TYPES, csv_pieces
from yikatong.foundation.clock import BEIJING, beijing_day, utc_now
from yikatong.foundation.masks import masked_card_number
from yikatong.issuance.models import Card, CardState
from yikatong.issuance.selectors import find_made_cards, find_ready_cards
from yikatong.registry.models import Person
from yikatong.registry.selectors import PersonView, masked_view
from yikatong.workbench.bank import desk_of
from yikatong.workbench.desk_words import ACTS
from yikatong.workbench.unit_roster import as_attachment

PAGE_LENGTH = 50
EXPORTED_AT_ONCE = 500
DAYS_BACK_MAX = 3_660


@require_safe
def day_report(request: HttpRequest) -> HttpResponse:
    """What was done on a day (``?day=``), by one clerk (``?by=``) or one act (``?act=``)."""
    here, chosen = _chosen(request)
    counted = totals(here.place, chosen.day)
    acts = page_of(chosen, after=_after(request), limit=PAGE_LENGTH)
    cards = Card.objects.in_bulk([act.card_id for act in acts if act.card_id])
    today = beijing_day(utc_now())
    context = {
        "outlet": here.outlet,
        "day": chosen.day,
        "is_today": chosen.day == today,
        "before_day": chosen.day - timedelta(days=1),
        "after_day": chosen.day + timedelta(days=1),
        "totals": [(by.partition(":")[2], ACTS.get(act, act), times) for by, act, times in counted],
        "clerks": sorted({by for by, _act, _times in counted}),
        "acts": [(act, ACTS.get(act, act)) for act in sorted({act for _by, act, _times in counted})],
        "by": chosen.by,
        "act": chosen.act,
        "rows": [
            (act, ACTS.get(act.act, act.act), cards.get(act.card_id or 0), act.by.partition(":")[2]) for act in acts
        ],
        "next_after": f"{acts[-1].at.isoformat()}/{acts[-1].act_id}" if len(acts) == PAGE_LENGTH else "",
        "sum": sum(times for _by, _act, times in counted),
        "printed_at": utc_now(),
    }
    return render(request, "workbench/bank_day.html", context)


@require_safe
def day_report_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The same acts as a file, card numbers masked, nobody named. The download is recorded."""
    here, chosen = _chosen(request)
    at = utc_now()
    record("desk.day_downloaded", subject=here.place, by=here.by, at=at, day=str(chosen.day))
    answer = StreamingHttpResponse(csv_pieces(_day_table(chosen)), content_type=MEDIA_TYPES["csv"])
    return as_attachment(answer, f"{here.outlet.outlet_id}-{chosen.day}.csv")


def _day_table(chosen: Chosen) -> Iterator[tuple[str, ...]]:
    yield (_("时间"), _("柜员"), _("事项"), _("卡号"), _("编号"))
    batch: list[DeskAct] = []
    for act in all_of(chosen):
        batch.append(act)
        if len(batch) == EXPORTED_AT_ONCE:
            yield from _day_rows(batch)
            batch = []
    yield from _day_rows(batch)


def _day_rows(acts: list[DeskAct]) -> Iterator[tuple[str, ...]]:
    cards = Card.objects.in_bulk([act.card_id for act in acts if act.card_id])
    for act in acts:
        card = cards.get(act.card_id or 0)
        when = act.at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
        number = masked_card_number(card.card_number) if card else ""
        yield (when, act.by.partition(":")[2], str(ACTS.get(act.act, act.act)), number, str(act.act_id))


def _chosen(request: HttpRequest) -> tuple[Desk, Chosen]:
    here, today = desk_of(request), beijing_day(utc_now())
    try:
        day = date.fromisoformat(request.GET.get("day", ""))
    except ValueError:
        day = today
    if not today - timedelta(days=DAYS_BACK_MAX) <= day <= today:
        day = today
    by, act = (request.GET.get(name, "").replace("\0", "")[:64] for name in ("by", "act"))
    return here, Chosen(here.place, day, by, act)


def _after(request: HttpRequest) -> tuple[datetime, UUID] | None:
    moment, _slash, number = request.GET.get("after", "").rpartition("/")
    try:
        at = datetime.fromisoformat(moment.replace(" ", "+"))
        return (at, UUID(number)) if at.tzinfo is not None else None
    except ValueError:
        return None


_STATES = {CardState.MADE: find_made_cards, CardState.READY: find_ready_cards}


@require_safe
def cards(request: HttpRequest) -> HttpResponse:
    """The cards to come (``?state=made``) or waiting (``ready``), in the order they were made, from ``?after=`` on."""
    here, state, after = _cards_asked(request)
    found = _STATES[state](here.outlet.outlet_id, after_card_id=after, limit=PAGE_LENGTH)
    context = {
        "outlet": here.outlet,
        "state": state,
        "rows": list(zip(found, _holders(found), strict=True)),
        "next_after": found[-1].card_id if len(found) == PAGE_LENGTH else None,
    }
    return render(request, "workbench/bank_cards.html", context)


@require_safe
def cards_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The whole list as a file, holders masked. The download is recorded."""
    here, state, _after_card = _cards_asked(request)
    record("desk.cards_downloaded", subject=here.place, by=here.by, at=utc_now(), state=str(state))
    table = csv_pieces(_cards_table(here.outlet.outlet_id, state))
    answer = StreamingHttpResponse(table, content_type=MEDIA_TYPES["csv"])
    return as_attachment(answer, f"{here.outlet.outlet_id}-{state}.csv")


def _cards_table(outlet_id: str, state: CardState) -> Iterator[tuple[str, ...]]:
    yield (_("卡号"), _("持卡人"), _("制卡时间"), _("到网点时间"))
    after = 0
    while found := _STATES[state](outlet_id, after_card_id=after, limit=EXPORTED_AT_ONCE):
        for card, holder in zip(found, _holders(found), strict=True):
            yield (card.card_number, holder.name, _moment(card.made_at), _moment(card.ready_at))
        after = found[-1].card_id


def _moment(at: datetime | None) -> str:
    return at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M") if at else ""


def _holders(found: list[Card]) -> list[PersonView]:
    persons = Person.objects.in_bulk([card.person_id for card in found])
    return [masked_view(persons[card.person_id]) for card in found]


def _cards_asked(request: HttpRequest) -> tuple[Desk, CardState, int]:
    state, after = request.GET.get("state", ""), request.GET.get("after", "")
    wanted = CardState.MADE if state == CardState.MADE else CardState.READY
    return desk_of(request), wanted, int(after) if after.isascii() and after.isdecimal() and len(after) < 18 else 0
