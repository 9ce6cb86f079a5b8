"""Brings courses to the current version of the templates they inherit; safe to run twice."""

from lti_tool.models import Context, TemplateAdoption
from lti_tool.services import issuers, template_adoption
from lti_tool.wiring import Services


def apply_template(services: Services, adoption_id: int) -> None:
    """Apply the template's current version to one course."""
    now = services.clock()
    with services.database.write() as session:
        adoption = session.get(TemplateAdoption, adoption_id, with_for_update=True)
        if adoption is None:
            return
        context = session.get_one(Context, adoption.context_id)
        base_url = services.settings.public_url
        issuer = issuers.ensure_issuer(session, context.organization_id, base_url, services.vault, now)
        template_adoption.apply_version(session, adoption, issuer.id, "job", now)
