"""The values an Open Badges 3.0 credential is composed of, and the enumerations of the standard."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lti_tool.errors import IssuingError
from lti_tool.openbadges.contexts import JsonObject

# fmt: off
ACHIEVEMENT_TYPES = frozenset({
    "Achievement", "ApprenticeshipCertificate", "Assessment", "Assignment", "AssociateDegree", "Award",
    "BachelorDegree", "Badge", "Certificate", "CertificateOfCompletion", "Certification", "CoCurricular",
    "CommunityService", "Competency", "Course", "Degree", "Diploma", "DoctoralDegree", "Fieldwork",
    "GeneralEducationDevelopment", "JourneymanCertificate", "LearningProgram", "License", "MasterCertificate",
    "MasterDegree", "Membership", "MicroCredential", "ProfessionalDoctorate", "QualityAssuranceCredential",
    "ResearchDoctorate", "SecondarySchoolDiploma",
})
# fmt: on
TARGET_TYPES = frozenset(
    {
        "CFItem",
        "CFRubric",
        "CFRubricCriterion",
        "CFRubricCriterionLevel",
        "CTDL",
        "ceasn:Competency",
        "ceterms:Credential",
    }
)
EXTENSION = re.compile(r"ext:[A-Za-z0-9._\-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """The issuing organization (Profile); ``id`` is the https URL of its issuer document, or a DID."""

    id: str
    name: str
    url: str | None = None
    email: str | None = None
    description: str | None = None
    image_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """A competency of a published framework that an achievement is aligned to."""

    target_name: str
    target_url: str
    target_code: str | None = None
    target_description: str | None = None
    target_framework: str | None = None
    target_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultDescription:
    """A kind of result of an achievement (``id`` is a ``urn:uuid:`` or URL); bounds are texts, as in the standard."""

    id: str
    name: str
    result_type: str
    value_min: str | None = None
    value_max: str | None = None
    required_value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AchievementCard:
    """One version of an achievement as it is shown: ``criteria_narrative`` is Markdown, ``language`` BCP 47."""

    id: str
    name: str
    description: str
    criteria_narrative: str
    criteria_url: str | None = None
    achievement_type: str | None = None
    image_url: str | None = None
    image_caption: str | None = None
    language: str | None = None
    alignments: tuple[Alignment, ...] = ()
    result_descriptions: tuple[ResultDescription, ...] = ()
    tags: tuple[str, ...] = ()
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HashedEmail:
    """A recipient known by e-mail; only the salted hash of ``normalise_email(email)`` is published."""

    email: str
    salt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose achievement it is: an id (``urn:uuid:…``, https URL or a wallet's DID), a hashed e-mail, or both.

    ``name`` is set only when the learner chose to have it in the signed document, readable by every holder.
    """

    id: str | None = None
    email: HashedEmail | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A learner's result; ``result_description_id`` names a ``ResultDescription`` of the achievement."""

    result_description_id: str
    value: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A piece of evidence the learner agreed to publish; ``id`` is its URL, ``narrative`` Markdown."""

    id: str | None = None
    name: str | None = None
    narrative: str | None = None
    description: str | None = None
    genre: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEntry:
    """A place in a revocation list (Bitstring Status List 1.0): the URL of the list and the index in it."""

    list_url: str
    index: int


def normalise_email(email: str) -> str:
    """Return an address as it is hashed: without outer spaces, Unicode NFC, lower case.

    The standard hashes the value as given and says nothing about case. Platforms and learners differ in case for the
    same mailbox, so both sides here, the one that issues and the one that compares, use this one form; ``verify``
    also compares the value as typed, for badges of others.
    """
    return unicodedata.normalize("NFC", email.strip()).lower()


def identity_hash(value: str, salt: str = "") -> str:
    """Return ``sha256$`` and the hex SHA-256 of ``value`` followed by ``salt`` (Open Badges 3.0, IdentityHash)."""
    return "sha256$" + hashlib.sha256((value + salt).encode()).hexdigest()


def clean_text(value: str | None) -> str | None:
    """Drop what a paste brings along and a proof refuses: controls (but tab and line feed) and noncharacters."""
    if value is None:
        return None
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(character for character in lines if character in "\t\n" or _is_signable(character)).strip()


def _is_signable(character: str) -> bool:
    noncharacter = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    return not noncharacter and unicodedata.category(character) not in {"Cc", "Cs"}


def image(url: str | None, caption: str | None) -> JsonObject | None:
    """Return an Image, or nothing without a URL."""
    return present({"id": url, "type": "Image", "caption": clean_text(caption)}) if url else None


def required(value: str, place: str) -> str:
    """Return ``value`` cleaned; raises ``IssuingError`` (``credential_incomplete``) when nothing is left."""
    text = clean_text(value)
    if not text:
        raise incomplete(place, "is empty")
    return text


def present(members: Mapping[str, Any]) -> JsonObject:
    """Leave out what is empty: Open Badges documents hold no null and no empty array."""
    return {name: value for name, value in members.items() if value is not None and value != "" and value != []}


def incomplete(place: str, fact: str) -> IssuingError:
    """Return the error for a part that cannot be composed."""
    return IssuingError(f"{place} {fact}; no credential was made.", code="credential_incomplete")
