"""The features of the language server, as pygls has them registered.

https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/
"""

import asyncio
import logging
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.workspace import TextDocument

from perfcheck import __version__
from perfcheck.cli.linting import Outcome
from perfcheck.cli.output import InternalError
from perfcheck.cli.rule import markdown
from perfcheck.config.settings import ConfigError
from perfcheck.findings import Edit, Finding, LintResult, Place, Severity
from perfcheck.gate.baseline import BaselineError
from perfcheck.server.checking import Checker
from perfcheck.server.suppressing import REASON, silencing

_SEVERITIES: Final[dict[Severity, types.DiagnosticSeverity]] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
}


_NEWLINE: Final = re.compile("\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class _Checked:
    """What was found in one state of a document."""

    document: TextDocument
    version: int | None
    lines: list[str]  # as the protocol and Python count them; pygls' own end at form feeds too
    outcome: Outcome

    def range(self, place: Place) -> types.Range:
        """Lines and characters from 0, characters as the client counts them."""
        begin = types.Position(place.line - 1, place.column - 1)
        end = types.Position(place.end_line - 1, place.end_column - 1)
        return self.document.position_codec.range_to_client_units(self.lines, types.Range(begin, end))

    def touched(self, where: types.Range) -> list[Finding]:
        """The findings with a place that a range of the client's touches."""
        wanted = self.document.position_codec.range_from_client_units(self.lines, where)
        begin = (wanted.start.line + 1, wanted.start.character + 1)
        end = (wanted.end.line + 1, wanted.end.character + 1)
        return [
            finding
            for finding in self.outcome.result.findings
            if any(
                (place.line, place.column) <= end and begin <= (place.end_line, place.end_column)
                for place in finding.all_places
            )
        ]

    def diagnostics(self) -> list[types.Diagnostic]:
        found = [self.diagnostic(finding) for finding in self.outcome.result.findings]
        for error in self.outcome.result.errors:
            line = min(error.line, len(self.lines))
            place = Place(line, 1, line, len(self.lines[line - 1]) + 1)
            found.append(
                types.Diagnostic(
                    self.range(place),
                    error.message,
                    severity=types.DiagnosticSeverity.Error,
                    code="not-linted",
                    source="perfcheck",
                )
            )
        return found

    def diagnostic(self, finding: Finding) -> types.Diagnostic:
        uri = self.document.uri
        return types.Diagnostic(
            self.range(finding.place),
            f"{finding.message}\n{finding.help}",
            severity=_SEVERITIES[finding.severity],
            code=finding.rule,
            code_description=types.CodeDescription(finding.url),
            source="perfcheck",
            related_information=[
                types.DiagnosticRelatedInformation(types.Location(uri, self.range(place)), "the same cause")
                for place in finding.places
            ],
        )

    def actions(self, finding: Finding) -> Iterator[types.CodeAction]:
        fix = finding.fix
        if fix is not None and fix.edits:
            unsafe = "" if fix.safety == "safe" else " (unsafe)"
            yield self._action(finding, f"{fix.message}{unsafe}", fix.edits, preferred=fix.safety == "safe")
        silenced = silencing(finding, "\n".join(self.lines))
        if silenced is not None:
            yield self._action(finding, f"silence it here, with a {REASON}", (silenced,), preferred=False)

    def _action(
        self, finding: Finding, title: str, edits: tuple[Edit, ...], *, preferred: bool
    ) -> types.CodeAction:
        changes = [types.TextEdit(self.range(edit.place), edit.content) for edit in edits]
        return types.CodeAction(
            f"{finding.rule}: {title}",
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[self.diagnostic(finding)],
            is_preferred=preferred,
            edit=types.WorkspaceEdit(changes={self.document.uri: changes}),
        )


class _Server(LanguageServer):
    """Checks one document at a time, on a thread of its own, the newest state of it only."""

    def __init__(self) -> None:
        # Whole texts with each change: where pygls patches them, it takes form feeds for line ends.
        super().__init__("perfcheck", f"v{__version__}", types.TextDocumentSyncKind.Full)
        self.checker = Checker()
        self.checked: dict[str, _Checked] = {}  # by URI
        self._worker = ThreadPoolExecutor(1, "perfcheck")
        self._told: set[str] = set()  # troubles, each once

    async def check(self, uri: str) -> None:
        """Check a document as it is now, and publish what is found, unless it changes meanwhile."""
        document = self.workspace.get_text_document(uri)
        if not document.path.endswith((".py", ".pyi")):
            return  # cells of notebooks are linted by `perfcheck lint`
        version = document.version
        text = document.source

        def newest() -> Outcome | None:
            now = self.workspace.text_documents.get(uri)
            if now is None or now.version != version:
                return None
            return self.checker.check(text, os.path.abspath(document.path))

        try:
            outcome = await asyncio.get_running_loop().run_in_executor(self._worker, newest)
        except (ConfigError, BaselineError, InternalError) as error:
            self._tell(str(error))
            return
        if outcome is None:
            return
        now = self.workspace.text_documents.get(uri)
        if now is None or now.version != version:
            return
        checked = self.checked[uri] = _Checked(document, version, _NEWLINE.split(text), outcome)
        self.text_document_publish_diagnostics(
            types.PublishDiagnosticsParams(uri, checked.diagnostics(), version)
        )

    async def check_all(self) -> None:
        """Settings or rules have changed."""
        self.checker.forget()
        self._told.clear()
        for uri in list(self.workspace.text_documents):
            await self.check(uri)

    def _tell(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self.window_show_message(
                types.ShowMessageParams(types.MessageType.Error, f"perfcheck: {message}")
            )

    def current(self, uri: str) -> _Checked | None:
        """What was found in a document, if it is still as it was then."""
        known = self.checked.get(uri)
        return known if known is not None and known.version == known.document.version else None


def serve() -> None:
    """Speak over standard input and output until the editor says that it is enough."""
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # what it makes of nonsense is answered, not logged
    with os.fdopen(os.dup(0), "rb") as requests, os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # whatever else is printed does not get among the answers
        made().start_io(requests, answers)


def made() -> _Server:
    """A server with its features."""
    server = _Server()

    @server.feature(types.INITIALIZED)
    def initialized(ls: _Server, params: types.InitializedParams) -> None:
        if ls.workspace.root_path and os.path.isdir(ls.workspace.root_path):
            os.chdir(ls.workspace.root_path)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(ls: _Server, params: types.DidOpenTextDocumentParams) -> None:
        await ls.check(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(ls: _Server, params: types.DidChangeTextDocumentParams) -> None:
        await ls.check(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(ls: _Server, params: types.DidSaveTextDocumentParams) -> None:
        if params.text_document.uri.endswith((".py", ".pyi")):
            await ls.check(params.text_document.uri)
        else:  # perhaps a configuration or a rule
            await ls.check_all()

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(ls: _Server, params: types.DidCloseTextDocumentParams) -> None:
        ls.checked.pop(params.text_document.uri, None)
        ls.text_document_publish_diagnostics(types.PublishDiagnosticsParams(params.text_document.uri, []))

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def changed_on_disk(ls: _Server, params: types.DidChangeWatchedFilesParams) -> None:
        await ls.check_all()

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configured(ls: _Server, params: types.DidChangeConfigurationParams) -> None:
        await ls.check_all()

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(ls: _Server, params: types.HoverParams) -> types.Hover | None:
        checked = ls.current(params.text_document.uri)
        if checked is None:
            return None
        found = checked.touched(types.Range(params.position, params.position))
        rules = [rule for each in found if (rule := checked.outcome.rules.get(each.rule)) is not None]
        if not rules:
            return None
        pages = "\n\n---\n\n".join(markdown(rule) for rule in dict.fromkeys(rules))
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, pages))

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix]),
    )
    def actions(ls: _Server, params: types.CodeActionParams) -> list[types.CodeAction]:
        checked = ls.current(params.text_document.uri)
        if checked is None:
            return []
        touched = LintResult(tuple(checked.touched(params.range)))
        if any(each.fix for each in touched.findings):
            from perfcheck.fix.rounds import with_edits  # libcst, not before a fix is wanted

            touched = with_edits(touched, checked.outcome.sources)
        return [action for each in touched.findings for action in checked.actions(each)]

    return server
