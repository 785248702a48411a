"""What an employer or school decided, sent in and did for its people: enrolment, rosters, applications, collection.

What a unit decided is kept for good (``Enrolment`` is append-only, a trigger refuses changes). What it uploaded is sealed and
removed after a stated time. What it is allowed to do is in ``rules``; the register's own fields (``registry.Organisation``,
``registry.Membership``) are written through ``registry.unit_services`` in the same transaction.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class StoredFile(models.Model):
    """A file that a unit uploaded. Its content lies sealed in ``StoredPart`` until ``removed_at``."""

    file_id = models.UUIDField(primary_key=True)
    organisation_code = models.CharField(max_length=18)
    purpose = models.CharField(max_length=8, choices=[("evidence", "决定材料"), ("roster", "名册")])
    name = models.CharField(max_length=120)
    media_type = models.CharField(max_length=80)
    size_bytes = models.BigIntegerField()
    sm3_hex = models.CharField(max_length=64)
    stored_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "units_stored_file"


class StoredPart(models.Model):
    """One piece of a stored file: base64, sealed."""

    pk = models.CompositePrimaryKey("file_id", "part")
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT)
    part = models.IntegerField()
    content_sealed = models.BinaryField()

    class Meta:
        db_table = "units_stored_part"


class Enrolment(models.Model):
    """One version of a unit's decision, with its evidence. The newest holds; none is ever changed."""

    pk = models.CompositePrimaryKey("organisation_code", "version")
    organisation_code = models.CharField(max_length=18)
    version = models.IntegerField()
    bank_codes = ArrayField(models.CharField(max_length=8))
    is_enrolled_as_whole = models.BooleanField()
    collects_for_members = models.BooleanField()
    deciding_body = models.CharField(max_length=60)
    decided_on = models.DateField()
    reference_number = models.CharField(max_length=60)
    evidence = models.ForeignKey(StoredFile, on_delete=models.PROTECT)
    enrolled_at = models.DateTimeField()
    enrolled_by = models.CharField(max_length=64)

    class Meta:
        db_table = "units_enrolment"


class RosterState(models.TextChoices):
    """Where an uploaded roster stands. Only ``taken`` has changed anything."""

    CHECKING = "checking", "检查中"
    CHECKED = "checked", "待确认"
    UNREADABLE = "unreadable", "不能读取"
    CONFIRMED = "confirmed", "采用中"
    TAKEN = "taken", "已采用"
    DISCARDED = "discarded", "已放弃"


class Roster(models.Model):
    """One uploaded roster and what checking it found."""

    roster_id = models.UUIDField(primary_key=True)
    organisation_code = models.CharField(max_length=18)
    file = models.OneToOneField(StoredFile, on_delete=models.PROTECT)
    state = models.CharField(max_length=10, choices=RosterState, default=RosterState.CHECKING)
    problem = models.CharField(max_length=400, blank=True, help_text="why it could not be read")
    enrolment_version = models.IntegerField(default=0, help_text="whose banks it was checked against")
    rows_read = models.BigIntegerField(default=0)
    rows_good = models.BigIntegerField(default=0)
    rows_bad = models.BigIntegerField(default=0)
    rows_without_bank = models.BigIntegerField(default=0)
    ending_person_ids = ArrayField(models.BigIntegerField(), default=list)
    uploaded_at = models.DateTimeField()
    uploaded_by = models.CharField(max_length=64)
    checked_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)
    confirmed_by = models.CharField(max_length=64, blank=True)
    remove_after = models.DateTimeField()

    class Meta:
        db_table = "units_roster"
        indexes = [models.Index(fields=["organisation_code", "-uploaded_at"], name="units_rosters_of_unit")]


class RosterRow(models.Model):
    """One row of a checked roster: who it is, or what is wrong with it. Cells are kept of bad rows only."""

    pk = models.CompositePrimaryKey("roster_id", "line")
    roster = models.ForeignKey(Roster, on_delete=models.PROTECT)
    line = models.BigIntegerField()
    person_id = models.BigIntegerField(null=True)
    bank_code = models.CharField(max_length=8, blank=True)
    reasons = models.CharField(max_length=120, blank=True)
    problem = models.CharField(max_length=400, blank=True)
    cells_sealed = models.BinaryField(null=True)
    tail_index = models.BinaryField(null=True)
    name_index = models.BinaryField(null=True)

    class Meta:
        db_table = "units_roster_row"
        indexes = [
            models.Index(fields=["roster", "line"], name="units_bad_rows", condition=~models.Q(reasons="")),
        ]


