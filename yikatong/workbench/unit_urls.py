"""A unit's own pages: enrolment, roster, applications, collection; included under their own namespace by ``workbench.urls``."""

from django.urls import URLPattern, path

from yikatong.workbench import unit, unit_collect, unit_enrol, unit_people, unit_roster

urlpatterns: list[URLPattern] = [
    path("", unit.home, name="home"),
    path("enrol/", unit_enrol.enrol, name="enrol"),
    path("enrol/evidence/<int:version>/", unit_enrol.evidence, name="evidence"),
    path("roster/", unit_roster.roster, name="roster"),
    path("roster/template.<str:form>", unit_roster.template, name="roster_template"),
    path("roster/<uuid:roster_id>/", unit_roster.roster_upload, name="roster_upload"),
    path("roster/<uuid:roster_id>/bad-rows.<str:form>", unit_roster.bad_rows_file, name="roster_bad_rows"),
    path("people/", unit_people.people, name="people"),
    path("people/export.<str:form>", unit_people.people_file, name="people_file"),
    path("apply/", unit_people.apply, name="apply"),
    path("collect/", unit_collect.collect, name="collect"),
    path("collect/<uuid:packet_id>/", unit_collect.packet, name="packet"),
    path("collect/<uuid:packet_id>/signatures/", unit_collect.signature_list, name="signatures"),
]
