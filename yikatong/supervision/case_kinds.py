"""What of supervising the banks needs a person."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from yikatong.cases.kinds import CaseKind, Found
from yikatong.supervision.models import Complaint, ComplaintState


def _unanswered() -> Iterator[Found]:
    states = [ComplaintState.RECEIVED, ComplaintState.CHECKING]
    complaints = Complaint.objects.filter(state__in=states).order_by("complaint_id")
    rows = complaints.values_list("complaint_id", "reported_at", "reporter_person_id")
    for complaint_id, reported_at, person_id in rows.iterator(chunk_size=2000):
        yield Found(str(complaint_id), f"complaint:{complaint_id}", reported_at, person_id)


COMPLAINTS = CaseKind(
    name="complaint",
    title=_("待核查的行为反映"),
    hint=_("请打开反映，核查后写明结果；办结反映后，这里自动消除。"),
    find=_unanswered,
)
