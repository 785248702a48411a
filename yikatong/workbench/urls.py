"""The workbenches' addresses, one namespace an area; which role may visit which area: ``accounts.roles``."""

from django.urls import include, path

from yikatong.workbench import (
    appointments,
    bank,
    campaign_urls,
    counter,
    delegations,
    fairness_urls,
    home,
    own_account,
    staff_urls,
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
    path("password/", own_account.password, name="password"),
    path("staff/", include((staff_urls.staff_patterns, "staff"))),
    path("approvals/", include((staff_urls.approval_patterns, "approvals"))),
    path("accounts/", include((staff_urls.account_patterns, "accounts"))),
    path("cases/", include((staff_urls.case_patterns, "cases"))),
    path("exports/", include((staff_urls.export_patterns, "exports"))),
    path("messages/", include((staff_urls.messaging_patterns, "messaging"))),
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
    path("delegations/", include(([path("", delegations.in_person, name="in_person")], "delegations"))),
    path("audit/", include((staff_urls.audit_patterns, "audit"))),
    path("campaigns/", include((campaign_urls.urlpatterns, "campaigns"))),
    path("fairness/", include((fairness_urls.urlpatterns, "fairness"))),
    path("unit/", include((unit_urls.urlpatterns, "unit"))),
]
