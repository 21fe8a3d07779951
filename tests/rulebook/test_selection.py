import pytest

from perfcheck.findings import Confidence
from perfcheck.rulebook.page import parse_page
from perfcheck.rulebook.rule import Rule
from perfcheck.rulebook.selection import SelectionError, matches, nearest, select
from tests.rulebook.pages import page_named


def rule(code: str, category: str, name: str, confidence: Confidence = "high") -> Rule:
    text = page_named(code, name).replace('confidence = "high"', f'confidence = "{confidence}"')
    return parse_page(f"/rules/{category}/{name}.md", text, built_in=False)


RULES = (
    rule("PC101", "sync", "item"),
    rule("PC102", "sync", "cast", "medium"),
    rule("PC111", "sync", "slice", "heuristic"),
    rule("PC201", "transfer", "copy"),
    rule("PC1001", "distributed", "gather"),
    rule("PCT101", "transformers", "cache", "heuristic"),
    rule("MY101", "mine", "own"),
)


def codes(**options: object) -> list[str]:
    return [rule.code for rule in select(RULES, **options)]  # type: ignore[arg-type]


def test_everything_in_the_tier_by_default() -> None:
    assert codes() == ["PC101", "PC102", "PC201", "PC1001", "MY101"]
    assert codes(tier="high") == ["PC101", "PC201", "PC1001", "MY101"]
    assert codes(tier="heuristic") == [rule.code for rule in RULES]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("PC101", ["PC101"]),
        ("item", ["PC101"]),
        ("PC1", ["PC101", "PC102"]),
        ("PC10", ["PC1001"]),
        ("PC", ["PC101", "PC102", "PC201", "PC1001"]),
        ("sync", ["PC101", "PC102"]),
        ("MY", ["MY101"]),
        ("ALL", ["PC101", "PC102", "PC201", "PC1001", "MY101"]),
        ("PCT", []),
        ("PCT101", ["PCT101"]),
        ("slice", ["PC111"]),
    ],
)
def test_selectors(selector: str, expected: list[str]) -> None:
    assert codes(select=[selector]) == expected


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("PC1", "PC101"),
        ("pc1011", "PC101"),
        ("PC1019", "PC101"),
        ("PC1002", "PC1001"),
        ("itm", "item"),
        ("nothing-like-it", None),
    ],
)
def test_what_was_meant(word: str, meant: str | None) -> None:
    assert nearest(word, [name for rule in RULES for name in (rule.code, rule.name)]) == meant


def test_extending_adds() -> None:
    assert codes(extend_select=["PC111"]) == ["PC101", "PC102", "PC111", "PC201", "PC1001", "MY101"]
    assert codes(select=["PC2"], extend_select=["MY"]) == ["PC201", "MY101"]


@pytest.mark.parametrize(
    ("chosen", "ignored", "expected"),
    [
        ([], ["PC1"], ["PC201", "PC1001", "MY101"]),
        ([], ["sync"], ["PC201", "PC1001", "MY101"]),
        ([], ["ALL"], []),
        (["PC101"], ["PC1"], ["PC101"]),
        (["item"], ["sync"], ["PC101"]),
        (["PC10"], ["PC1"], ["PC1001"]),
        (["PC1"], ["PC1"], []),
        (["PC1"], ["sync"], ["PC101", "PC102"]),
        (["sync"], ["PC"], ["PC101", "PC102"]),
        (["PC"], ["sync"], ["PC201", "PC1001"]),
        (["PCT", "PCT101"], ["PC"], ["PCT101"]),
        (["PC101"], ["PC101"], []),
        (["PC101"], ["item"], []),
        (["ALL"], ["PC101"], ["PC102", "PC201", "PC1001", "MY101"]),
    ],
)
def test_the_more_specific_selector_decides(
    chosen: list[str], ignored: list[str], expected: list[str]
) -> None:
    assert codes(select=chosen, ignore=ignored) == expected


def test_an_explicit_rule_is_shown_below_the_tier() -> None:
    assert codes(select=["PC111"], tier="high") == ["PC111"]
    assert codes(select=["sync"], tier="high") == ["PC101"]


@pytest.mark.parametrize(
    ("options", "selector", "remedy"),
    [
        ({"select": ["PC901"]}, "PC901", "did you mean"),
        ({"select": ["PC9"]}, "PC9", "a prefix such as PC1"),
        ({"select": ["PC11"]}, "PC11", "did you mean"),
        ({"ignore": ["itme"]}, "itme", "`item`"),
        ({"extend_select": ["pc101"]}, "pc101", "`PC101`"),
        ({"select": ["zzzzzzzz"]}, "zzzzzzzz", "distributed, mine, sync, transfer, transformers"),
        ({"select": [""]}, "", "code"),
    ],
)
def test_unknown_selectors(options: dict[str, list[str]], selector: str, remedy: str) -> None:
    with pytest.raises(SelectionError) as refused:
        codes(**options)
    assert refused.value.selector == selector
    assert remedy in refused.value.remedy


def test_matches() -> None:
    assert matches("PC1", RULES[0])
    assert not matches("PC2", RULES[0])
