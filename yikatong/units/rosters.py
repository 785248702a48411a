"""An uploaded roster's way: received, checked, confirmed, taken; or given up.

Nothing is applied before it is confirmed, and all of it in one transaction then: memberships in the register, entries with the
banks that persons chose, and the end of those who were ticked. A crash in the middle leaves nothing of it, and the worker does it
again; doing it twice is doing it once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from yikatong.audit.actors import Actor
from yikatong.audit.services import record
from yikatong.foundation.clock import beijing_day
from yikatong.foundation.errors import Refused
from yikatong.foundation.identifiers import new_uuid7
from yikatong.registry.unit_services import end_memberships, lock_organisation, take_in_members
from yikatong.units.checking import check_roster
from yikatong.units.enrolment import enrolment_of
from yikatong.units.models import Roster, RosterEntry, RosterRow, RosterState
from yikatong.units.reading import check_file
from yikatong.units.rules import KEPT, Reason
from yikatong.units.selectors import members_not_named
from yikatong.units.storage import Upload, remove, store

AT_ONCE_BYTES, AT_ONCE_ROWS = 256 * 1024, 5_000
"""Smaller files are checked, and fewer rows taken, while the page waits: seconds at most. The rest is the worker's."""
_TAKE = """
insert into units_roster_entry as e (person_id, organisation_code, bank_code, roster_id, tail_index, name_index, since,
    refusal_reason, refusal_text)
select person_id, %(code)s, bank_code, roster_id, tail_index, name_index, %(at)s, '', ''
from units_roster_row where roster_id = %(roster)s and reasons = ''
on conflict (person_id, organisation_code) do update
set bank_code = excluded.bank_code, roster_id = excluded.roster_id, tail_index = excluded.tail_index,
    name_index = excluded.name_index, since = case when e.ended_at is null then e.since else excluded.since end,
    ended_at = null,
    refusal_reason = case when e.bank_code = excluded.bank_code then e.refusal_reason else '' end,
    refusal_text = case when e.bank_code = excluded.bank_code then e.refusal_text else '' end
"""


def receive(organisation_code: str, name: str, content: bytes, *, by: Actor, at: datetime) -> Roster:
    """Keep an uploaded roster, sealed, and have it checked: at once when it is small, else by the worker.

    Raises ``Refused`` (``NOT_ENROLLED``, ``FILE_WRONG``) before anything is kept.
    """
    from yikatong.units.tasks import check_roster_task

    if enrolment_of(organisation_code) is None:
        raise Refused(Reason.NOT_ENROLLED, "请先完成登记选行，再上传名册")
    source = check_file(name, content)
    with transaction.atomic():
        stored = store(Upload(organisation_code, "roster", name, source.media_type, content), at=at)
        roster = Roster.objects.create(
            roster_id=new_uuid7(),
            organisation_code=organisation_code,
            file=stored,
            uploaded_at=at,
            uploaded_by=str(by),
            remove_after=at + KEPT,
        )
        subject = f"roster:{roster.roster_id}"
        record("roster.received", subject=subject, by=by, at=at, unit=organisation_code, file_sm3=stored.sm3_hex)
        check_roster_task.configure(lock=subject).defer(roster_id=str(roster.roster_id))
    return check_roster(roster.roster_id, at=at) if len(content) <= AT_ONCE_BYTES else roster


def confirm(organisation_code: str, roster_id: UUID, *, ending: Sequence[int] = (), by: Actor, at: datetime) -> Roster:
    """Take a checked roster's good rows in; ``ending``: persons who are not on it and leave the unit, each ticked explicitly.

    Repeating it changes nothing. Raises ``Refused`` (``ROSTER_UNKNOWN``, ``ROSTER_NOT_CHECKED``, ``ROSTER_OUTDATED``,
    ``NOBODY_TO_TAKE``, ``NOT_A_MEMBER``).
    """
    from yikatong.units.tasks import take_roster_task

    with transaction.atomic():
        lock_organisation(organisation_code)
        roster = _locked(organisation_code, roster_id)
        if roster.state in {RosterState.CONFIRMED, RosterState.TAKEN}:
            return roster
        if roster.state != RosterState.CHECKED:
            raise Refused(Reason.ROSTER_NOT_CHECKED, "这份名册还没有检查完，或已放弃，不能采用")
        _check_is_newest(roster)
        if not roster.rows_good and not ending:
            raise Refused(Reason.NOBODY_TO_TAKE, "这份名册没有可以采用的行，请按原因修改后重新上传")
        strangers = set(ending) - set(members_not_named(roster, only=ending))
        if strangers:
            raise Refused(Reason.NOT_A_MEMBER, "勾选的人员中有人不在名册之外的本单位人员之列，请重新打开页面")
        roster.state, roster.confirmed_by = RosterState.CONFIRMED, str(by)
        roster.ending_person_ids = sorted(set(ending))
        roster.save(update_fields=["state", "confirmed_by", "ending_person_ids"])
        record(
            "roster.confirmed", subject=f"roster:{roster_id}", by=by, at=at, unit=organisation_code, ending=len(ending)
        )
        take_roster_task.configure(lock=f"roster:{roster_id}").defer(roster_id=str(roster_id))
    return take(roster_id, at=at) if roster.rows_good <= AT_ONCE_ROWS else roster


