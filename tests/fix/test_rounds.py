"""What holds of all fixes together, whatever stands in a project."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perfcheck.cli.linting import Options, Outcome, lint_paths
from perfcheck.config.lookup import Lookup
from perfcheck.fix.examples import unmarked
from perfcheck.fix.rounds import mend
from perfcheck.lint.detectors import DETECTORS
from perfcheck.rulebook.book import load_rules

BAD = [
    unmarked(example)
    for rule in load_rules(detectors=DETECTORS)
    if rule.fix is not None
    for example in rule.examples
    if example.kind == "bad"
]
MODULES = st.lists(st.sampled_from(BAD), min_size=1, max_size=3, unique=True).map("\n\n".join)
PROJECTS = st.lists(MODULES, min_size=1, max_size=3)


def linted(root: Path, texts: Mapping[str, bytes], everywhere: bool = True) -> Outcome:
    lookup = Lookup(overrides={"tier": "heuristic", "jobs": 1})
    options = Options(cache=False, only=None if everywhere else frozenset(texts))
    return lint_paths([str(root)], lookup, options, lambda done, total: None, texts)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(PROJECTS)
def test_a_second_run_changes_nothing_and_no_rule_fires_that_did_not(modules: list[str]) -> None:
    with TemporaryDirectory() as directory:
        root = Path(directory)
        for number, module in enumerate(modules):
            (root / f"part{number}.py").write_text(module, encoding="utf-8")
        before = {(found.path, found.rule) for found in linted(root, {}).result.findings}
        changes = mend(partial(linted, root), lambda finding, one: True).changes.values()
        for change in changes:
            compile(change.after, change.path, "exec", dont_inherit=True)
            change.path.write_bytes(change.after)
        after = {(found.path, found.rule) for found in linted(root, {}).result.findings}
        assert after <= before
        assert mend(partial(linted, root), lambda finding, one: True).changes == {}
