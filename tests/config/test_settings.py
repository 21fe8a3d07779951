import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.config.settings import KEYS, ConfigError, Settings, as_toml, fields_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = "/project"


def test_every_key_is_a_setting_and_the_other_way_round() -> None:
    assert {key.replace("-", "_") for key in KEYS} == set(Settings._fields) - {"root", "source"}


def test_paths_are_relative_to_the_configuration() -> None:
    fields = fields_of({"rules": ["perf_rules/", "/abs"], "cache-dir": "../c"}, ROOT, "perfcheck.toml")
    assert fields == {"rules": ("/project/perf_rules", "/abs"), "cache_dir": "/c"}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("select", "PC1", 'select must be a list of strings, not "PC1"'),
        ("select", ["PC1", 3], 'select must be a list of strings, not ["PC1", 3]'),
        ("tier", "sure", 'tier must be one of "high", "medium", "heuristic", not "sure"'),
        ("tier", ["high"], 'tier must be one of "high", "medium", "heuristic", not ["high"]'),
        ("severity", True, 'severity must be one of "error", "warning", "info", not true'),
        ("jobs", 0, "jobs must be a whole number from 1 to 1024, not 0"),
        ("jobs", True, "jobs must be a whole number from 1 to 1024, not true"),
        pytest.param(
            "jobs",
            -(1 << 100_000),
            "jobs must be a whole number from 1 to 1024, not a huge number",
            id="huge",
        ),
        ("respect-gitignore", "yes", 'respect-gitignore must be true or false, not "yes"'),
        ("torch-version", "new", 'torch-version must be a version such as "2.4", not "new"'),
        ("torch-version", 2.4, 'torch-version must be a version such as "2.4", not 2.4'),
        ("cache-dir", "", 'cache-dir must be a path, not ""'),
        ("rules", "mine", 'rules must be a list of paths, not "mine"'),
        ("rules", ["a\0b"], 'rules must be a path, not ["a\\x00b"]'),
        ("per-file-ignores", ["PC1"], "per-file-ignores must be a table from patterns to lists of rules"),
        ("per-file-ignores", {"a": "PC1"}, "not a table"),
        ("output-format", "xml", 'output-format must be one of "text"'),
        ("exclude", {"a": 1}, "exclude must be a list of strings, not a table"),
    ],
)
def test_wrong_types_are_told_with_key_and_value(key: str, value: object, expected: str) -> None:
    with pytest.raises(ConfigError) as told:
        fields_of({key: value}, ROOT, "perfcheck.toml")
    assert str(told.value).startswith(f"perfcheck.toml: {key} must be ")
    assert expected in str(told.value)


@pytest.mark.parametrize(
    ("key", "meant"),
    [("selct", "select"), ("per_file_ignores", "per-file-ignores"), ("Tier", "tier"), ("rule", "rules")],
)
def test_unknown_keys_are_told_with_what_was_meant(key: str, meant: str) -> None:
    with pytest.raises(ConfigError) as told:
        fields_of({key: 1}, ROOT, "pyproject.toml: [tool.perfcheck]")
    assert (
        str(told.value) == f'pyproject.toml: [tool.perfcheck]: unknown key "{key}"; did you mean "{meant}"?'
    )


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as told:
        fields_of({"selct": [], "jobs": 3, "tier": "sure"}, ROOT, "perfcheck.toml")
    assert [line.partition(": ")[2][:11] for line in str(told.value).split("\n")] == [
        "unknown key",
        "tier must b",
    ]


def test_a_wrong_limit_of_a_budget_is_told_with_what_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"did you mean 'host-syncs'\?"):
        fields_of({"budget": {"train.py": {"host-sync": 0}}}, ROOT, "perfcheck.toml")


def test_an_unknown_key_like_no_other_is_told_with_all_keys() -> None:
    with pytest.raises(ConfigError, match="the keys are select, ignore, extend-select"):
        fields_of({"zzzzzzzz": 1}, ROOT, "perfcheck.toml")


def test_messages_hold_no_control_characters() -> None:
    with pytest.raises(ConfigError) as told:
        fields_of({"\x1b[31mred": 1}, ROOT, "perfcheck.toml")
    assert "\x1b" not in str(told.value)


words = st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=3).map(tuple)


@given(
    select=words,
    exclude=words,
    jobs=st.none() | st.integers(1, 64),
    ignores=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), words, max_size=2),
)
def test_shown_settings_read_back_as_they_are(
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    jobs: int | None,
    ignores: dict[str, tuple[str, ...]],
) -> None:
    settings = Settings(
        ROOT, select=select, exclude=exclude, jobs=jobs, per_file_ignores=tuple(ignores.items())
    )
    again = Settings(ROOT, **fields_of(tomllib.loads(as_toml(settings)), ROOT, "shown"))
    assert again == settings
