"""Why staff may look at somebody's data: what they choose from, and what the resident is told."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REASONS: dict[str, Promise] = {
    "holder_present": _("本人在场，核对身份"),
    "holder_calls": _("本人来电，核对身份"),
    "complaint": _("核查投诉或反映"),
    "correction": _("更正登记信息"),
    "court": _("司法或监察机关依法调取"),
    "other": _("其他（请写明）"),
}
"""With ``other`` a note says it in the member of staff's own words."""
