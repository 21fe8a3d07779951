"""Rules meet facts: which rule applies at which node, and what a finding says."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from perfcheck.events import Hotness
from perfcheck.findings import Confidence, Finding, Fix, Mend, Place, Safety
from perfcheck.lint.asking import Surroundings, asker
from perfcheck.lint.conversions import is_reader
from perfcheck.lint.detectors import NEEDS, REPEATED, detector
from perfcheck.lint.facts import Match
from perfcheck.lint.origins import makes_on_host
from perfcheck.lint.places import place_of
from perfcheck.lint.remedies import Remedy, remedy
from perfcheck.lint.scope import BodyScope
from perfcheck.rulebook.patterns import Pattern
from perfcheck.rulebook.predicates import evaluate
from perfcheck.rulebook.rule import Rule

_ATTRIBUTES = re.compile(r"\.([A-Za-z_]\w*)")
_OF_HOST = (":h2d", ":host-index", ":host-mask", ":from-device")
_WAITS = frozenset({"host-sync", "h2d-copy", "d2h-copy", "pageable-copy"})
_CONFIDENCES: tuple[Confidence, ...] = ("high", "medium", "heuristic")


class Hit(NamedTuple):
    rule: Rule
    match: Match
    sure: bool
    remedy: Remedy | None = None
    worth: bool = True  # there is a remedy that fits, as far as the page can ask


class RuleSet:
    """Rules arranged by what they look at."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = rules
        self._by_operator: dict[str, list[Rule]] = {}
        self._wildcards: list[tuple[str, Rule]] = []
        self._by_tail: dict[str, list[tuple[Rule, Pattern]]] = {}
        self._by_type: dict[type[ast.AST], list[tuple[Rule, Pattern, frozenset[str]]]] = {}
        self._detectors: list[tuple[Rule, str, frozenset[str] | None]] = []
        self._needing: dict[str, set[int]] = {}  # the places of those that need a name, by name
        self._looking = set[int]()  # the places of those that look at every body
        self._operator_cache: dict[str, list[Rule]] = {}
        for rule in rules:
            for operator in rule.operators:
                if operator.endswith("*"):
                    self._wildcards.append((operator[:-1], rule))
                else:
                    self._by_operator.setdefault(operator, []).append(rule)
            for pattern in rule.match:
                if pattern.tail is not None:
                    self._by_tail.setdefault(pattern.tail, []).append((rule, pattern))
                else:
                    needs = frozenset(_ATTRIBUTES.findall(pattern.text))
                    self._by_type.setdefault(pattern.node_type, []).append((rule, pattern, needs))
            if rule.detector is not None:
                self._detectors.append((rule, rule.detector, NEEDS.get(rule.detector)))
        for place, (_, _, wanted) in enumerate(self._detectors):
            if wanted is None:
                self._looking.add(place)
            for name in wanted or ():
                self._needing.setdefault(name, set()).add(place)
        self.names = self._names({rule.code for rule in rules if not _asks_heat(rule)})
        """Names of which a cold body must call, read, bear or be given one to be worth a look."""
        self.cold_names = self._names({rule.code for rule in rules if not _asks_more_than_place(rule)})
        """The same for a body that surely is cold, and is not compiled."""
        of_tests = [rule for rule in rules if not _asks_more_than_tests(rule)]
        self.test_names = (
            None if any(map(_goes_by_more, of_tests)) else self._names({rule.code for rule in of_tests})
        )
        """The same for a body in test code that is not compiled; None where rules go by more than names."""
        self.look_at_cold = any(
            _goes_by_more(rule) and not _asks_more_than_place(rule) and rule.detector not in REPEATED
            for rule in rules
        )
        """Do rules look for anything but names where nothing is hot, repeated or compiled?"""

    def _names(self, codes: set[str]) -> frozenset[str]:
        wanted = [needs for rule, _, needs in self._detectors if needs is not None and rule.code in codes]
        written = [
            needs for found in self._by_type.values() for rule, _, needs in found if rule.code in codes
        ]
        tails = {
            tail for tail, found in self._by_tail.items() if any(rule.code in codes for rule, _ in found)
        }
        return frozenset(tails).union(*wanted, *written)

    def of_operator(self, name: str, event: str) -> list[Rule]:
        """The rules about an operator ("Tensor.__getitem__:mask"; without the variant too)."""
        key = f"{event} {name}"
        known = self._operator_cache.get(key)
        if known is None:
            plain = name.partition(":")[0]
            found = [
                *self._by_operator.get(name, ()),
                *(self._by_operator.get(plain, ()) if plain != name else ()),
            ]
            found += [
                rule for prefix, rule in self._wildcards if name.startswith(prefix) and rule not in found
            ]
            known = [rule for rule in found if rule.event == event]
            self._operator_cache[key] = known
        return known

    def hits(self, scope: BodyScope, around: Surroundings) -> Iterator[Hit]:
        """Every rule that holds somewhere in a body."""
        for raised in scope.events:
            for rule in self.of_operator(raised.operator, raised.event):
                bindings: dict[str, ast.AST] = {}
                if raised.subject is not None:
                    bindings["T"] = raised.subject
                operator = raised.operator.partition(":")[0]
                match = Match(raised.node, bindings, operator, raised.certain, raised.usual)
                yield from self._judge(rule, match, scope, around)
        if self._by_tail or self._by_type:
            yield from self._patterns(scope, around)
        own = self._needing.keys() & scope.function.record.all_names
        for place in sorted(self._looking.union(*(self._needing[name] for name in own))):
            rule, name, _ = self._detectors[place]
            for match in detector(name)(scope):
                yield from self._judge(rule, match, scope, around)

    def _patterns(self, scope: BodyScope, around: Surroundings) -> Iterator[Hit]:
        names = scope.function.record.names
        for name in sorted(names & self._by_tail.keys()):
            patterns = self._by_tail[name]
            for node in (*scope.calls(name), *scope.attributes(name)):
                yield from self._match(node, patterns, scope, around)
        for call, name in scope.renamed_calls():  # from torch import zeros as make
            if name in self._by_tail:
                yield from self._match(call, self._by_tail[name], scope, around)
        for kind, written in self._by_type.items():
            wanted = [(rule, pattern) for rule, pattern, needs in written if needs <= names]
            if wanted:
                for statement in scope.walk(kind):
                    yield from self._match(statement, wanted, scope, around)

    def _match(
        self, node: ast.AST, patterns: Iterable[tuple[Rule, Pattern]], scope: BodyScope, around: Surroundings
    ) -> Iterator[Hit]:
        kind = type(node)
        for rule, pattern in patterns:
            if pattern.node_type is kind:
                bindings = pattern.match(node, scope.resolve)
                if bindings is not None:
                    yield from self._judge(rule, Match(node, bindings), scope, around)  # type: ignore[arg-type]

    def _judge(self, rule: Rule, match: Match, scope: BodyScope, around: Surroundings) -> Iterator[Hit]:
        if rule.event in _WAITS and scope.waiting_permitted(match.node):
            return
        ask = asker(scope, match, around)
        for predicate in rule.where:
            if evaluate(predicate, ask) is not True:
                return
        mended = None
        if rule.fix is not None:
            mended = remedy(rule.fix, match, scope, lambda bound: asker(scope, bound, around))
        worth = all(evaluate(predicate, ask) is True for predicate in rule.worth)
        yield Hit(rule, match, match.certain is True, mended, worth)


