"""AGS 2.0 and NRPS 2.0 of the demo LMS: the storage half of the independent package ``lti1p3platform``.

As on the large LMSs, AGS has only the tool's own columns; the roster has active members only, while results stay for
people who have left. Documents are the standards', in plain dictionaries ready for JSON.
"""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from lti1p3platform.exceptions import LineItemNotFoundException, LtiServiceException
from lti1p3platform.membership import Context
from lti1p3platform.score import UpdateScoreStatus
from lti1p3platform.service_connector import AssignmentsGradesService, NamesRoleProvisioningService

from lti_tool.demo.lms_gradebook import Column, Grade, link_id
from lti_tool.demo.lms_platform import PackagedRequest, PlatformConf
from lti_tool.demo.lms_site import Site
from lti_tool.demo.story import COURSE, Person, Text
from lti_tool.demo.story_people import ADMIN, INSTRUCTOR, PEOPLE
from lti_tool.errors import ConflictError, InvalidInputError, NotFoundError

PAGE_SIZE = 10
_LTI = "https://purl.imsglobal.org/spec/lti/claim/"


def page_of(rows: list[Any], page: int, limit: int | None) -> dict[str, Any]:
    """Return one page in the package's form."""
    size = limit or PAGE_SIZE
    return {"content": rows[(page - 1) * size : page * size], "has_next": page * size < len(rows)}


class Grades(AssignmentsGradesService):  # type: ignore[misc]
    """AGS over the gradebook; ``scopes``: the ones of which this call needs one."""

    def __init__(self, packaged: PackagedRequest, conf: PlatformConf, scopes: tuple[str, ...], item_url: str) -> None:
        self._scopes = list(scopes)
        self._site: Site = conf.site
        super().__init__(packaged, conf, conf.site.line_items_url, item_url)

    @property
    def allowed_scopes(self) -> list[str]:
        """The scopes of this call."""
        return self._scopes

    def _column(self, key: str) -> Column:
        try:
            return self._site.gradebook.column(key, tool_owned_only=True)
        except NotFoundError as error:
            raise LineItemNotFoundException from error

    def find_lineitems(
        self,
        page: int = 1,
        limit: int | None = None,
        line_item_id: str | None = None,  # noqa: ARG002 - the package’s signature
        resource_link_id: str | None = None,
        resource_id: str | None = None,
        tag: str | None = None,
    ) -> dict[str, Any]:
        """Return the tool's own columns that fit the filters (AGS 2.0, section 3.2)."""
        wanted = {"resource_link_id": resource_link_id, "resource_id": resource_id, "tag": tag}
        columns = [
            line_item_document(column, self._site.line_items_url)
            for column in self._site.gradebook.columns(tool_owned_only=True)
            if all(value is None or getattr(column, name) == value for name, value in wanted.items())
        ]
        return page_of(columns, page, limit)

    def find_lineitem(self, line_item_id: str) -> dict[str, Any]:
        """Return one column of the tool."""
        return line_item_document(self._column(line_item_id), self._site.line_items_url)

    def create_lineitem(self, creation_data: dict[str, Any]) -> dict[str, Any]:
        """Add a column for the tool."""
        column = self._site.gradebook.add_column(column_from_document(creation_data, ""))
        return line_item_document(column, self._site.line_items_url)

    def update_lineitem(self, update_data: dict[str, Any]) -> dict[str, Any]:
        """Replace a column of the tool."""
        self._column(update_data["id"])
        column = self._site.gradebook.change_column(column_from_document(update_data, update_data["id"]))
        return line_item_document(column, self._site.line_items_url)

    def delete_lineitem(self, line_item_id: str) -> None:
        """Remove a column of the tool."""
        self._column(line_item_id)
        self._site.gradebook.remove_column(line_item_id)

    def update_score(self, line_item_id: str, score: dict[str, Any]) -> UpdateScoreStatus:
        """Take a score of the tool (AGS 2.0, section 3.4)."""
        column = self._column(line_item_id)
        try:
            points, timestamp = points_and_time(score, column.maximum)
            comment = score.get("comment")
            self._site.gradebook.post_score(
                line_item_id, str(score.get("userId")), points, timestamp=timestamp, comment=comment
            )
        except ConflictError:
            return UpdateScoreStatus.OLD_TIMESTAMP
        except (InvalidInputError, NotFoundError) as error:
            raise LtiServiceException(str(error), 422) from error
        return UpdateScoreStatus.SUCCESS

    def get_results(
        self, line_item_id: str, page: int = 1, limit: int | None = None, user_id: str | None = None
    ) -> dict[str, Any]:
        """Return the results of one column, also of people who have left the course."""
        column = self._column(line_item_id)
        people = {person.key: person for person in PEOPLE}
        rows = [
            result_document(column, grade, people[grade.person_key].sub, self._site.line_items_url)
            for grade in self._site.gradebook.results(line_item_id)
            if user_id is None or people[grade.person_key].sub == user_id
        ]
        return page_of(rows, page, limit)


