"""Figures of the banks' fair participation; included under their own namespace by ``workbench.urls``."""

from django.urls import URLPattern, path

from yikatong.workbench import fairness, fairness_complaints

urlpatterns: list[URLPattern] = [
    path("", fairness.figures, name="figures"),
    path("export/<str:form>/", fairness.export, name="export"),
    path("complaints/", fairness_complaints.complaints, name="complaints"),
    path("complaints/<uuid:complaint_id>/", fairness_complaints.complaint, name="complaint"),
]
