"""A client that speaks with the server over standard input and output, as an editor does."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from tests.cli.command import ROOT

PATIENCE = 60  # seconds


class Editor(LanguageClient):
    """Keeps what the server publishes."""

    def __init__(self, root: Path) -> None:
        super().__init__("editor", "1")
        self.root = root
        self.published: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()
        self.messages: asyncio.Queue[types.ShowMessageParams] = asyncio.Queue()

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def open(self, name: str, text: str) -> None:
        document = types.TextDocumentItem(self.uri(name), "python", 1, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(document))

    def change(self, name: str, version: int, text: str) -> None:
        document = types.VersionedTextDocumentIdentifier(version, self.uri(name))
        whole = types.TextDocumentContentChangeWholeDocument(text)
        self.text_document_did_change(types.DidChangeTextDocumentParams(document, [whole]))

    async def diagnostics(self, version: int | None = None) -> list[types.Diagnostic]:
        """What is published next, for this version of the document."""
        while True:
            told = await asyncio.wait_for(self.published.get(), PATIENCE)
            if version is None or told.version == version:
                return list(told.diagnostics)

    async def hover(self, name: str, line: int, character: int) -> str | None:
        document = types.TextDocumentIdentifier(self.uri(name))
        found = await self.text_document_hover_async(
            types.HoverParams(document, types.Position(line, character))
        )
        if found is None:
            return None
        assert isinstance(found.contents, types.MarkupContent)
        return found.contents.value

    async def actions(self, name: str, where: types.Range) -> list[types.CodeAction]:
        document = types.TextDocumentIdentifier(self.uri(name))
        found = await self.text_document_code_action_async(
            types.CodeActionParams(document, where, types.CodeActionContext([]))
        )
        return [action for action in found or () if isinstance(action, types.CodeAction)]


@asynccontextmanager
async def editor(
    root: Path,
    encodings: list[types.PositionEncodingKind] | None = None,
) -> AsyncIterator[Editor]:
    client = Editor(root)

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def published(params: types.PublishDiagnosticsParams) -> None:
        client.published.put_nowait(params)

    @client.feature(types.WINDOW_SHOW_MESSAGE)
    def told(params: types.ShowMessageParams) -> None:
        client.messages.put_nowait(params)

    await client.start_io(sys.executable, "-m", "perfcheck", "server", cwd=ROOT)
    general = types.GeneralClientCapabilities(position_encodings=encodings)
    await client.initialize_async(
        types.InitializeParams(capabilities=types.ClientCapabilities(general=general), root_uri=root.as_uri())
    )
    client.initialized(types.InitializedParams())
    try:
        yield client
    finally:
        await client.shutdown_async(None)
        client.exit(None)
        await client.stop()  # type: ignore[no-untyped-call]
