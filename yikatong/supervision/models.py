"""How fairly the banks take part: what each applicant was really offered, figures by day, and complaints of conduct.

Figures are derived and can be computed anew at any time; offers and complaints cannot, so offers are append-only (a trigger
refuses changes) and complaints change by steps that stay. What somebody wrote is sealed like all personal data.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class BankOffer(models.Model):
    """The banks a person could really choose from, in the order shown, at the first showing of a day."""

    pk = models.CompositePrimaryKey("person_id", "day")
    person_id = models.BigIntegerField()
    day = models.DateField()
    bank_codes = ArrayField(models.CharField(max_length=8))
    channel = models.CharField(max_length=10)
    offered_at = models.DateTimeField()

    class Meta:
        db_table = "supervision_bank_offer"
        indexes = [models.Index(fields=["day", "person_id"], name="supervision_offers_by_day")]


class FigureDay(models.Model):
    """A day whose figures were computed; ``open_applications`` may still change them."""

    day = models.DateField(primary_key=True)
    computed_at = models.DateTimeField()
    open_applications = models.IntegerField(default=0)

    class Meta:
        db_table = "supervision_figure_day"


class DailyFigure(models.Model):
    """One bank, district, group and channel on one day. ``completed`` and ``made`` are of the applications of that day."""

    pk = models.CompositePrimaryKey("day", "bank_code", "district_code", "category", "channel")
    day = models.DateField()
    bank_code = models.CharField(max_length=8)
    district_code = models.CharField(max_length=6)
    category = models.CharField(max_length=10)
    channel = models.CharField(max_length=10)
    shown = models.IntegerField()
    position_sum = models.IntegerField(help_text="over all lists it was shown in; with shown it gives the mean")
    shown_first = models.IntegerField()
    chosen = models.IntegerField()
    withdrawn = models.IntegerField()
    made = models.IntegerField()
    completed = models.IntegerField()

    class Meta:
        db_table = "supervision_daily_figure"


class DailyPosition(models.Model):
    """Lists of one length on one day: how many were shown, and how many applications chose at each position."""

    pk = models.CompositePrimaryKey("day", "district_code", "category", "channel", "offered", "position")
    day = models.DateField()
    district_code = models.CharField(max_length=6)
    category = models.CharField(max_length=10)
    channel = models.CharField(max_length=10)
    offered = models.SmallIntegerField()
    position = models.SmallIntegerField()
    shown = models.IntegerField()
    chosen = models.IntegerField()

    class Meta:
        db_table = "supervision_daily_position"


class WaitKind(models.TextChoices):
    """Until what somebody who applied waited."""

    MADE = "made", "制成"
    COLLECTED = "collected", "领到"


class DailyWait(models.Model):
    """How many who applied on a day waited so many calendar days: the whole distribution, so that any period has its median."""

    pk = models.CompositePrimaryKey("day", "bank_code", "district_code", "category", "channel", "kind", "days")
    day = models.DateField()
    bank_code = models.CharField(max_length=8)
    district_code = models.CharField(max_length=6)
    category = models.CharField(max_length=10)
    channel = models.CharField(max_length=10)
    kind = models.CharField(max_length=10, choices=WaitKind)
    days = models.IntegerField()
    people = models.IntegerField()

    class Meta:
        db_table = "supervision_daily_wait"


class DailyCapacity(models.Model):
    """Cards a bank could make on a day by its windows in a district, as it stood when the day was first computed."""

    pk = models.CompositePrimaryKey("day", "bank_code", "district_code")
    day = models.DateField()
    bank_code = models.CharField(max_length=8)
    district_code = models.CharField(max_length=6, help_text="empty where the outlet's district is not known")
    cards = models.IntegerField()

    class Meta:
        db_table = "supervision_daily_capacity"


class ComplaintKind(models.TextChoices):
    """What is complained of. Source of the stalls' ban: product rules, fair participation (京人社数据字〔2024〕133号)."""

    STEERING = "steering", "推荐或默认某家银行"
    STALL = "stall", "在学校、社区或写字楼驻点营销"
    REFUSAL = "refusal", "拒绝办理"
    DELAY = "delay", "办理超期"
    OTHER = "other", "其他"


class ComplaintState(models.TextChoices):
    """Where a complaint stands; what may follow what: ``supervision.complaints.NEXT_STATES``."""

    RECEIVED = "received", "已收到"
    CHECKING = "checking", "核实中"
    FOUNDED = "founded", "属实"
    UNFOUNDED = "unfounded", "不属实"
    CLOSED = "closed", "已办结"


class Complaint(models.Model):
    """A report of a bank's conduct. Whoever reports makes ``complaint_id``: sending it twice is reporting once."""

    complaint_id = models.UUIDField(primary_key=True)
    receipt_number = models.CharField(max_length=16, unique=True)
    bank_code = models.CharField(max_length=8, blank=True, help_text="empty: not known which")
    kind = models.CharField(max_length=10, choices=ComplaintKind)
    district_code = models.CharField(max_length=6, blank=True)
    happened_on = models.DateField()
    place_sealed = models.BinaryField()
    text_sealed = models.BinaryField()
    reporter_person_id = models.BigIntegerField(null=True, help_text="only of who asked to be contacted")
    origin_index = models.BinaryField(help_text="keyed SM3 of day and network address: limits floods, names nobody")
    reported_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=ComplaintState, default=ComplaintState.RECEIVED)
    state_since = models.DateTimeField()
    is_founded = models.BooleanField(null=True, help_text="the finding, which stays when the complaint is closed")

    class Meta:
        db_table = "supervision_complaint"
        indexes = [
            models.Index(fields=["reported_at"], name="supervision_complaints_at"),
            models.Index(fields=["origin_index", "reported_at"], name="supervision_complaints_from"),
        ]


class ComplaintStep(models.Model):
    """One step of handling a complaint, with its note, sealed."""

    step_id = models.BigAutoField(primary_key=True)
    complaint = models.ForeignKey(Complaint, on_delete=models.PROTECT, related_name="steps")
    state = models.CharField(max_length=10, choices=ComplaintState)
    note_sealed = models.BinaryField()
    by = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        db_table = "supervision_complaint_step"
