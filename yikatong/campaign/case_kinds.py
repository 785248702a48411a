"""What of inviting people needs a person."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from yikatong.campaign.models import Invitation, InvitationState
from yikatong.cases.kinds import CaseKind, Found


def _failed() -> Iterator[Found]:
    failed = Invitation.objects.filter(state=InvitationState.FAILED).order_by("person_id")
    rows = failed.values_list("person_id", "campaign_id", "state_since")
    for person_id, campaign_id, since in rows.iterator(chunk_size=2000):
        yield Found(f"{campaign_id}/{person_id}", f"person:{person_id}", since, person_id)


FAILED_INVITATIONS = CaseKind(
    name="invitation.failed",
    title=_("没有送达的换发通知"),
    hint=_("几次发送都失败了。请核对手机号码，或请社区协办员联系。"),
    find=_failed,
)
