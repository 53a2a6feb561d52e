"""Forms inside a card: what is asked fits into its variable, what was typed comes as lists of texts."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.base import ErrorClass, PlatformError
from bot.platforms.dingtalk.forms import VALUE_BYTES, Field, FieldType, form_variable, submitted
from bot.platforms.dingtalk.inbound import card_event

VERDICT = Field(
    "extinguisher", "灭火器", FieldType.SELECT, required=True, options=(("ok", "合格"), ("bad", "不合格"))
)
NOTE = Field("note", "说明", FieldType.TEXT_AREA)


def test_a_form_has_the_shape_of_the_sheet() -> None:
    assert json.loads(form_variable([VERDICT, NOTE])) == {
        "fields": [
            {
                "name": "extinguisher", "label": "灭火器", "type": "SELECT", "required": True,
                "options": [{"value": "ok", "text": "合格"}, {"value": "bad", "text": "不合格"}],
            },
            {"name": "note", "label": "说明", "type": "TEXT_AREA"},
        ]
    }  # fmt: skip


@pytest.mark.parametrize(
    "fields",
    [
        [], [NOTE, NOTE], [NOTE] * 6, [Field("", "无名")], [Field("a", "选", FieldType.SELECT)],
        [Field("a", "填", options=(("x", "y"),))], [Field("a", "长" * VALUE_BYTES)],
    ],
)  # fmt: skip
def test_a_form_no_card_can_show_is_refused(fields: list[Field]) -> None:
    with pytest.raises(PlatformError) as refused:
        form_variable(fields)
    assert refused.value.cls is ErrorClass.BUG


@pytest.mark.parametrize(
    ("given_value", "wanted"),
    [
        ("好", ["好"]), (3, ["3"]), (True, ["true"]), ("", []), (None, []), (["a", "b"], ["a", "b"]),
        ({"index": 0, "value": "ok"}, ["ok"]), ({"index": [0, 2], "value": ["a", "c"]}, ["a", "c"]), ({}, []),
    ],
)  # fmt: skip
def test_whatever_shape_an_answer_has_it_is_a_list_of_texts(given_value: Any, wanted: list[str]) -> None:
    assert submitted({"form": {"q": given_value}}) == {"q": wanted}


@pytest.mark.parametrize("beside", [True, False])
def test_a_submitted_form_comes_with_the_press_wherever_its_parameters_stand(beside: bool) -> None:
    params = {"form": {"extinguisher": {"index": 1, "value": "bad"}, "note": "压力不足"}}
    private = {"actionIds": ["form"], **({} if beside else {"params": params})}
    content = {"cardPrivateData": private, **({"params": params} if beside else {})}
    data = {"outTrackId": "visit-7", "userId": "u1001", "content": json.dumps(content)}
    event = card_event(data, event_id="e", at=dt.datetime(2026, 3, 10, tzinfo=dt.UTC))
    assert (event.action, event.raw["selected"]) == ("form", {"extinguisher": ["bad"], "note": ["压力不足"]})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "index", "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values))
def test_any_answer_is_read_as_texts(form: dict[str, Any]) -> None:
    found = submitted({"form": form})
    assert set(found) == set(form)
    assert all(isinstance(text, str) for texts in found.values() for text in texts)