def _asks_more_than_place(rule: Rule) -> bool:
    """Does it speak of no cold body that is not compiled?"""
    return _asks_heat(rule) or any(p.text in ("not cold()", "compiled()") for p in rule.where)


def _goes_by_more(rule: Rule) -> bool:
    """Does it look at bodies whatever names are in them?"""
    by_names = all(pattern.tail or _ATTRIBUTES.search(pattern.text) for pattern in rule.match)
    return bool(rule.operators) or not by_names or rule.detector not in (None, *NEEDS)


def _asks_more_than_tests(rule: Rule) -> bool:
    """Does it speak of no test code, where nothing is hot, that is not compiled?"""
    return _asks_more_than_place(rule) or any(p.text == "not test_code()" for p in rule.where)


def _asks_heat(rule: Rule) -> bool:
    return any("hot(" in p.text for p in rule.where)


def findings(
    hits: Iterable[Hit], scope: BodyScope, name: str, callers: Sequence[str] = ()
) -> Iterator[Finding]:
    """One finding for each cause in a body; repeats become its places. ``callers``: who makes it hot."""
    kept = _without_overruled(list(hits))
    groups: dict[tuple[str, str], list[Hit]] = {}
    for hit in kept:
        warm, each = _rhythm_known(hit, scope), _reads_each(hit, scope)
        level = _CONFIDENCES.index(hit.rule.confidence)
        if not warm:
            level = max(level, 1)  # how often it runs is a presumption: never more than medium
            if scope.heat.guess and not ((hit.sure or each) and hit.rule.event != "collective-wait"):
                level = 2  # barriers and reductions stand in set-up code as often as in steps
            if scope.heat.seldom or (scope.heat.guess and scope.on_cpu_by_default()):
                level = 2
        if not hit.sure:
            level = max(level, 1) if each else level + 1
        known = scope.acknowledged(hit.match.node) or scope.deprecated() or scope.explains()
        drowned = hit.rule.event == "host-sync" and scope.draws(hit.match.node)
        if known or drowned or not hit.worth or _reads_what_is_given(hit, scope):
            level = 2
        groups.setdefault((hit.rule.code, _CONFIDENCES[min(level, 2)]), []).append(hit)
    for (_, confidence), group in groups.items():
        group.sort(key=lambda hit: place_of(hit.match.node, scope.lines))
        first = group[0]
        nodes = [hit.match.node for hit in group]
        nodes += [made for hit in group if (made := _made_on_host(hit, scope)) is not None]
        places = list(dict.fromkeys(place_of(node, scope.lines) for node in nodes))
        found = _finding(first, scope, name, confidence, tuple(places), _fix(group, scope))  # type: ignore[arg-type]
        if callers and _asks_heat(first.rule) and not scope.lexically_hot(first.match.node):
            found = replace(found, evidence={**found.evidence, "called_by": list(callers)})
        yield found


