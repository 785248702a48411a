"""Cases: opened once, settled by themselves, taken, handed over and closed; closed ones stay closed."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils.translation import gettext_lazy as _

from tests.cast import NOON, make_person
from yikatong.accounts.models import Role, User
from yikatong.campaign.models import Invitation, InvitationState
from yikatong.cases import kinds, services
from yikatong.cases.kinds import CaseKind, Found
from yikatong.cases.models import Case, CaseNote, CaseState
from yikatong.cases.services import Reason
from yikatong.foundation.errors import Refused

pytestmark = pytest.mark.django_db
_there: dict[str, Found] = {}
KIND = CaseKind(name="test", title=_("事项"), hint=_("说明"), find=lambda: list(_there.values()))


@pytest.fixture(autouse=True)
def _kind() -> Iterator[None]:
    kinds.register(KIND)
    yield
    kinds._kinds.pop(KIND.name)
    _there.clear()


@pytest.fixture
def centre() -> User:
    return User.objects.create(username="centre", role=Role.CARD_CENTRE)


def put(ref: str = "1") -> None:
    _there[ref] = Found(ref, f"card:{ref}", NOON, 7)


def only_case() -> Case:
    return Case.objects.get(kind="test")


def test_what_is_a_case_now_is_in_the_inbox_once_and_goes_by_itself() -> None:
    put()
    assert services.look_for_cases(at=NOON) == (1, 0)
    assert services.look_for_cases(at=NOON) == (0, 0)
    _there.clear()
    assert services.look_for_cases(at=NOON) == (0, 1)
    assert only_case().state == CaseState.SETTLED
    put()
    assert services.look_for_cases(at=NOON) == (1, 0), "it has come back"


def test_what_a_person_closed_stays_closed_until_it_happens_anew(centre: User) -> None:
    put()
    services.look_for_cases(at=NOON)
    services.close(only_case().case_id, note="已电话联系本人", by=centre, at=NOON)
    assert services.look_for_cases(at=NOON) == (0, 0)
    _there["1"] = Found("1", "card:1", NOON + timedelta(hours=1), 7)
    assert services.look_for_cases(at=NOON + timedelta(hours=2)) == (1, 0)


def test_taken_handed_over_and_closed(centre: User) -> None:
    other = User.objects.create(username="other", role=Role.CARD_CENTRE)
    put()
    services.look_for_cases(at=NOON)
    number = only_case().case_id
    services.take(number, by=centre, at=NOON)
    services.take(number, by=centre, at=NOON)
    with pytest.raises(Refused) as taken:
        services.take(number, by=other, at=NOON)
    assert taken.value.reason == Reason.TAKEN_BY_ANOTHER
    services.hand_over(number, "other", note="请你来办", by=centre, at=NOON)
    services.close(number, note="已办好了", by=other, at=NOON)
    steps = [(note.step, text) for note, text in services.notes_of(only_case())]
    assert steps == [("opened", ""), ("taken", ""), ("handed", "请你来办"), ("closed", "已办好了")]
    assert not any("办好".encode() in bytes(note.text_sealed or b"") for note in CaseNote.objects.all())
    with pytest.raises(Refused) as done:
        services.close(number, note="再办一次", by=other, at=NOON)
    assert done.value.reason == Reason.CASE_DONE


@pytest.mark.parametrize(("to", "note"), [("nobody", "说明一下"), ("auditor", "说明一下")])
def test_nobody_else_gets_a_case(centre: User, to: str, note: str) -> None:
    User.objects.create(username="auditor", role=Role.AUDITOR)
    put()
    services.look_for_cases(at=NOON)
    with pytest.raises(Refused) as refused:
        services.hand_over(only_case().case_id, to, note=note, by=centre, at=NOON)
    assert refused.value.reason == Reason.ASSIGNEE_WRONG


def test_a_case_is_not_closed_without_a_word(centre: User) -> None:
    put()
    services.look_for_cases(at=NOON)
    with pytest.raises(Refused):
        services.close(only_case().case_id, note="好", by=centre, at=NOON)


def test_an_invitation_that_failed_is_a_case() -> None:
    person = make_person(1)
    Invitation.objects.create(
        person_id=person.person_id,
        campaign_id="c",
        way="outlet",
        week_starts_on=NOON.date(),
        state=InvitationState.FAILED,
        state_since=NOON,
    )
    services.look_for_cases(at=NOON)
    case = Case.objects.get(kind="invitation.failed")
    assert (case.person_id, case.subject) == (person.person_id, f"person:{person.person_id}")
