"""The server as an editor meets it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pygls")

from lsprotocol import types

from perfcheck.cli.rule import markdown
from perfcheck.rulebook.book import load_rules
from tests.cli.command import ROOT, environment, perfcheck, write
from tests.gate.programs import AGAIN, MENDED, TRAIN
from tests.server.editor import editor


def applied(text: str, action: types.CodeAction) -> str:
    """The text with an action's edits, each within a line, of ASCII characters here."""
    assert action.edit is not None and action.edit.changes is not None
    (edits,) = action.edit.changes.values()
    rows = text.split("\n")
    for edit in sorted(edits, key=lambda edit: (-edit.range.start.line, -edit.range.start.character)):
        start, end = edit.range.start, edit.range.end
        assert start.line == end.line
        row = rows[start.line]
        rows[start.line] = row[: start.character] + edit.new_text + row[end.character :]
    return "\n".join(rows)


def test_what_is_typed_is_checked_unsaved(tmp_path: Path) -> None:
    write(tmp_path, {"pyproject.toml": "", "train.py": MENDED})

    async def typing() -> None:
        async with editor(tmp_path) as client:
            client.open("train.py", MENDED)
            assert await client.diagnostics(1) == []
            client.change("train.py", 2, AGAIN)
            (found,) = await client.diagnostics(2)
            assert (found.code, found.source, found.severity) == ("PC101", "perfcheck", 1)
            assert found.range == types.Range(types.Position(9, 14), types.Position(9, 25))
            assert found.code_description is not None and "item-in-hot-loop" in found.code_description.href
            (other,) = found.related_information or ()
            assert other.location.range.start == types.Position(10, 12)
            client.change("train.py", 3, TRAIN + "def (:\n")
            (broken,) = await client.diagnostics(3)
            assert broken.code == "not-linted" and broken.range.start.line == 10
            client.change("train.py", 4, MENDED)
            assert await client.diagnostics(4) == []
            document = types.TextDocumentIdentifier(client.uri("train.py"))
            client.text_document_did_close(types.DidCloseTextDocumentParams(document))
            assert await client.diagnostics() == []

    asyncio.run(typing())
    assert (tmp_path / "train.py").read_text() == MENDED
    kept = [path for path in (tmp_path / ".perfcheck_cache").rglob("*") if len(path.name) == 38]
    assert len(kept) == 1, "the rules, but nothing for each keystroke"


def test_hovering_shows_the_page_and_an_action_silences_with_a_reason(tmp_path: Path) -> None:
    rule = next(rule for rule in load_rules() if rule.code == "PC101")

    async def asking() -> None:
        async with editor(tmp_path) as client:
            client.open("train.py", TRAIN)
            (found,) = await client.diagnostics(1)
            assert await client.hover("train.py", 9, 16) == markdown(rule)
            assert await client.hover("train.py", 0, 0) is None
            fix, silence = await client.actions("train.py", found.range)
            assert (
                fix.title.startswith("PC101: ") and fix.title.endswith(" (unsafe)") and not fix.is_preferred
            )
            assert silence.title == "PC101: silence it here, with a reason"
            silenced = applied(TRAIN, silence)
            assert "print(loss.item())  # perfcheck: ignore[PC101] reason\n" in silenced
            client.change("train.py", 2, silenced)
            assert await client.diagnostics(2) == []

    asyncio.run(asking())


def test_a_quick_fix_does_what_the_command_does(tmp_path: Path) -> None:
    copied = TRAIN.replace("print(loss.item())", 'table = torch.arange(len(x)).to("cuda")')
    write(tmp_path, {"train.py": copied})

    async def asking() -> str:
        async with editor(tmp_path) as client:
            client.open("train.py", copied)
            (found,) = await client.diagnostics(1)
            fix, _ = await client.actions("train.py", found.range)
            assert fix.is_preferred
            return applied(copied, fix)

    mended = asyncio.run(asking())
    assert perfcheck("lint", "--fix", "--quiet", "train.py", cwd=tmp_path).code == 0
    assert (tmp_path / "train.py").read_text() == mended != copied


