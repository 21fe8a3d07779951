"""Writes ``docs/rules.md`` and the table of categories in ``README.md`` from the rule pages.

Run it after a page was added, renamed or moved; a test tells when that was forgotten.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from perfcheck.rulebook.book import load_rules
from perfcheck.rulebook.rule import Rule

ROOT = Path(__file__).parents[1]
LIST = ROOT / "docs" / "rules.md"
README = ROOT / "README.md"
MARKS = ("<!-- categories -->\n", "<!-- /categories -->\n")

CATEGORIES = {
    "sync": "Python waits until the GPU has caught up",
    "transfer": "copies between host and device that wait, or need not be",
    "memory-format": "hidden copies, layouts",
    "data-loading": "the GPU waits for the next batch",
    "launch-overhead": "many small kernels where few would do",
    "compile": "what stops or repeats `torch.compile`",
    "precision": "slower number formats than needed",
    "autograd": "graphs nobody needs, optimizers in many passes",
    "memory": "device memory held too long, or given back too often",
    "distributed": "ranks that wait for each other",
    "inference": "serving, generation, global settings",
    "accelerate": "Hugging Face Accelerate",
    "lightning": "PyTorch Lightning",
    "transformers": "Hugging Face Transformers",
    "fastai": "fastai",
    "triton": "Triton kernels",
    "cuda-graphs": "CUDA graphs and streams",
    "jax": "JAX",
    "tensorflow": "TensorFlow",
    "meta": "comments that silence nothing",
}
"""What the rules of a folder are about, in the order of the lists."""


def by_category(rules: Sequence[Rule]) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {category: [] for category in CATEGORIES}
    for rule in rules:
        if rule.category not in found:
            raise SystemExit(f"{rule.page}: say in docs/list_rules.py what {rule.category!r} is about")
        found[rule.category].append(rule)
    return {category: sorted(group, key=_number) for category, group in found.items() if group}


def _number(rule: Rule) -> tuple[int, str]:
    return len(rule.code), rule.code


def first_sentence(text: str) -> str:
    """The first sentence of a section, on one line."""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    found = re.match(r"((?:[^`]|`[^`]*`)*?[.:])(?= [A-Z`(]|$)", paragraph)
    return (found[1] if found else paragraph).rstrip(":").replace("|", "\\|")


def list_of_rules(rules: Sequence[Rule]) -> str:
    """All rules, a table for each category."""
    lines = [
        "# Rules", "",
        f"{len(rules)} rules; `perfcheck rule CODE` explains one. This list is made by `docs/list_rules.py`.",
        "Heuristic rules are shown with `--tier heuristic`, or where they are selected by code or name.",
    ]  # fmt: skip
    for category, group in by_category(rules).items():
        lines += ["", f"## {category}: {CATEGORIES[category]}", ""]
        lines += ["| code | name | severity | confidence | |", "|---|---|---|---|---|"]
        for rule in group:
            what = first_sentence(dict(rule.sections)["What it does"])
            page = f"../rules/{rule.category}/{rule.name}.md"
            lines.append(
                f"| {rule.code} | [{rule.name}]({page}) | {rule.severity} | {rule.confidence} | {what} |"
            )
    return "\n".join(lines) + "\n"


def table_of_categories(rules: Sequence[Rule]) -> str:
    """How many rules there are of each kind, and what they are about."""
    lines = ["| category | codes | rules | |", "|---|---|---|---|"]
    for category, group in by_category(rules).items():
        codes = re.sub(r"\d\d$", "xx", group[0].code)
        lines.append(f"| `{category}` | {codes} | {len(group)} | {CATEGORIES[category]} |")
    return "\n".join(lines) + "\n"


def readme(text: str, rules: Sequence[Rule]) -> str:
    """The README with a table that is up to date."""
    begin, end = (text.index(mark) for mark in MARKS)
    return text[: begin + len(MARKS[0])] + table_of_categories(rules) + text[end:]


def main() -> None:
    rules = load_rules()
    LIST.write_text(list_of_rules(rules), encoding="utf-8", newline="\n")
    README.write_text(readme(README.read_text(encoding="utf-8"), rules), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
