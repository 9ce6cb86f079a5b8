"""Narratives of badges: a little Markdown, and nothing of a stranger's text becomes mark-up."""

import pytest

from lti_tool.web.narrative import narrative


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One line.", "<p>One line.</p>"),
        ("One.\n\nTwo\nlines.", "<p>One.</p>\n<p>Two<br>lines.</p>"),
        (
            "In the *Water log* and **both** quizzes.",
            "<p>In the <em>Water log</em> and <strong>both</strong> quizzes.</p>",
        ),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
        ("", ""),
        ("<b>&</b>", "<p>&lt;b&gt;&amp;&lt;/b&gt;</p>"),
        ('*<img src=x onerror="a">*', "<p><em>&lt;img src=x onerror=&#34;a&#34;&gt;</em></p>"),
        ("[x](javascript:a)", "<p>[x](javascript:a)</p>"),
    ],
)
def test_narratives_become_safe_paragraphs(text: str, html: str) -> None:
    assert str(narrative(text)) == html
