"""A checklist as an XLSForm workbook, to be changed in Excel and read back by ``xlsform``."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import xlsxwriter

from bot.inspection.checklists.definition import Checklist, Question, QuestionType

_SURVEY = (
    "type", "name", "label", "required", "relevant", "constraint", "appearance", "repeat_count", "guidance_hint", "star",
    "section", "unit", "good", "codes", "action", "needs", "bad_text", "bad_options", "article", "points", "photos_min",
    "reading_type", "reading_label", "reading_unit", "reading_min", "reading_max", "reading_required_on",
)  # fmt: skip
_TYPES = {
    QuestionType.TEXT: "text", QuestionType.DATE: "date", QuestionType.PHOTO: "image", QuestionType.SIGNATURE: "image",
    QuestionType.PLACE: "geopoint", QuestionType.SCAN: "barcode",
}  # fmt: skip


def write_xlsform(checklist: Checklist, path: Path) -> None:
    """Write *checklist* so that ``read_xlsform`` gives the same document again."""
    survey, choices = _survey(checklist), _choices(checklist)
    settings = {
        "form_title": checklist.name, "form_id": checklist.code, "version": str(checklist.version), "field": checklist.field,
        "items": "|".join(checklist.items), "basis": "|".join(checklist.basis),
    }  # fmt: skip
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        head = book.add_format({"bold": True, "bg_color": "#E8F1FA"})
        for name, columns, rows in (
            ("survey", _SURVEY, survey), ("choices", ("list_name", "name", "label"), choices),
            ("settings", tuple(settings), [settings]),
        ):  # fmt: skip
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for column, title in enumerate(columns):
                sheet.write_string(0, column, title, head)
                sheet.set_column(column, column, 48 if title in {"label", "article", "guidance_hint"} else 14)
                for row, cells in enumerate(rows, start=1):
                    if cells.get(title):
                        sheet.write_string(row, column, cells[title])


def _survey(checklist: Checklist) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for repeat, group in groupby(checklist.questions, key=lambda question: question.repeat):
        if repeat:
            count = f"${{{_name(repeat)}}}"
            rows.append(
                {"type": "begin_repeat", "name": f"group-{repeat}", "label": "重复", "repeat_count": count}
            )
        rows += [_row(checklist, question) for question in group]
        if repeat:
            rows.append({"type": "end_repeat", "name": f"group-{repeat}"})
    return rows


def _row(checklist: Checklist, q: Question) -> dict[str, str]:
    bad, reading = q.on_bad, q.reading
    return {
        "type": _type(q),
        "name": _name(q.key),
        "label": q.text,
        "required": "yes" if q.required else "",
        "relevant": " and ".join(_condition(checklist, key, value) for key, value in q.when.items()),
        "constraint": " and ".join(
            f". {sign} {value:g}" for sign, value in ((">=", q.min), ("<=", q.max)) if value is not None
        ),
        "appearance": "signature" if q.type is QuestionType.SIGNATURE else "new" if q.camera else "",
        "guidance_hint": q.guidance,
        "star": "yes" if q.starred else "",
        "section": q.section,
        "unit": q.unit,
        "good": q.good if q.is_verdict else "",
        "codes": ("|".join(bad.codes) or "-") if bad else "",
        "action": bad.action.value if bad else "",
        "needs": ("|".join(bad.needs) or "-") if bad else "",
        "bad_text": bad.text if bad else "",
        "bad_options": "|".join(q.bad_options),
        "article": q.article,
        "points": f"{q.points:g}" if q.points is not None else "",
        "photos_min": str(q.photos_min) if q.photos_min > 1 else "",
        **({f"reading_{name}": value for name, value in _reading(reading).items()} if reading else {}),
    }


def _reading(reading: Any) -> dict[str, str]:
    return {
        "type": reading.type.value,
        "label": reading.text,
        "unit": reading.unit,
        "min": f"{reading.min:g}" if reading.min is not None else "",
        "max": f"{reading.max:g}" if reading.max is not None else "",
        "required_on": "|".join(reading.required_on),
    }


def _type(question: Question) -> str:
    if question.type is QuestionType.NUMBER:
        return "integer" if question.whole else "decimal"
    if question.choices:
        return f"select_{'multiple' if question.type is QuestionType.MULTI else 'one'} {_list(question)}"
    return _TYPES[question.type]


def _list(question: Question) -> str:
    return {QuestionType.YN: "yn", QuestionType.YNA: "yna"}.get(question.type, f"list-{question.key}")


def _choices(checklist: Checklist) -> list[dict[str, str]]:
    lists = {_list(question): question.choices for question in checklist.questions if question.choices}
    return [
        {"list_name": name, "name": f"c{number}", "label": label}
        for name, labels in lists.items()
        for number, label in enumerate(labels, start=1)
    ]


def _condition(checklist: Checklist, key: str, value: str) -> str:
    other = checklist.question(key)
    choice = f"c{other.choices.index(value) + 1}" if value in other.choices else value
    if other.type is QuestionType.MULTI:
        return f"selected(${{{_name(key)}}}, '{choice}')"
    return f"${{{_name(key)}}} = '{choice}'"


def _name(key: str) -> str:
    return f"q{key}" if key[0].isdigit() else key
