"""What a browser would send with a form of a page."""

from html.parser import HTMLParser
from typing import Any


class _Fields(HTMLParser):
    """Collects the successful fields of every form (HTML, section 4.10.21.4), without its buttons."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), []))
        if not self.forms:
            return
        if tag == "input" and given.get("name"):
            is_choice = given.get("type") in {"checkbox", "radio"}
            if (not is_choice or "checked" in given) and given.get("type") != "file":
                self.forms[-1][1].append((given["name"], given.get("value", "on" if is_choice else "")))
        elif tag == "select":
            self._select, self._options = given.get("name"), []
        elif tag == "option" and self._select:
            self._options.append((given.get("value", ""), "selected" in given))
        elif tag == "textarea":
            self._area = given.get("name")
            self.forms[-1][1].append((self._area or "", ""))

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            name, text = self.forms[-1][1].pop()
            self.forms[-1][1].append((name, text + data))

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._area = None
        if tag == "select" and self._select and self._options:
            chosen = next((value for value, is_selected in self._options if is_selected), self._options[0][0])
            self.forms[-1][1].append((self._select, chosen))
            self._select = None


def fields_of(page: str, address: str = "") -> dict[str, Any]:
    """The fields of a page's first form that leads there and has more than its token; lists where repeated."""
    parser = _Fields()
    parser.feed(page)
    for action, fields in parser.forms:
        if action.endswith(address) and {name for name, _ in fields} - {"csrf_token", "back"}:
            found: dict[str, Any] = {}
            for name, value in fields:
                if name != "csrf_token":
                    found.setdefault(name, []).append(value)
            return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
    raise AssertionError(f"no form leads to {address}")
