import re
import sys
from pathlib import Path

from perfcheck.config.settings import KEYS, Settings, fields_of
from tests.cli.command import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_the_documented_configuration_is_one_and_names_every_key(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    table = tomllib.loads(example)["tool"]["perfcheck"]
    settings = Settings("/w", **fields_of(table, "/w", "docs"))
    assert settings.tier == Settings("/w").tier
    assert set(KEYS) - set(table) == {"exclude"}
    assert "`exclude`" in page
