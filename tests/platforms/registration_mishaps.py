"""What can go wrong while a tool registers itself."""

from enum import StrEnum


class Mishap(StrEnum):
    """What can go wrong with the configuration or the registration, on a platform that is broken or hostile."""

    HTML = "html"
    """Status 200 and a login page."""
    NO_JSON = "no_json"
    OTHER_ISSUER = "other_issuer"
    """The configuration names the issuer of somebody else."""
    REDIRECT = "redirect"
    """To ``foreign_host``, whatever is asked."""
    SLOW = "slow"
    """Answers after ``slowness`` seconds."""
    HUGE = "huge"
    REFUSES = "refuses"
    FAILS = "fails"
    """Status 500, nothing was created."""
    FAILS_AFTER_CREATING = "fails_after_creating"
    NO_CLIENT_ID = "no_client_id"
