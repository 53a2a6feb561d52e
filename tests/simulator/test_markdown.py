"""Markdown as the phones show it, as safe HTML."""

from __future__ import annotations

import pytest

from bot.simulator.markdown import one_line, to_html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# 题\n正文", "<h3>题</h3><p>正文</p>"),
        ("一\n二\n\n三", "<p>一<br>二</p><p>三</p>"),
        ("- 甲\n- **乙**", "<ul><li>甲</li><li><strong>乙</strong></li></ul>"),
        ("1. 甲\n2. 乙", "<ol><li>甲</li><li>乙</li></ol>"),
        ("> 引\n> 用", "<blockquote>引<br>用</blockquote>"),
        ("甲\n---\n乙", "<p>甲</p><hr><p>乙</p>"),
        ("`a<b`", "<p><code>a&lt;b</code></p>"),
        (r"\*\*不粗\*\* \[x\]\<b\>", "<p>**不粗** [x]&lt;b&gt;</p>"),
        (r"\# 不是题", "<p># 不是题</p>"),
        ('<font color="warning">急</font>', '<p><span class="warn">急</span></p>'),
        ("2 * 3 * 4", "<p>2 * 3 * 4</p>"),
        ("<b onclick=x>", "<p>&lt;b onclick=x&gt;</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("[x](data:text/html,1)", "<p>[x](data:text/html,1)</p>"),
        ("", ""),
    ],
)
def test_markdown_becomes_safe_html(text: str, html: str) -> None:
    assert to_html(text) == html


def test_a_list_shows_the_words_without_marks() -> None:
    assert one_line("## 今天\n- **两次**检查 [看](https://a.cn/)\n- 一<b>") == "今天 两次检查 看 一<b>"


@pytest.mark.parametrize(
    ("text", "url", "label"),
    [
        ("[去填](https://a.cn/f?x=1&y=2#z)", "https://a.cn/f?x=1&amp;y=2#z", "去填"),
        ("见 http://127.0.0.1:8080/f/abc_d**e。", "http://127.0.0.1:8080/f/abc_d**e", None),
        ('<a href="https://a.cn/">去</a>', "https://a.cn/", "去"),
        ('[x](https://a.cn/"onclick=y)', "https://a.cn/", None),
        (r"**[看\]懂](https://a.cn/)**", "https://a.cn/", "看]懂"),
    ],
)
def test_links_lead_to_the_web(text: str, url: str, label: str | None) -> None:
    link = f'<a href="{url}" target="_blank" rel="noopener noreferrer">{label or url}</a>'
    assert link in to_html(text)


def test_a_blank_line_between_items_leaves_the_list_open() -> None:
    assert to_html("1. 一\n\n2. 二\n\n完") == "<ol><li>一</li><li>二</li></ol><p>完</p>"


def test_a_table_is_one_only_where_the_phone_shows_it() -> None:
    text = "前\n| 企业 | 状态 |\n| :-- | :-: |\n| **甲厂** | <b> |\n后"
    rows = "<tr><td>企业</td><td>状态</td></tr><tr><td><strong>甲厂</strong></td><td>&lt;b&gt;</td></tr>"
    assert to_html(text, tables=True) == f"<p>前</p><table>{rows}</table><p>后</p>"
    assert "<table>" not in to_html(text)
