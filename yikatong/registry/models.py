"""The register of insured persons and of the units they belong to.

Names, identity numbers and phones are sealed (SM4-GCM, key id inside); look-ups go through keyed SM3 blind
indexes. ``IdentityKey`` carries the uniqueness of an identity number: the person table is distributed by ``person_id``
and could not enforce it alone. What a file said and what an office recorded are told apart (``from_import``): a later file
takes back only what a file said.
"""

from django.db import models


class InsuredCategory(models.TextChoices):
    """How a person takes part in social insurance; decides bank choice and batch."""

    EMPLOYEE = "employee", "职工"
    FLEXIBLE = "flexible", "灵活就业人员"
    RESIDENT = "resident", "城乡居民"
    STUDENT = "student", "十八岁以上学生"
    MINOR = "minor", "未成年人"
    RETIREE = "retiree", "退休人员"


class Person(models.Model):
    """An insured person."""

    person_id = models.BigAutoField(primary_key=True)
    identity_number_sealed = models.BinaryField()
    identity_number_index = models.BinaryField()
    name_sealed = models.BinaryField()
    phone_sealed = models.BinaryField(null=True)
    phone_index = models.BinaryField(null=True, db_index=True)
    name_number = models.BigIntegerField(null=True, help_text="blind number of the name: see ``searching``")
    tail_name_number = models.BigIntegerField(null=True, help_text="of the identity number's last four and the name")
    tail_birth_number = models.BigIntegerField(null=True, help_text="of the last four and the birth date")
    sex = models.CharField(max_length=1)
    ethnicity_code = models.CharField(max_length=2)
    birth_date = models.DateField()
    community_code = models.CharField(max_length=12)
    category = models.CharField(max_length=10, choices=InsuredCategory)
    pension_bank_code = models.CharField(max_length=8, blank=True)
    needs_large_print = models.BooleanField(default=False)
    needs_home_visit = models.BooleanField(default=False)
    older_card_generation = models.SmallIntegerField(null=True, help_text="1 or 2: the card held before the exchange")
    older_card_number = models.CharField(max_length=9, blank=True)
    source_digest = models.BinaryField(help_text="keyed SM3 of the imported row: a re-run recognises what it has")
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "registry_person"
        indexes = [
            models.Index(fields=["name_number", "person_id"], name="registry_by_name"),
            models.Index(fields=["tail_name_number"], name="registry_by_tail_name"),
            models.Index(fields=["tail_birth_number"], name="registry_by_tail_birth"),
        ]


class IdentityKey(models.Model):
    """One row per identity number: its blind index and whose it is."""

    identity_number_index = models.BinaryField(primary_key=True)
    person_id = models.BigIntegerField()

    class Meta:
        db_table = "registry_identity_key"


class Guardianship(models.Model):
    """A guardian may act for a ward, while it lasts; ``until`` is the last day."""

    pk = models.CompositePrimaryKey("ward_person_id", "guardian_person_id")
    ward_person_id = models.BigIntegerField()
    guardian_person_id = models.BigIntegerField(db_index=True)
    relation = models.CharField(max_length=10, choices=[(v, v) for v in ("father", "mother", "other")])
    since = models.DateField()
    until = models.DateField(null=True)
    from_import = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "registry_guardianship"


class PendingGuardian(models.Model):
    """A guardian named by an imported row and not in the register yet; the tie is made when that person comes."""

    pk = models.CompositePrimaryKey("ward_person_id", "guardian_identity_index")
    ward_person_id = models.BigIntegerField()
    guardian_identity_index = models.BinaryField(db_index=True)
    relation = models.CharField(max_length=10, choices=[(v, v) for v in ("father", "mother", "other")])

    class Meta:
        db_table = "registry_pending_guardian"


class Organisation(models.Model):
    """An employer or school, by its unified social credit code (GB 32100)."""

    credit_code = models.CharField(primary_key=True, max_length=18)
    kind = models.CharField(max_length=10, choices=[(v, v) for v in ("employer", "school")])
    name = models.CharField(max_length=120)
    district_code = models.CharField(max_length=6)
    bank_codes = models.JSONField(default=list, help_text="the up to three banks it picked; empty before it has")
    is_enrolled_as_whole = models.BooleanField(default=False)
    collects_for_members = models.BooleanField(default=False)
    is_synthetic = models.BooleanField(default=False)

    class Meta:
        db_table = "registry_organisation"


class Membership(models.Model):
    """A person's place in an employer or school; ``until`` is the last day."""

    pk = models.CompositePrimaryKey("person_id", "organisation_code")
    person_id = models.BigIntegerField()
    organisation_code = models.CharField(max_length=18, db_index=True)
    since = models.DateField()
    until = models.DateField(null=True)
    from_import = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "registry_membership"


class ImportRun(models.Model):
    """One import of one file; ``rows_done`` lets an interrupted run go on where it stopped."""

    file_sha256 = models.CharField(primary_key=True, max_length=64)
    file_name = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, default="persons", choices=[(v, v) for v in ("persons", "organisations")])
    rows_total = models.BigIntegerField(default=0)
    rows_done = models.BigIntegerField(default=0)
    rows_added = models.BigIntegerField(default=0)
    rows_changed = models.BigIntegerField(default=0)
    rows_unchanged = models.BigIntegerField(default=0)
    rows_rejected = models.BigIntegerField(default=0)
    rejected_bytes = models.BigIntegerField(default=0, help_text="how much of the rejected file is committed")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "registry_import_run"


class ImportRepeat(models.Model):
    """While a file is imported: the first sound row of each identity number that occurs in it more than once."""

    pk = models.CompositePrimaryKey("file_sha256", "identity_number_index")
    file_sha256 = models.CharField(max_length=64)
    identity_number_index = models.BinaryField()
    line = models.BigIntegerField()
    digest = models.BinaryField()

    class Meta:
        db_table = "registry_import_repeat"