def _rhythm_known(hit: Hit, scope: BodyScope) -> bool:
    return scope.heat.sure or not _asks_heat(hit.rule) or scope.lexically_hot(hit.match.node)


def _reads_each(hit: Hit, scope: BodyScope) -> bool:
    """``for part in parts: values.append(part.item())``, each time a step is done: nothing but a tensor has
    an ``item()`` that is given nothing, and of many one lies where the others do."""
    if not hit.match.usual:
        return False
    node = hit.match.node
    around = scope.parent(node)  # x.cpu().item()
    reads = hit.match.operator == "Tensor.item" or (
        isinstance(around, ast.Attribute) and around.attr == "item"
    )
    loops = scope.loops(node)
    in_turn = bool(loops) and isinstance(loops[-1], (ast.For, ast.While))
    return reads and in_turn and scope.hotness(node) >= Hotness.ELEMENT


def _made_on_host(hit: Hit, scope: BodyScope) -> ast.expr | None:
    """Where the tensor of the host that a copy takes, or writes to, was made: there it is mended, by
    ``device=``."""
    if not any(name.endswith(_OF_HOST) for name in (*hit.rule.operators, hit.match.operator)):
        return None
    for part in ast.walk(hit.match.node):
        if isinstance(part, ast.Name) and scope.value(part).on_device is False:
            at = hit.match.node
            made = scope.definition(part.id, at) or scope.unpacked(part.id, at)
            if made is not None and scope.value(made).kind in _TENSORS and makes_on_host(scope, made):
                return made
    return None


_TENSORS = frozenset({"tensor", "list", "tuple", "array"})