def take(roster_id: UUID, *, at: datetime) -> Roster:
    """Apply a confirmed roster, all of it in one transaction. Repeating it, or running it twice at once, changes nothing."""
    organisation_code = Roster.objects.values_list("organisation_code", flat=True).get(pk=roster_id)
    with transaction.atomic():
        lock_organisation(organisation_code)
        roster = _locked(organisation_code, roster_id)
        if roster.state != RosterState.CONFIRMED:
            return roster
        good = RosterRow.objects.filter(roster=roster, reasons="").values_list("person_id", flat=True)
        persons = [person_id for person_id in good.iterator() if person_id is not None]
        taken = take_in_members(organisation_code, persons, since=beijing_day(at))
        with connection.cursor() as cursor:
            cursor.execute(_TAKE, {"code": organisation_code, "roster": roster_id, "at": at})
        yesterday = beijing_day(at) - timedelta(days=1)
        ended = end_memberships(organisation_code, roster.ending_person_ids, last=yesterday)
        leaving = RosterEntry.objects.filter(
            organisation_code=organisation_code, person_id__in=roster.ending_person_ids, ended_at=None
        )
        leaving.update(ended_at=at)
        roster.state, roster.taken_at = RosterState.TAKEN, at
        roster.save(update_fields=["state", "taken_at"])
        kind, name = roster.confirmed_by.split(":", 1)
        record(
            "roster.taken",
            subject=f"roster:{roster_id}",
            by=Actor(kind, name),  # type: ignore[arg-type]
            at=at,
            unit=organisation_code,
            rows=roster.rows_good,
            memberships=taken,
            ended=ended,
            rejected=roster.rows_bad,
        )
        return roster


def discard(organisation_code: str, roster_id: UUID, *, by: Actor, at: datetime) -> Roster:
    """Give an upload up: its content and rows are removed at once. Raises ``Refused`` when it was confirmed."""
    with transaction.atomic():
        roster = _locked(organisation_code, roster_id)
        if roster.state == RosterState.DISCARDED:
            return roster
        if roster.state in {RosterState.CONFIRMED, RosterState.TAKEN}:
            raise Refused(Reason.ROSTER_NOT_CHECKED, "这份名册已经采用，不能放弃")
        roster.state = RosterState.DISCARDED
        roster.save(update_fields=["state"])
        _remove_contents(roster, at=at)
        record("roster.discarded", subject=f"roster:{roster_id}", by=by, at=at, unit=organisation_code)
        return roster


def remove_expired(*, at: datetime) -> int:
    """Remove the contents of uploads whose time is over; how many. What was taken of them stays, as do the figures."""
    due = Roster.objects.filter(remove_after__lte=at, file__removed_at=None)
    count = 0
    for roster_id in list(due.values_list("roster_id", flat=True)):
        with transaction.atomic():
            roster = Roster.objects.select_for_update().get(pk=roster_id)
            if roster.state == RosterState.CONFIRMED:
                continue  # still being taken
            if roster.state in {RosterState.CHECKED, RosterState.CHECKING}:
                roster.state = RosterState.DISCARDED
                roster.save(update_fields=["state"])
            _remove_contents(roster, at=at)
            count += 1
    return count


def _remove_contents(roster: Roster, *, at: datetime) -> None:
    RosterRow.objects.filter(roster=roster).delete()
    remove([roster.file_id], at=at)


def _locked(organisation_code: str, roster_id: UUID) -> Roster:
    found = Roster.objects.select_for_update().filter(pk=roster_id, organisation_code=organisation_code).first()
    if found is None:
        raise Refused(Reason.ROSTER_UNKNOWN, "本单位没有这份名册")
    return found


def _check_is_newest(roster: Roster) -> None:
    enrolment = enrolment_of(roster.organisation_code)
    if enrolment is None or enrolment.version != roster.enrolment_version:
        raise Refused(Reason.ROSTER_OUTDATED, "检查之后本单位变更了选行，请重新上传名册")
    taken_since = Roster.objects.filter(
        organisation_code=roster.organisation_code,
        state__in=[RosterState.CONFIRMED, RosterState.TAKEN],
        uploaded_at__gt=roster.uploaded_at,
    )
    if taken_since.exists():
        raise Refused(Reason.ROSTER_OUTDATED, "之后上传的另一份名册已经采用，这份不能再采用；需要的话请重新上传")
