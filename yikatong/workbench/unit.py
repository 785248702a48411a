"""A unit's desk: which unit it is, how far it has come, and the one thing to do next."""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from yikatong.accounts.models import User
from yikatong.audit.actors import Actor
from yikatong.banks.models import Bank
from yikatong.registry.models import Organisation
from yikatong.units.collecting import PacketFigures, packets_of
from yikatong.units.enrolment import enrolment_of
from yikatong.units.models import Enrolment, PacketState, Roster, RosterState
from yikatong.units.selectors import Standing, counts_by_standing, organisation_of, rosters_of


@dataclass(frozen=True, slots=True)
class Step:
    """One of the five steps. ``state``: ``done``, ``now`` or ``later``."""

    title: str
    address: str
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class Next:
    """What to do now, in a sentence, and where; without an address there is nothing to do but wait."""

    words: str
    button: str = ""
    address: str = ""


def unit_of(request: HttpRequest) -> Organisation:
    """The unit for which the signed-in clerk works. Raises ``Http404``."""
    user = request.user
    organisation = organisation_of(user.organisation_code) if isinstance(user, User) else None
    if organisation is None:
        raise Http404
    return organisation


def actor_of(request: HttpRequest) -> Actor:
    """Who acts for the unit."""
    return Actor("unit", request.user.get_username())


def bank_names(codes: "list[str] | None" = None) -> dict[str, str]:
    """Banks' names in the page's language, by code."""
    found = Bank.objects.all() if codes is None else Bank.objects.filter(code__in=codes)
    field = "name_en" if (get_language() or "").startswith("en") else "name_zh"
    return dict(found.values_list("code", field))


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """How far the unit has come."""
    organisation = unit_of(request)
    enrolment = enrolment_of(organisation.credit_code)
    counts = counts_by_standing(organisation.credit_code)
    rosters = rosters_of(organisation.credit_code, limit=5)
    packets = packets_of(organisation.credit_code)
    names = bank_names(enrolment.bank_codes) if enrolment else {}
    context = {
        "organisation": organisation,
        "enrolment": enrolment,
        "banks": [names[code] for code in enrolment.bank_codes if code in names] if enrolment else [],
        "steps": _steps(enrolment, counts),
        "next": _next(enrolment, counts, rosters, packets),
        "total": sum(counts.values()),
        "counts": counts,
    }
    return render(request, "workbench/unit_home.html", context)


def _steps(enrolment: Enrolment | None, counts: dict[Standing, int]) -> list[Step]:
    people = sum(counts.values())
    undone = counts[Standing.UNCHOSEN] + counts[Standing.TO_APPLY] + counts[Standing.REFUSED]
    making = counts[Standing.APPLIED] + counts[Standing.MAKING]
    made = counts[Standing.READY] + counts[Standing.COLLECTED]
    facts = [
        (_("登记选行"), "work:unit:enrol", enrolment is not None, _("已登记") if enrolment else _("尚未登记")),
        (_("上传名册"), "work:unit:roster", people > 0, _("名册 %(n)s 人") % {"n": people}),
        (
            _("本人选择与申请"),
            "work:unit:apply",
            people > 0 and undone == 0,
            _("已申请 %(n)s 人，待办 %(m)s 人") % {"n": people - undone, "m": undone},
        ),
        (
            _("制卡"),
            "work:unit:people",
            made > 0 and making == 0 and undone == 0,
            _("制作中 %(n)s 张，已制好 %(m)s 张") % {"n": making, "m": made},
        ),
        (
            _("领取发放"),
            "work:unit:collect",
            people > 0 and counts[Standing.COLLECTED] == people,
            _("已领 %(n)s 张，待领 %(m)s 张") % {"n": counts[Standing.COLLECTED], "m": counts[Standing.READY]},
        ),
    ]
    now = next((place for place, fact in enumerate(facts) if not fact[2]), len(facts))
    return [
        Step(title, reverse(name), "done" if is_done else "now" if place == now else "later", words)
        for place, (title, name, is_done, words) in enumerate(facts)
    ]


def _next(
    enrolment: Enrolment | None, counts: dict[Standing, int], rosters: list[Roster], packets: list[PacketFigures]
) -> Next:
    """The first of these that there is to do."""
    if enrolment is None:
        words = _("请先登记：由单位按规定程序选定 1 至 3 家银行，并上传决定材料。")
        return Next(words, _("登记选行"), reverse("work:unit:enrol"))
    waiting = next((roster for roster in rosters if roster.state == RosterState.CHECKED), None)
    if waiting is not None:
        words = _("名册已检查完：%(n)s 行可以采用，%(m)s 行有问题。确认后才会生效。")
        figures = {"n": waiting.rows_good, "m": waiting.rows_bad}
        return Next(words % figures, _("查看并确认"), reverse("work:unit:roster_upload", args=[waiting.roster_id]))
    if not sum(counts.values()):
        return Next(_("请下载模板，填写名册后上传。"), _("上传名册"), reverse("work:unit:roster"))
    if counts[Standing.TO_APPLY]:
        words = _("%(n)s 人已选好银行，可以统一申请。") % {"n": counts[Standing.TO_APPLY]}
        return Next(words, _("统一申请"), reverse("work:unit:apply"))
    return _next_with_cards(counts, packets)


def _next_with_cards(counts: dict[Standing, int], packets: list[PacketFigures]) -> Next:
    ready = next((found for found in packets if found.packet.state == PacketState.READY), None)
    if ready is not None:
        words = _("%(outlet)s 已备好 %(n)s 张卡，请派人领回。") % {"outlet": ready.outlet_name, "n": ready.cards}
        return Next(words, _("登记领回"), reverse("work:unit:packet", args=[ready.packet.packet_id]))
    fetched = next((found for found in packets if found.packet.state == PacketState.FETCHED and found.waiting), None)
    if fetched is not None:
        words = _("%(n)s 张卡在单位待发放，请本人签收。") % {"n": fetched.waiting}
        return Next(words, _("发放"), reverse("work:unit:packet", args=[fetched.packet.packet_id]))
    return _next_for_people(counts)


def _next_for_people(counts: dict[Standing, int]) -> Next:
    people = reverse("work:unit:people")
    if counts[Standing.REFUSED]:
        words = _("%(n)s 人未能申请，请查看原因。") % {"n": counts[Standing.REFUSED]}
        return Next(words, _("查看原因"), f"{people}?standing={Standing.REFUSED}")
    if counts[Standing.UNCHOSEN]:
        words = _("%(n)s 人还没有选择银行。由本人选择，单位可以提醒。") % {"n": counts[Standing.UNCHOSEN]}
        return Next(words, _("提醒本人"), reverse("work:unit:apply"))
    if counts[Standing.APPLIED] + counts[Standing.MAKING]:
        return Next(_("卡片正在制作，制好后银行会通知领取。"), _("查看进度"), people)
    if counts[Standing.READY]:
        return Next(
            _("其余的卡在银行网点，请本人持身份证件领取。"), _("查看人员"), f"{people}?standing={Standing.READY}"
        )
    return Next(_("名册上的人员都已领卡，没有待办事项。"))