@pytest.mark.parametrize("encoding", list(types.PositionEncodingKind))
def test_characters_are_counted_as_the_client_counts_them(
    tmp_path: Path, encoding: types.PositionEncodingKind
) -> None:
    strange = TRAIN.replace("        print(", '        s = "é😀\x0c"; print(')
    row = strange.split("\n")[9]
    begin = row[: row.index("loss.item")]
    units = {
        "utf-8": len(begin.encode()),
        "utf-16": len(begin.encode("utf-16-le")) // 2,
        "utf-32": len(begin),
    }

    async def asking() -> None:
        async with editor(tmp_path, [encoding]) as client:
            client.open("train.py", strange)
            (found,) = await client.diagnostics(1)
            assert found.range.start == types.Position(9, units[encoding.value])

    asyncio.run(asking())


def test_settings_baseline_and_excludes_hold_and_their_troubles_are_told_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "pyproject.toml": '[tool.perfcheck]\nbaseline = "known.json"\nextend-exclude = ["old/"]\n',
            "train.py": TRAIN,
        },
    )

    async def asking() -> None:
        async with editor(tmp_path) as client:
            client.open("train.py", TRAIN)
            told = await asyncio.wait_for(client.messages.get(), 60)
            assert told.message.startswith("perfcheck: ") and "there is no such baseline" in told.message
            made = perfcheck("lint", "--write-baseline", "known.json", cwd=tmp_path)
            assert made.code == 0
            client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([]))
            assert await client.diagnostics(1) == []
            client.change("train.py", 2, AGAIN)
            (found,) = await client.diagnostics(2)
            assert found.range.start.line == 10
            client.open("old/train.py", TRAIN)
            assert await client.diagnostics(1) == []

    asyncio.run(asking())


def message(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def test_nonsense_is_answered_and_survived(tmp_path: Path) -> None:
    initialize = b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}'
    nonsense = [
        b"GET / HTTP/1.1\r\n",
        message(b"{"),
        message(b"\xff\xfe"),
        message(b"[]"),
        message(b'"text"'),
        message(b'{"jsonrpc": "2.0"}'),
        message(initialize),
        message(b'{"jsonrpc": "2.0", "id": 2, "method": "textDocument/hover", "params": {"where": 1}}'),
        message(b'{"jsonrpc": "2.0", "id": 3, "method": "unheard/of", "params": null}'),
        message(
            b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params":'
            b' {"textDocument": {"uri": "nowhere:", "languageId": "python", "version": 1, "text": "x = 1"}}}'
        ),
        message(
            b'{"jsonrpc": "2.0", "id": 4, "method": "textDocument/hover", "params":'
            b' {"textDocument": {"uri": "file:///never/seen.py"}, "position": {"line": 99, "character": 99}}}'
        ),
        message(b'{"jsonrpc": "2.0", "id": 5, "method": "shutdown"}'),
        message(b'{"jsonrpc": "2.0", "method": "exit"}'),
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "perfcheck", "server"],
        input=b"".join(nonsense),
        cwd=tmp_path,
        env=environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        timeout=120,
        check=False,
    )
    answers = ran.stdout.decode()
    assert ran.returncode == 0, ran
    assert '"id":5' in answers.replace(" ", "") and '"capabilities"' in answers
    assert "Method not found" in answers or "-32601" in answers
    assert "Traceback" not in ran.stderr.decode()


def test_without_pygls_the_remedy_is_told(tmp_path: Path) -> None:
    write(tmp_path, {"pygls/__init__.py": "raise ModuleNotFoundError('no', name='pygls')\n"})
    ran = perfcheck("server", cwd=tmp_path, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert (ran.code, ran.err) == (2, "perfcheck: server needs pygls: pip install 'perfcheck[server]'\n")