class Roster(NamesRoleProvisioningService):  # type: ignore[misc]
    """NRPS over the story's people: active members only, the preview user among them."""

    def get_context_by_id(self) -> Context:
        """Return the course."""
        return Context(COURSE.id, COURSE.label, COURSE.title.en)

    def is_resource_link_valid(self, context_id: str, resource_link_id: str) -> bool:
        """Say whether the link is one of this tool's in this course."""
        columns = self.platform_config.site.gradebook.columns(tool_owned_only=True)
        links = {link_id("badges"), *(column.resource_link_id for column in columns)}
        return context_id == COURSE.id and resource_link_id in links

    def get_member_data_page(
        self,
        page: int = 1,
        limit: int | None = None,
        role: str | None = None,
        since: str | None = None,  # noqa: ARG002 - the package's signature; membership differences are not offered
        rlid: str | None = None,
    ) -> dict[str, Any]:
        """Return one page of members (NRPS 2.0, section 2.2)."""
        members = [
            member_document(person, with_message=rlid is not None)
            for person in PEOPLE
            if person.kind != "former" and person is not ADMIN and (role is None or role in person.roles)
        ]
        return page_of(members, page, limit)


def member_document(person: Person, *, with_message: bool) -> dict[str, Any]:
    """Return an NRPS member; what the platform does not share is left out."""
    shared = {
        "name": person.name,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "email": person.email,
        "lis_person_sourcedid": person.sourced_id,
    }
    member: dict[str, Any] = {
        "status": "Active",
        "user_id": person.sub,
        "roles": list(person.roles),
        **{name: value for name, value in shared.items() if value is not None},
    }
    if with_message:
        member["message"] = [
            {f"{_LTI}message_type": "LtiResourceLinkRequest", f"{_LTI}custom": {"course_code": COURSE.label}}
        ]
    return member


def line_item_document(column: Column, line_items_url: str) -> dict[str, Any]:
    """Return an AGS line item; ``id`` is its address."""
    document = {
        "id": f"{line_items_url}/{column.key}",
        "label": column.title.en,
        "scoreMaximum": float(column.maximum),
        "resourceId": column.resource_id,
        "tag": column.tag,
        "resourceLinkId": column.resource_link_id,
        "startDateTime": column.start_at,
        "endDateTime": column.end_at,
    }
    return {name: value for name, value in document.items() if value is not None}


def result_document(column: Column, grade: Grade, sub: str, line_items_url: str) -> dict[str, Any]:
    """Return an AGS result; ``resultScore`` is null while there is no grade, or none that may be seen."""
    points = grade.score.points
    url = f"{line_items_url}/{column.key}"
    document: dict[str, Any] = {
        "id": f"{url}/results/{sub}",
        "scoreOf": url,
        "userId": sub,
        "resultScore": None if points is None else float(points),
        "resultMaximum": float(column.maximum),
    }
    if points is not None:
        document["scoringUserId"] = INSTRUCTOR.sub
    if grade.comment:
        document["comment"] = grade.comment
    return document


def column_from_document(document: dict[str, Any], key: str) -> Column:
    """Read an AGS line item; raises ``LtiServiceException`` (400) when label or maximum cannot be used."""
    label = document.get("label")
    if not isinstance(label, str) or not label.strip():
        raise LtiServiceException("label is required", 400)
    return Column(
        key,
        Text(label, label),
        _positive(document.get("scoreMaximum"), "scoreMaximum"),
        is_tool_owned=True,
        resource_id=document.get("resourceId"),
        tag=document.get("tag"),
        resource_link_id=document.get("resourceLinkId"),
        start_at=document.get("startDateTime"),
        end_at=document.get("endDateTime"),
    )


def points_and_time(score: dict[str, Any], maximum: Decimal) -> tuple[Decimal | None, datetime]:
    """Read an AGS score: points on the column's own scale, ``None`` when it clears the grade or is not final."""
    try:
        timestamp = datetime.fromisoformat(str(score.get("timestamp")))
    except ValueError:
        raise LtiServiceException("timestamp must be ISO 8601", 400) from None
    if timestamp.tzinfo is None:
        raise LtiServiceException("timestamp needs a zone", 400)
    given = score.get("scoreGiven")
    if given is None or score.get("gradingProgress") != "FullyGraded":
        return None, timestamp
    scale = _positive(score.get("scoreMaximum"), "scoreMaximum")
    try:
        return Decimal(str(given)) * maximum / scale, timestamp
    except InvalidOperation:
        raise LtiServiceException("scoreGiven must be a number", 400) from None


def _positive(number: Any, name: str) -> Decimal:
    if isinstance(number, int | float) and not isinstance(number, bool) and 0 < number < float("inf"):
        return Decimal(str(number))
    raise LtiServiceException(f"{name} must be a number above 0", 400)
