"""Texts from outside: what is left out, and what people need and keep."""

import pytest

from lti_tool.characters import many_lines, one_line

KEPT = [
    "Zoë Ångström",
    "नम\N{ZERO WIDTH JOINER}न",
    "👩\N{ZERO WIDTH JOINER}🔬",
    "שלום\N{RIGHT-TO-LEFT MARK}!",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_names_are_made_of_stays(text: str) -> None:
    assert one_line(text) == many_lines(text) == text


@pytest.mark.parametrize(
    "unwanted",
    [
        "\0",
        "\x01",
        "\x1b",
        "\x7f",
        "\x9f",
        "\ud800",
        "\N{RIGHT-TO-LEFT OVERRIDE}",
        "\N{LEFT-TO-RIGHT ISOLATE}",
    ],
)
def test_what_no_database_stores_or_what_turns_the_line_around_goes(unwanted: str) -> None:
    assert one_line(f"a{unwanted}b") == many_lines(f"a{unwanted}b") == "ab"
    assert one_line(unwanted) == many_lines(unwanted) == ""


@pytest.mark.parametrize("space", ["\n", "\r\n", "\t", "  ", "\x85", "\N{LINE SEPARATOR}", "\N{NO-BREAK SPACE}"])
def test_one_line_has_single_spaces(space: str) -> None:
    assert one_line(f" a{space}b{space}") == "a b"


def test_many_lines_keep_their_lines() -> None:
    assert many_lines("\n one \r\n\r\ntwo\rthree\t3\n ") == "one \n\ntwo\nthree\t3"