def _reads_what_is_given(hit: Hit, scope: BodyScope) -> bool:
    """Whether ``to_number(x)``, or a lambda, waits is up to who calls it, and with what."""
    given = hit.match.bindings.get("T")
    if not isinstance(given, ast.Name):
        return False
    if given.id in scope.function.record.params:
        return is_reader(scope.function)
    return not hit.sure and any(
        isinstance(around, ast.Lambda) and given.id in {a.arg for a in around.args.args}
        for around in scope.ancestors(given)
    )


def _without_overruled(hits: list[Hit]) -> list[Hit]:
    """At one place one rule speaks of one event: the one that others defer to, else the surer, else the
    first."""
    silenced: set[int] = set()
    for position, hit in enumerate(hits):
        span = _span(hit.match.node)
        for other_position, other in enumerate(hits):
            if other_position == position or other_position in silenced:
                continue
            if other.rule.code in hit.rule.instead_of and _overlaps(span, _span(other.match.node)):
                silenced.add(other_position)
    seen: dict[tuple[tuple[int, int, int, int], str], int] = {}
    kept: list[Hit] = []
    for position, hit in enumerate(hits):
        if position in silenced:
            continue
        key = (_span(hit.match.node), hit.rule.event)
        known = seen.get(key)
        if known is None:
            seen[key] = len(kept)
            kept.append(hit)
        elif _rank(hit) < _rank(kept[known]) and kept[known].rule.code != hit.rule.code:
            kept[known] = hit
    return kept


def _rank(hit: Hit) -> tuple[int, int]:
    return (0 if hit.sure else 1, _CONFIDENCES.index(hit.rule.confidence))


def _span(node: ast.AST) -> tuple[int, int, int, int]:
    return (node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)  # type: ignore[attr-defined]


def _overlaps(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[:2] < b[2:] and b[:2] < a[2:]


def _finding(
    hit: Hit, scope: BodyScope, name: str, confidence: Confidence, places: tuple[Place, ...], fix: Fix | None
) -> Finding:
    rule, match = hit.rule, hit.match
    words = {key: _short(scope.text(node)) for key, node in match.bindings.items()}
    words["operator"] = match.operator
    loose = {key for key, node in match.bindings.items() if isinstance(node, _LOOSE)}
    first = places[0]
    heat = scope.hotness(match.node)
    line = scope.lines[first.line - 1].strip() if first.line <= len(scope.lines) else ""
    mark = hashlib.sha256(f"{rule.code}\0{name}\0{scope.qualname}\0{line}".encode()).hexdigest()[:16]
    return Finding(
        rule=rule.code,
        name=rule.name,
        severity=rule.severity,
        confidence=confidence,
        path=name,
        place=first,
        message=_fill(_told(hit, scope), words, loose),
        help=_fill(rule.help, words, loose),
        url=rule.url,
        function=scope.qualname,
        hotness=Hotness(heat).word,
        fingerprint=mark,
        places=places[1:],
        fix=fix,
    )


def _told(hit: Hit, scope: BodyScope) -> str:
    """What the page says, as often as it is known to happen."""
    said = hit.rule.message
    return said if _rhythm_known(hit, scope) else said.replace("on every step", "each time it runs")


def _fix(hits: Sequence[Hit], scope: BodyScope) -> Fix | None:
    """The remedies of all places that have one."""
    known = [(place_of(hit.match.node, scope.lines), hit.remedy) for hit in hits if hit.remedy is not None]
    if not known:
        return None
    mends = tuple(dict.fromkeys(Mend(place, found.safety, found.rewrites) for place, found in known))
    safety: Safety = "unsafe" if any(mend.safety == "unsafe" for mend in mends) else "safe"
    return Fix(safety, known[0][1].message, mends=mends)


def _fill(template: str, words: dict[str, str], loose: set[str]) -> str:
    for key, text in words.items():
        if key in loose:
            template = template.replace("{" + key + "}.", f"({text}).")
        template = template.replace("{" + key + "}", text)
    return template


_LOOSE = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda)
"""Expressions that want parentheses before an attribute."""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "…"
