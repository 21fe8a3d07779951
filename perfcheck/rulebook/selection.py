"""Which rules apply: selectors are codes, names, categories, prefixes and "ALL".

A prefix is the letters of a code ("PC", "PCT"), or these and its hundreds ("PC1" for PC101, "PC10" for
PC1001).
"""

from collections.abc import Iterable, Sequence
from typing import Final, get_args

from perfcheck.findings import Confidence
from perfcheck.rulebook.rule import Rule

TIERS: Final[tuple[Confidence, ...]] = get_args(Confidence)  # from the surest down

_CATEGORY: Final = 10  # above every prefix of letters ("PCT"), below those with the hundreds ("PC1")
_EXACT: Final = 100


class SelectionError(ValueError):
    """A selector that selects nothing; ``remedy`` says what was probably meant."""

    def __init__(self, selector: str, remedy: str) -> None:
        super().__init__(f"no rule is selected by `{selector}`: {remedy}")
        self.selector = selector
        self.remedy = remedy


def select(
    rules: Sequence[Rule],
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    extend_select: Sequence[str] = (),
    tier: Confidence = "medium",
) -> tuple[Rule, ...]:
    """The rules that apply, in the order given.

    An empty ``select`` means all rules. The most specific selector decides about a rule (a code or
    name over a prefix or category, a longer prefix over a shorter, everything over "ALL"); between equally
    specific ones ``ignore`` wins. ``tier`` is the lowest confidence that applies; what is selected by
    its own code or name applies whatever its confidence.
    """
    selected = [*(select or ("ALL",)), *extend_select]
    for selector in (*selected, *ignore):
        if selector != "ALL" and not any(specificity(selector, rule) for rule in rules):
            raise SelectionError(selector, _suggestion(selector, rules))
    lowest = TIERS.index(tier)
    return tuple(
        rule for rule in rules if _applies(rule, selected, ignore, TIERS.index(rule.confidence) <= lowest)
    )


def matches(selector: str, rule: Rule) -> bool:
    """Does the selector name the rule, alone or among others?"""
    return specificity(selector, rule) > 0


def specificity(selector: str, rule: Rule) -> int:
    """How closely a selector describes a rule; 0: not at all."""
    if selector in (rule.code, rule.name):
        return _EXACT
    if selector == "ALL":
        return 1
    if selector == rule.category:
        return _CATEGORY
    if not selector or not rule.code.startswith(selector):
        return 0
    if selector[-1].isdigit():
        # Codes go by hundreds: "PC1" is neither PC1001 nor, as "PC10", PC101.
        return _CATEGORY + 1 if len(rule.code) - len(selector) == 2 else 0
    return 1 + len(selector)


def _applies(rule: Rule, selected: Iterable[str], ignored: Iterable[str], in_tier: bool) -> bool:
    chosen = max((specificity(selector, rule) for selector in selected), default=0)
    refused = max((specificity(selector, rule) for selector in ignored), default=0)
    return chosen > refused and (in_tier or chosen == _EXACT)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """What was probably meant; instead of a code, the first that begins most alike: the hundreds matter."""
    from difflib import get_close_matches

    words = sorted(known, key=lambda each: (len(each), each))
    code = word.upper()
    for length in range(len(code) if code[-1:].isdigit() else 0, 2, -1):
        for each in words:
            if each.startswith(code[:length]):
                return each
    near = get_close_matches(word, words, n=1) or get_close_matches(code, words, n=1)
    return near[0] if near else None


def _suggestion(selector: str, rules: Sequence[Rule]) -> str:
    near = nearest(selector, {word for rule in rules for word in (rule.code, rule.name, rule.category)})
    if near is not None:
        return f"did you mean `{near}`?"
    return f"name a code, a prefix such as PC1, a rule's name, or a category: {', '.join(_categories(rules))}"


def _categories(rules: Iterable[Rule]) -> list[str]:
    return sorted({rule.category for rule in rules})
