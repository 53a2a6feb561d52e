"""Read a page's forms the way a browser without scripts does, so that the demo's officers fill what is really there."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass(slots=True)
class Group:
    """A fieldset or details with ``data-key``: one question."""

    key: str
    kind: str = ""
    bad: tuple[str, ...] = ()
    text: str = ""
    choices: dict[str, list[str]] = field(default_factory=dict)  # input name -> values offered
    inputs: dict[str, str] = field(default_factory=dict)  # typed input name -> its type
    files: list[str] = field(default_factory=list)
    disabled: bool = False


@dataclass(slots=True)
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)  # hidden ones, and those outside a question
    filled: dict[str, str] = field(default_factory=dict)  # what the questions hold already
    groups: list[Group] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    multipart: bool = False


class PageReader(HTMLParser):
    """``forms`` in order, and ``text`` of the page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.text = ""
        self._group: Group | None = None
        self._legend = False
        self._typed = ""  # the textarea we are in
        self.feed(html)

    def form(self, ending: str) -> Form | None:
        """The first form whose address ends so."""
        return next((f for f in self.forms if f.action.endswith(ending)), None)

    def shown(self) -> str:
        """The first words of the page, for somebody who wonders why it did not go on."""
        return " ".join(self.text.split())[:300]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(
                Form(given.get("action", ""), multipart="multipart" in given.get("enctype", ""))
            )
        elif tag in ("fieldset", "details") and "data-key" in given:
            self._open_group(given)
        elif tag == "legend":
            self._legend = True
        elif self.forms and "name" in given and "disabled" not in given and not self._closed():
            self._field(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("fieldset", "details") and self._group is not None:
            self._group = None
        elif tag == "legend":
            self._legend = False
        elif tag == "textarea":
            self._typed = ""

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._typed and data.strip():
            self.forms[-1].filled[self._typed] = data.strip()
        if self._legend and self._group is not None:
            self._group.text += data.strip()

    def _closed(self) -> bool:
        """Whether we are in a disabled fieldset: a browser sends nothing of it."""
        return self._group is not None and self._group.disabled

    def _open_group(self, given: dict[str, str]) -> None:
        if not self.forms:
            return
        bad = tuple(part for part in given.get("data-bad", "").split("|") if part)
        self._group = Group(given["data-key"], given.get("data-kind", ""), bad, disabled="disabled" in given)
        self.forms[-1].groups.append(self._group)

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form, group, name = self.forms[-1], self._group, given["name"]
        kind = given.get("type", "text") if tag == "input" else tag
        if kind in ("radio", "checkbox"):
            (group or form).choices.setdefault(name, []).append(given.get("value", "on"))
            if "checked" in given:
                form.filled[name] = given.get("value", "on")
        elif kind == "file":
            if group is not None:
                group.files.append(name)
        elif tag == "button":
            form.buttons.append((name, given.get("value", "")))
        elif kind == "hidden":
            form.fields[name] = given.get("value", "")
        elif group is not None:
            group.inputs[name] = given.get("type", "text") if tag == "input" else kind
            self._typed = name if tag == "textarea" else ""
            if given.get("value"):
                form.filled[name] = given["value"]
        else:
            form.fields[name] = given.get("value", "")
