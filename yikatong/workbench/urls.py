"""The workbenches' addresses, one namespace an area; which role may visit which area: ``accounts.roles``."""

from django.urls import include, path

from yikatong.workbench import audit, bank, home, staff, statements

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
]
