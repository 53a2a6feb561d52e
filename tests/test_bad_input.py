"""The clumsy operator and the attacker: each is refused in one Chinese sentence, and nothing is half-written."""

from __future__ import annotations

import re
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli import main
from bot.cli.serve import bind
from bot.core.db import Database
from bot.core.errors import Problem
from bot.migrations import migrate
from tests.inspection.lists import code

Suicha = Callable[..., tuple[int, str]]
SECRET = "hunter2-hunter2-hunter2"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "suicha.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.close()
    return path


@pytest.fixture
def here(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which somebody types commands, with a migrated database."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(migrated, tmp_path / "suicha.db")
    monkeypatch.setenv("SUICHA_DATABASE_URL", f"sqlite:///{tmp_path / 'suicha.db'}")
    monkeypatch.setenv("SUICHA_SECRET_KEY", SECRET)
    monkeypatch.setenv("SUICHA_AUDIT_SALT", SECRET)
    return tmp_path


@pytest.fixture
def suicha(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Suicha:
    """Run one command as the shell does; give its exit code and all it said."""
    monkeypatch.setattr(
        "bot.core.log.configure_logging", lambda **_: None
    )  # it would stay for the other tests

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["suicha", *words])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out + said.err

    return run


# -- settings ------------------------------------------------------------------------------------------

WRONG = [
    ("PORT", "abc", "SUICHA_PORT：应是整数"),
    ("PORT", "99999", "SUICHA_PORT：不能大于 65535"),
    ("SECRT_KEY", SECRET, "SUICHA_SECRT_KEY：没有这项设置，是不是 SUICHA_SECRET_KEY？"),
    ("WECOM__CORP_ID", "ww1", "SUICHA_WECOM__SECRET：没有设置"),
    ("WECOM__AES_KEY", "a" * 42, "SUICHA_WECOM__AES_KEY：EncodingAESKey 必须正好 43 个字符"),
    ("WECOM", SECRET, "SUICHA_WECOM：不能单独设置"),
    ("DINGTALK__CLIENT_IDX", "d", "是不是 SUICHA_DINGTALK__CLIENT_ID？"),
    ("DINGTALK__CA_BUNDLE", "/nowhere.pem", "SUICHA_DINGTALK__CA_BUNDLE：没有这个文件"),
    ("WECOM", "{corp_id", "SUICHA_WECOM：不能单独设置，请逐项填写"),
    ("LOG_LEVEL", "LOUD", "SUICHA_LOG_LEVEL：只能是 DEBUG、INFO、WARNING、ERROR"),
    ("PREFER", "weixin", "SUICHA_PREFER：只能是 wecom、dingtalk"),
    ("PUBLIC_URL", "suicha.example", "SUICHA_PUBLIC_URL：应是 https:// 开头的完整地址"),
    ("PUBLIC_URL", "http://[bad", "SUICHA_PUBLIC_URL：应是 https:// 开头的完整地址"),
    ("TICK_SECONDS", "0", "SUICHA_TICK_SECONDS：应大于 0"),
    ("SECRET_KEY", "short", "缺少设置 SUICHA_SECRET_KEY"),
    ("AUDIT_SALT", "", "缺少设置 SUICHA_AUDIT_SALT"),
    ("PROFILE", "ZZ", "没有名为“ZZ”的地方配置"),
    ("DATABASE_URL", "sqlite:////nowhere/suicha.db", "数据库打不开"),
    ("DATABASE_URL", f"postgresql+psycopg://u:{SECRET}@127.0.0.1:1/x", "Connection refused"),
    ("DATABASE_URL", f"postgresql+psycopg://u:{SECRET}@127.0.0.1:port/x", "数据库地址写法不对"),
    ("DATABASE_URL", f"what:{SECRET}@127", "数据库地址写法不对"),
    ("DATABASE_URL", f"mysql://u:{SECRET}@127.0.0.1/x", "不支持这种数据库"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "said"), WRONG, ids=[f"{n}={v[:12]}" for n, v, _ in WRONG])
def test_a_wrong_setting_is_named_and_its_value_kept(
    suicha: Suicha, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("SUICHA_PORT", str(free.getsockname()[1]))
    monkeypatch.setenv(f"SUICHA_{name}", value)

    exit_code, output = suicha("serve")

    assert exit_code == 2
    assert said in output
    assert "Traceback" not in output
    assert SECRET not in output


def test_a_typo_in_the_file_is_named_and_a_foreign_line_is_passed_over(suicha: Suicha, here: Path) -> None:
    (here / ".env").write_text("POSTGRES_PASSWORD=x\nTZ=Asia/Shanghai\nSUICHA_WECOM__CA_BUNDLE=\n")
    assert suicha("migrate")[0] == 0
    (here / ".env").write_text(f"SUICHA_SECRT_KEY={SECRET}\n")
    exit_code, output = suicha("migrate")
    assert (exit_code, "是不是 SUICHA_SECRET_KEY" in output, SECRET in output) == (2, True, False)
    (here / ".env").write_bytes("SUICHA_PROFILE=中".encode("gb18030"))
    assert suicha("migrate") == (2, "设置有误，请改好后再运行：\n  .env：应存为 UTF-8\n")


def test_a_taken_port_and_an_unknown_host_are_told_apart() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(Problem, match="占用"):
            bind("127.0.0.1", other.getsockname()[1])
    with pytest.raises(Problem, match="SUICHA_HOST"):
        bind("no such host", 0)


def test_an_authority_that_is_no_certificate_is_named(
    suicha: Suicha, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "ca.pem").write_text("garbage")
    monkeypatch.setenv("SUICHA_DINGTALK__CLIENT_ID", "d")
    monkeypatch.setenv("SUICHA_DINGTALK__CLIENT_SECRET", SECRET)
    monkeypatch.setenv("SUICHA_DINGTALK__CA_BUNDLE", "ca.pem")

    exit_code, output = suicha("doctor")

    assert exit_code == 1
    assert "SUICHA_DINGTALK__CA_BUNDLE" in output


BOMB = "a: &k0 [x, x]\n" + "".join(f"k{n}: &k{n} [*k{n - 1}, *k{n - 1}]\n" for n in range(1, 40))


# -- profile -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("profile: X\nname: x\nquiet: 1\n", "没有“quiet”这一项"),
        ("profile: X\nname: x\ndraw:\n  officers_min: many\n", "draw.officers_min"),
        ("a: [1\n", "不是可读的YAML文件"),
        ("- 1\n", "“名称: 值”的表"),
        (BOMB, "没有“a”这一项"),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_refused_by_its_line(
    suicha: Suicha, here: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    (here / "mine.yaml").write_text(text)
    monkeypatch.setenv("SUICHA_PROFILE", "mine.yaml")

    exit_code, output = suicha("audit", "tail")

    assert (exit_code, said in output) == (2, True), output


# -- database ------------------------------------------------------------------------------------------

COMMANDS = [
    "serve", "console-link", "audit verify", "audit tail", "audit export a.jsonl", "draw prepare X", "draw commit X",
    "draw reveal X/1", "draw lock X/abc", "draw export X out", "plan show X", "plan approve X", "import objects o.csv",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_without_tables_is_to_be_migrated(
    suicha: Suicha, here: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("SUICHA_DATABASE_URL", f"sqlite:///{here / 'empty.db'}")
    monkeypatch.setattr("bot.cli.serve.bind", lambda *_: socket.socket())

    exit_code, output = suicha(*command.split())

    assert (exit_code, "请先运行 suicha migrate" in output) == (2, True), output
    assert not [path.name for path in here.iterdir() if path.suffix == ".jsonl" or path.name == "out"]


@pytest.mark.parametrize("command", ["serve", "migrate", "audit verify", "plan show X"])
def test_a_database_of_a_newer_version_asks_for_the_newer_program(
    suicha: Suicha, here: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    with sqlite3.connect(here / "suicha.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    monkeypatch.setattr("bot.cli.serve.bind", lambda *_: socket.socket())

    exit_code, output = suicha(*command.split())

    assert (exit_code, "请先升级随查" in output) == (2, True), output
    assert "请升级随查" in suicha("doctor", "--offline")[1]


def test_a_file_that_is_no_database_is_said_to_be_none(
    suicha: Suicha, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "notes.txt").write_text("not a database at all" * 40)
    monkeypatch.setenv("SUICHA_DATABASE_URL", f"sqlite:///{here / 'notes.txt'}")
    exit_code, output = suicha("migrate")
    assert (exit_code, "file is not a database" in output) == (2, True)


# -- files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("a.xlsx", b"PK\x03\x04" + b"x" * 2000, "工作簿已损坏"),
        ("a.xlsx", "编号,名称\n".encode(), "请改名为 .csv"),
        ("a.csv", b"PK\x03\x04" + b"x" * 2000, "请把扩展名改为 .xlsx"),
        ("a.csv", b"", "文件是空的"),
        ("a.csv", "编号,名称\n".encode(), "只有表头"),
        ("a.csv", b"\0" * 4000, "不是文字表格"),
        ("a.csv", "编号,名称\n1,".encode() + b"x" * 200_000, "第2行读不下去"),
    ],
)
def test_a_broken_list_is_refused_whole(
    suicha: Suicha, here: Path, name: str, body: bytes, said: str
) -> None:
    (here / name).write_bytes(body)

    exit_code, output = suicha("import", "objects", name)

    assert (exit_code, said in output) == (2, True), output
    with sqlite3.connect(here / "suicha.db") as database:
        assert database.execute("SELECT count(*) FROM inspectionobject").fetchone() == (0,)
    database.close()


def test_a_file_of_a_gigabyte_is_refused_before_it_is_read(suicha: Suicha, here: Path) -> None:
    with (here / "big.csv").open("wb") as file:
        file.truncate(1 << 30)
    exit_code, output = suicha("import", "objects", "big.csv")
    assert (exit_code, "文件太大" in output) == (2, True)
    (here / "folder.csv").mkdir()
    assert "这不是文件" in suicha("import", "objects", "folder.csv")[1]
    assert "找不到文件" in suicha("import", "objects", "none.csv")[1]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_lists_in_the_encodings_met_in_china_come_in(suicha: Suicha, here: Path, encoding: str) -> None:
    (here / "a.csv").write_text(f"编号,名称\n{code(1)},甲\n", encoding=encoding)
    exit_code, output = suicha("import", "objects", "a.csv")
    assert (exit_code, "新增 1" in output) == (0, True), output


def test_the_rejects_go_to_a_place_that_can_take_them_and_never_over_the_list(
    suicha: Suicha, here: Path
) -> None:
    (here / "a.csv").write_text("编号,名称\nbad,甲\n")
    for place in ("none/r.csv", ".", "a.csv"):
        exit_code, output = suicha("import", "objects", "a.csv", "--rejects", place)
        assert (exit_code, "--rejects" in output) == (2, True), output
    assert (here / "a.csv").read_text() == "编号,名称\nbad,甲\n"


def test_exports_and_bundles_that_cannot_be_are_refused(suicha: Suicha, here: Path) -> None:
    (here / "file").write_text("x")
    (here / "garbage").mkdir()
    (here / "garbage" / "draw.json").write_bytes(b"\xff\x00{")
    assert suicha("audit", "export", "none/a.jsonl") == (2, "没有这个文件夹，请先建立。（文件夹：none）\n")
    assert suicha("verify", "none")[0] == 2
    assert suicha("verify", "file")[0] == 2
    assert suicha("verify", "garbage")[0] == 1
    exit_code, output = suicha("draw", "lock", "X/abc")
    assert (exit_code, "没有这个任务" in output) == (2, True)


# -- words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nosuch", "没有“nosuch”这个命令"), ("import objects", "缺少参数“文件”"), ("serve --port abc", "应是数字"),
        ("serve --port 99999", "不能大于 65535"), ("serve --foo", "没有 --foo 这个选项"), ("serve a", "多出了参数：a"),
        ("audit tail -n 0", "不能小于 1"),
    ],
)  # fmt: skip
def test_a_mistyped_command_is_answered_in_chinese(suicha: Suicha, words: str, said: str) -> None:
    exit_code, output = suicha(*words.split())
    assert (exit_code, said in output) == (2, True), output


@pytest.mark.parametrize(
    "command",
    ["serve", "demo", "migrate", "doctor", "console-link", "verify", "import objects", "plan import", "draw lock",
     "audit export"],
)  # fmt: skip
def test_every_command_explains_itself_with_an_example(suicha: Suicha, command: str) -> None:
    exit_code, output = suicha(*command.split(), "--help")
    assert exit_code == 0
    assert "例：suicha" in output
    assert not re.search(r"Show this message|Usage:|OPTIONS", output)


@pytest.mark.parametrize("group", ["", "draw", "import"])
def test_help_loses_no_word_in_a_narrow_window(
    suicha: Suicha, monkeypatch: pytest.MonkeyPatch, group: str
) -> None:
    """Bug: Chinese has no spaces, so a sentence wider than its column ended in 「…」."""
    monkeypatch.setenv("COLUMNS", "60")
    exit_code, output = suicha(*group.split(), "--help")
    assert exit_code == 0
    assert "…" not in output
