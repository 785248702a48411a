"""Reference data of the city as loaded from its data folder: divisions, places, metro network, rules.

Every row says where it comes from. Rows are replaced only by the loader (``yikatong city load``).
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Division(models.Model):
    """A district (6 digits), street (9) or community (12) of the city, by statistical code."""

    code = models.CharField(primary_key=True, max_length=12)
    level = models.CharField(max_length=10, choices=[(v, v) for v in ("district", "street", "community")])
    name = models.CharField(max_length=80)
    parent_code = models.CharField(max_length=12, blank=True, db_index=True)
    district_code = models.CharField(max_length=6, db_index=True)
    resident_population = models.IntegerField(null=True)
    source = models.CharField(max_length=120)

    class Meta:
        db_table = "city_division"


class Place(models.Model):
    """Somewhere the card can be used: a medical institution, park, library or metro station."""

    place_id = models.CharField(primary_key=True, max_length=40)
    kind = models.CharField(max_length=20, db_index=True)
    code = models.CharField(max_length=40, blank=True)
    name = models.CharField(max_length=120)
    district_code = models.CharField(max_length=6, blank=True)
    address = models.CharField(max_length=200, blank=True)
    lng = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    datum = models.CharField(
        max_length=10, blank=True, help_text="WGS-84, GCJ-02 or empty when there are no coordinates"
    )
    details = models.JSONField(default=dict)
    source = models.CharField(max_length=120)

    class Meta:
        db_table = "city_place"


class MetroLine(models.Model):
    """A metro line with its official colour."""

    name = models.CharField(primary_key=True, max_length=40)
    colour = models.CharField(max_length=7)
    is_loop = models.BooleanField()
    aliases_en = ArrayField(models.CharField(max_length=60), default=list)
    source = models.CharField(max_length=120)

    class Meta:
        db_table = "city_metro_line"


class MetroStop(models.Model):
    """A station's place on a line, with the track distance from the stop before it in metres."""

    line = models.ForeignKey(MetroLine, on_delete=models.PROTECT, db_column="line")
    sequence = models.IntegerField()
    station = models.CharField(max_length=40, db_index=True)
    distance_from_previous_m = models.IntegerField(null=True)

    class Meta:
        db_table = "city_metro_stop"
        constraints = [models.UniqueConstraint(fields=["line", "sequence"], name="city_metro_stop_once")]


class LoadedFile(models.Model):
    """Which version of which data file the tables hold now; makes loading idempotent."""

    name = models.CharField(primary_key=True, max_length=120)
    sha256 = models.CharField(max_length=64)
    rows = models.IntegerField()
    licence = models.CharField(max_length=120)
    source = models.CharField(max_length=300)
    effective_from = models.DateField(null=True)
    loaded_at = models.DateTimeField()

    class Meta:
        db_table = "city_loaded_file"
