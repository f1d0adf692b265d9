"""A certificate is shown in the job that signs it, and whoever made it chose its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings

from coordinator.certificates.file import sealed
from coordinator.reports.certificate_text import certificate_text
from coordinator.reports.page import Page
from tests.certificate.values import certificates

if TYPE_CHECKING:
    from coordinator.model.certificate import Certificate


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(certificates())
def test_any_certificate_is_shown_without_what_acts_on_a_terminal(certificate: Certificate) -> None:
    shown = certificate_text(sealed(certificate), Page())
    assert shown.startswith(f"certificate {sealed(certificate).digest[:12]}\n")
    assert all(each.isprintable() for each in shown.replace("\n", ""))
