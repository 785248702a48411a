"""The workbenches' addresses, one namespace an area; which role may visit which area: ``accounts.roles``."""

from django.urls import include, path

from yikatong.workbench import (
    appointments,
    audit,
    bank,
    campaign_urls,
    content_urls,
    counter,
    fairness_urls,
    home,
    staff,
    statements,
    unit_collect,
    unit_urls,
    walk_in,
)

app_name = "work"
urlpatterns = [
    path("", home.home, name="home"),
    path(
        "bank/",
        include(
            (
                [
                    path("", bank.desk, name="desk"),
                    path("cards/<int:card_id>/", bank.card, name="card"),
                    path("appointments/", appointments.appointments, name="appointments"),
                    path("walk-in/", walk_in.walk_in, name="walk_in"),
                    path("units/", unit_collect.packets_at_bank, name="units"),
                    path("cards/<int:card_id>/chip/", counter.chip, name="chip"),
                    path("cards/<int:card_id>/chip/<str:step>/", counter.chip_step, name="chip_step"),
                    path("cards/<int:card_id>/face.pdf", counter.face, name="face"),
                ],
                "bank",
            )
        ),
    ),
    path(
        "staff/",
        include(
            (
                [
                    path("", staff.figures, name="figures"),
                    path("register/", staff.register, name="register"),
                    path("persons/<int:person_id>/", staff.person, name="person"),
                    path("cards/", staff.cards, name="cards"),
                ],
                "staff",
            )
        ),
    ),
    path(
        "statements/",
        include(
            (
                [
                    path("", statements.batches, name="batches"),
                    path("<str:batch_id>/<str:party>/<str:form>/", statements.download, name="download"),
                ],
                "statements",
            )
        ),
    ),
    path("audit/", include(([path("", audit.trail, name="trail")], "audit"))),
    path("campaigns/", include((campaign_urls.urlpatterns, "campaigns"))),
    path("content/", include((content_urls.urlpatterns, "content"))),
    path("fairness/", include((fairness_urls.urlpatterns, "fairness"))),
    path("unit/", include((unit_urls.urlpatterns, "unit"))),
]
