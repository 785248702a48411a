"""What the finder looks up: spots on the map, questions with every version of their answers, videos, and whether answers help.

A spot is written by the city's loader alone. A version never changes: whoever edits adds one, and what residents see is the
version a question's ``published_number`` names. No table here holds personal data.
"""

from django.db import models


class Spot(models.Model):
    """Somewhere with a name: a place where the card is used, or a part of the city to measure distances from.

    ``lng`` and ``lat`` are WGS-84 whatever the source gave; ``datum`` says what it gave and ``is_datum_assumed`` whether that
    was told or taken to be so. ``pinyin`` and ``initials`` are what people type on a keyboard without Chinese.
    """

    spot_id = models.CharField(primary_key=True, max_length=48)
    category = models.CharField(max_length=16, db_index=True)
    name = models.CharField(max_length=120)
    aliases = models.CharField(max_length=300, blank=True)
    pinyin = models.CharField(max_length=600)
    initials = models.CharField(max_length=120)
    district_code = models.CharField(max_length=6, blank=True)
    street_code = models.CharField(max_length=9, blank=True)
    address = models.CharField(max_length=200, blank=True)
    telephone = models.CharField(max_length=80, blank=True)
    lng = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    datum = models.CharField(max_length=10, blank=True)
    is_datum_assumed = models.BooleanField(default=False)
    is_synthetic = models.BooleanField(default=False)
    details = models.JSONField(default=dict)
    source = models.CharField(max_length=300)
    as_of = models.DateField(null=True)

    class Meta:
        db_table = "guide_spot"


class Question(models.Model):
    """A question of the programme. ``head_number`` is its newest version, ``published_number`` the one residents see, if any."""

    question_id = models.BigAutoField(primary_key=True)
    code = models.SlugField(max_length=40, unique=True)
    topic = models.CharField(max_length=20)
    sort_order = models.IntegerField()
    head_number = models.IntegerField()
    published_number = models.IntegerField(null=True)
    is_from_city_data = models.BooleanField(help_text="a later data file may add versions while no staff has edited it")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "guide_question"


class QuestionVersion(models.Model):
    """One wording of a question and its answer, by whom and when. Never changed, never removed."""

    version_id = models.BigAutoField(primary_key=True)
    question = models.ForeignKey(Question, on_delete=models.PROTECT, related_name="versions")
    number = models.IntegerField()
    title_zh = models.CharField(max_length=120)
    title_en = models.CharField(max_length=200)
    answer_zh = models.TextField()
    answer_en = models.TextField()
    keywords = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=200)
    pinyin = models.TextField(help_text="syllables of title and keywords, phrases parted by |")
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField()
    note = models.CharField(max_length=120, blank=True)

    class Meta:
        db_table = "guide_question_version"
        constraints = [models.UniqueConstraint(fields=["question", "number"], name="guide_version_once")]


class Helpfulness(models.Model):
    """How often on a day an answer was called helpful or not. Counts only: nothing tells who."""

    question = models.ForeignKey(Question, on_delete=models.PROTECT)
    day = models.DateField()
    helpful = models.IntegerField(default=0)
    not_helpful = models.IntegerField(default=0)

    class Meta:
        db_table = "guide_helpfulness"
        constraints = [models.UniqueConstraint(fields=["question", "day"], name="guide_helpfulness_once")]


class Video(models.Model):
    """A film with captions and transcript; without captions it cannot be published."""

    video_id = models.BigAutoField(primary_key=True)
    title_zh = models.CharField(max_length=120)
    title_en = models.CharField(max_length=200)
    transcript_zh = models.TextField()
    transcript_en = models.TextField(blank=True)
    media_type = models.CharField(max_length=20)
    media = models.BinaryField()
    media_bytes = models.IntegerField()
    media_sha256_hex = models.CharField(max_length=64)
    captions_zh = models.TextField()
    captions_en = models.TextField(blank=True)
    is_published = models.BooleanField(default=False)
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField()

    class Meta:
        db_table = "guide_video"