class RosterEntry(models.Model):
    """A person on a unit's roster: the bank the roster says they chose, and how their application through the unit went.

    Without a bank there is none: nobody gets one by default. ``tail_index`` and ``name_index`` find a person within the unit by
    the last four characters of the identity number or the full name, and mean nothing outside it.
    """

    pk = models.CompositePrimaryKey("person_id", "organisation_code")
    person_id = models.BigIntegerField()
    organisation_code = models.CharField(max_length=18)
    bank_code = models.CharField(max_length=8, blank=True)
    roster_id = models.UUIDField()
    tail_index = models.BinaryField()
    name_index = models.BinaryField()
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    application_id = models.UUIDField(null=True)
    refusal_reason = models.CharField(max_length=40, blank=True)
    refusal_text = models.CharField(max_length=200, blank=True)
    tried_at = models.DateTimeField(null=True)
    reminded_on = models.DateField(null=True)

    class Meta:
        db_table = "units_roster_entry"
        indexes = [
            models.Index(fields=["organisation_code", "person_id"], name="units_entries_of_unit"),
            models.Index(fields=["organisation_code", "tail_index"], name="units_entries_by_tail"),
            models.Index(fields=["organisation_code", "name_index"], name="units_entries_by_name"),
        ]


class RunState(models.TextChoices):
    """Where a run of the worker stands."""

    RUNNING = "running", "办理中"
    DONE = "done", "已完成"


class ApplyRun(models.Model):
    """One go of applying for, or of reminding, everybody on the roster it fits. One of a kind at a time in a unit."""

    run_id = models.UUIDField(primary_key=True)
    organisation_code = models.CharField(max_length=18)
    kind = models.CharField(max_length=8, choices=[("apply", "统一申请"), ("remind", "提醒")])
    state = models.CharField(max_length=8, choices=RunState, default=RunState.RUNNING)
    outlet_ids = models.JSONField(default=dict, help_text="bank code to outlet, where the unit does not collect")
    total = models.IntegerField(default=0)
    done = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    after_person_id = models.BigIntegerField(default=0, help_text="up to whom it has come")
    begun_by = models.CharField(max_length=64)
    begun_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "units_apply_run"
        constraints = [
            models.UniqueConstraint(
                fields=["organisation_code", "kind"],
                name="units_one_run_at_a_time",
                condition=models.Q(state=RunState.RUNNING),
            ),
        ]
        indexes = [models.Index(fields=["organisation_code", "-begun_at"], name="units_runs_of_unit")]


class PacketState(models.TextChoices):
    """Where a packet of cards is."""

    PREPARING = "preparing", "银行备卡中"
    READY = "ready", "请到网点领取"
    FETCHED = "fetched", "单位已领回"


class Packet(models.Model):
    """The cards of one unit that one outlet made ready together, for the unit to fetch."""

    packet_id = models.UUIDField(primary_key=True)
    organisation_code = models.CharField(max_length=18)
    bank_code = models.CharField(max_length=8)
    outlet_id = models.CharField(max_length=24)
    state = models.CharField(max_length=10, choices=PacketState, default=PacketState.PREPARING)
    prepared_at = models.DateTimeField()
    prepared_by = models.CharField(max_length=64)
    fetched_at = models.DateTimeField(null=True)
    fetched_by = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "units_packet"
        constraints = [
            models.UniqueConstraint(
                fields=["organisation_code", "bank_code"],
                name="units_one_packet_in_preparation",
                condition=models.Q(state=PacketState.PREPARING),
            ),
        ]
        indexes = [models.Index(fields=["organisation_code", "-prepared_at"], name="units_packets_of_unit")]


class PacketCard(models.Model):
    """One card of a packet. ``number`` is its place on the signature list."""

    pk = models.CompositePrimaryKey("person_id", "card_id")
    person_id = models.BigIntegerField()
    card_id = models.BigIntegerField()
    packet_id = models.UUIDField()
    organisation_code = models.CharField(max_length=18)
    number = models.IntegerField()
    handed_over_at = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "units_packet_card"
        indexes = [models.Index(fields=["packet_id", "number"], name="units_cards_of_packet")]
