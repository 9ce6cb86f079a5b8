"""The strict platform's other launches: which message a login leads to, and what the message says.

``platform.login_form("teacher", message=platform.deep_linking())`` begins the login; the platform remembers by
``lti_message_hint``, once, which message it has to send (as Moodle does: captured). A message is a set of changes to
the claims of a resource link launch, so ``launch_form(persona, state, nonce, **message)`` makes one by hand.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from platforms.names import GROUP_READ, GROUPS, PLACEMENT, REMOVED, SUBMISSION_REVIEW_REQUEST
from platforms.quirks import Quirks
from platforms.strict_services import StrictServices

ACCOUNT = "http://purl.imsglobal.org/vocab/lis/v2/course#Account"
STUDENT = "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"


class StrictMessages(StrictServices):
    """Remembers what a login is for, and makes messages."""

    def __init__(self, quirks: Quirks, client_id: str, context_id: str, clock: Callable[[], float]) -> None:
        super().__init__(quirks, client_id, context_id, clock)
        self._awaited: dict[str, Mapping[str, Any]] = {}

    def message_hint(self, message: Mapping[str, Any] | None) -> str:
        """An opaque hint that stands for ``message``, once."""
        if message is None:
            return json.dumps({"launchid": "ltilaunch1_276672685"})
        hint = json.dumps({"launchid": f"ltilaunch1_{uuid.uuid4().int % 10**9}"})
        self._awaited[hint] = message
        return hint

    def message_for(self, hint: str) -> Mapping[str, Any]:
        """The message a hint stands for; a plain resource link launch for any other."""
        return self._awaited.pop(hint, {})

    def more_service_claims(self) -> dict[str, Any]:
        """Claims of services that the client may use beside AGS and NRPS."""
        if GROUP_READ not in self.granted_scopes:
            return {}
        groups = f"{self.base_url}/services/{self.context_id}/groups"
        return {
            GROUPS: {
                "scope": [GROUP_READ],
                "context_groups_url": groups,
                "context_group_sets_url": f"{groups}/sets",
                "service_versions": ["1.0"],
            }
        }

    # -- messages ---------------------------------------------------------------------------------------------------

    def navigation(self, placement: str, *, has_context: bool = True, course: bool = False) -> dict[str, Any]:
        """A launch from a menu of Canvas: of an account, of a user, or (``course``) of the course.

        Vendor code (Canvas, jwt_message.rb, 2026): the account takes the course's place in ``context`` and in
        ``resource_link``, and there is neither a roster nor a gradebook. ``has_context=False`` is constructed.
        """
        message: dict[str, Any] = {PLACEMENT: placement}
        if course:
            return message | {"resource_link": {"id": self.context_id, "title": "Aquaponics 101"}}
        account = {"id": "account-1", "title": "Lakeside College"}
        return message | {
            "resource_link": account,
            "context": {**account, "type": ["Account"]} if has_context else REMOVED,
            "endpoint": REMOVED,
            "namesroleservice": REMOVED,
        }

    def submission_review(self, user_id: str, link: Any = None) -> dict[str, Any]:
        """A review of somebody's submission (LTI Submission Review 1.0): constructed."""
        person = self.members.get(user_id)
        whose = {"user_id": user_id, "roles": [STUDENT]}
        whose |= {"name": person.name} if person is not None and person.name else {}
        message: dict[str, Any] = {"message_type": SUBMISSION_REVIEW_REQUEST, "for_user": whose}
        return (self.resource_link(link) if link is not None else {}) | message

    def resource_link(self, link: Any) -> dict[str, Any]:
        """A launch of a link that deep linking made."""
        raise NotImplementedError
