"""Next links as the standard and as platforms write them."""

import pytest

from lti_tool.errors import AddressRefusedError
from lti_tool.lti.links import next_link

BASE = "https://lms.example/api/items?limit=2"
NEXT = "https://lms.example/api/items?page=bookmark:WzEwXQ&limit=2"


@pytest.mark.parametrize(
    "header",
    [
        f'<{NEXT}>; rel="next"',
        f"<{NEXT}>; rel=next",
        f"<{NEXT}>;rel=next",
        f'<{NEXT}>; title="page 2"; rel="next"',
        f"<{NEXT}>; title*=UTF-8''two; rel=next; type=\"text/html\"",
        f'<{NEXT}>; rel="prefetch next"',
        f'<{NEXT}> ; REL = "NEXT"',
        f'<https://lms.example/first>; rel="first",<{NEXT}>; rel="next",<https://lms.example/last>; rel="last"',
        f'<https://lms.example/x>; title="a, <b>; rel=next \\" c"; rel="prev", <{NEXT}>; rel="next"',
        f'<https://lms.example/a,b;c>; rel="prev", <{NEXT}>; rel="next"',
        f"<{NEXT}>; rel=\u201cnext\u201d",
        f"<{NEXT}>; rel=\u201cnext\u201d".encode().decode("latin-1"),
        f"<{NEXT.replace('&', '&amp;')}>; rel=\u201cnext\u201d".encode().decode("latin-1"),
        '</api/items?page=bookmark:WzEwXQ&limit=2>; rel="next"',
        '<?page=bookmark:WzEwXQ&limit=2>; rel="next"',
        f'<{NEXT}#top>; rel="next"',
    ],
)
def test_the_next_page_is_found(header: str) -> None:
    assert next_link(header, BASE) == NEXT


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        f"{NEXT}; rel=next",
        f"<{NEXT}; rel=next",
        f"<{NEXT}>",
        f'<{NEXT}>; rel="prev"',
        f'<{NEXT}>; rel="nextish"',
        f'<{NEXT}>; title="rel=next"',
        f'<{NEXT}>; rel="prev"; rel="next"',  # RFC 8288, section 3.3: only the first counts
        f'<https://lms.example/x>; title="<{NEXT}>; rel=next"; rel="last"',
    ],
)
def test_where_there_is_no_next_page_none_is_made_up(header: str | None) -> None:
    assert next_link(header, BASE) is None


def test_commas_and_semicolons_in_an_address_belong_to_it() -> None:
    assert next_link('<https://lms.example/a;b,c?d=e,f;g>; rel="next"', BASE) == "https://lms.example/a;b,c?d=e,f;g"


def test_curly_quotes_in_an_address_are_left_alone() -> None:
    assert (
        next_link('</items?title=\u201cA\u201d>; rel="next"', BASE) == "https://lms.example/items?title=\u201cA\u201d"
    )


@pytest.mark.parametrize(
    "target",
    [
        "https://other.example/items",
        "//other.example/items",
        "http://lms.example/items",
        "https://lms.example:8443/items",
        "https://lms.example@other.example/items",
        "https://lms.example:port/items",
        "https://[::1/items",
        "file:///etc/passwd",
    ],
)
def test_another_origin_is_refused(target: str) -> None:
    with pytest.raises(AddressRefusedError) as caught:
        next_link(f'<{target}>; rel="next"', BASE)
    assert "items" not in str(caught.value)


def test_a_default_port_is_the_same_origin() -> None:
    assert next_link('<https://LMS.example:443/b>; rel="next"', BASE) == "https://LMS.example:443/b"
