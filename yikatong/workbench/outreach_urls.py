"""The addresses of the helper's web app (all under its service worker's scope) and of the card centre's outreach pages."""

from django.urls import path

from yikatong.workbench import outreach, outreach_device, outreach_staff

urlpatterns = [
    path("", outreach.app, name="app"),
    path("sw.js", outreach.service_worker, name="service_worker"),
    path("devices/", outreach.my_devices, name="devices"),
    path("standing/<uuid:device_id>/", outreach.standing, name="standing"),
    path("api/session/", outreach_device.session, name="session"),
    path("api/devices/", outreach_device.register, name="register"),
    path("api/package/", outreach_device.package, name="package"),
    path("api/applications/", outreach_device.application, name="application"),
    path("api/visits/<uuid:visit_id>/", outreach_device.visit, name="visit"),
    path("api/cases/<uuid:application_id>/", outreach_device.case, name="case"),
]
staff_urlpatterns = [
    path("", outreach_staff.overview, name="outreach"),
    path("ask/", outreach_staff.ask, name="outreach_ask"),
    path("cases/<int:person_id>/<uuid:application_id>/", outreach_staff.case, name="outreach_case"),
]
