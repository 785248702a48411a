"""The card centre's pages of the campaign; included under their own namespace by ``workbench.urls``."""

from django.urls import path

from yikatong.workbench import (
    campaign,
    campaign_capacity,
    campaign_export,
    campaign_new,
    campaign_person,
    campaign_plan,
    campaign_publish,
    campaign_versus,
)

urlpatterns = [
    path("", campaign.plans, name="plans"),
    path("new/", campaign_new.new, name="new"),
    path("capacity/", campaign_capacity.changes, name="capacity"),
    path("capacity/<int:change_id>/withdraw/", campaign_capacity.withdraw, name="withdraw"),
    path("capacity/boundaries.json", campaign_plan.boundaries, name="boundaries"),
    path("<str:campaign_id>/", campaign_plan.detail, name="detail"),
    path("<str:campaign_id>/figures.json", campaign_plan.figures, name="figures"),
    path("<str:campaign_id>/status.json", campaign_plan.status, name="status"),
    path("<str:campaign_id>/discard/", campaign_plan.discard, name="discard"),
    path("<str:campaign_id>/publish/", campaign_publish.confirm, name="publish"),
    path("<str:campaign_id>/person/", campaign_person.slot, name="person"),
    path("<str:campaign_id>/versus/", campaign_versus.choose, name="versus_chosen"),
    path("<str:campaign_id>/versus/<str:other_id>/", campaign_versus.versus, name="versus"),
    path("<str:campaign_id>/versus/<str:other_id>/status.json", campaign_versus.status, name="versus_status"),
    path("<str:campaign_id>/export/", campaign_export.export, name="export"),
]
