"""What of making cards needs a person."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from yikatong.cases.kinds import CaseKind, Found
from yikatong.issuance.models import Card, JobCard, JobCardState


def _held() -> Iterator[Found]:
    held = JobCard.objects.filter(state=JobCardState.HELD).order_by("job_id", "sequence")
    rows = list(held.values_list("job_id", "sequence", "card_id", "state_at"))
    people = dict(Card.objects.filter(card_id__in=[row[2] for row in rows]).values_list("card_id", "person_id"))
    for job_id, sequence, card_id, state_at in rows:
        yield Found(f"{job_id}/{sequence}", f"card:{card_id}", state_at, people.get(card_id))


HELD_CARDS = CaseKind(
    name="card.held",
    title=_("不能制作的卡"),
    hint=_("制卡数据不全或不合格，制卡方没有制这张卡。请查看原因，补齐后在下一批制作。"),
    find=_held,
)
