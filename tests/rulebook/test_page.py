import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfcheck.rulebook.page import BadPages, PageError, marks, parse_page
from perfcheck.rulebook.rule import Example, FixRecipe
from tests.rulebook.pages import PAGE, PATH


def errors_of(text: str, path: str = PATH, *, built_in: bool = True) -> tuple[PageError, ...]:
    with pytest.raises(BadPages) as bad:
        parse_page(path, text, built_in=built_in)
    return bad.value.errors


def line_of(text: str, part: str) -> int:
    """The line, from 1, that contains the part."""
    return next(number for number, line in enumerate(text.split("\n"), 1) if part in line)


def test_a_page_is_a_rule() -> None:
    rule = parse_page(PATH, PAGE)
    assert (rule.code, rule.name, rule.category) == ("PC101", "item-in-hot-loop", "sync")
    assert (rule.severity, rule.confidence, rule.event) == ("error", "high", "host-sync")
    assert [pattern.text for pattern in rule.match] == ["$T.item()", "float($T)"]
    assert [predicate.text for predicate in rule.where] == ["on_device($T)", "not guarded()"]
    assert (rule.operators, rule.detector, rule.instead_of) == ((), None, ("PC102",))
    assert rule.message == "`{T}` is read back"
    assert rule.sources == ("https://example.org/item",)
    assert rule.fix == FixRecipe("unsafe", replace="$T.detach()", reason="another type")
    assert rule.page == PATH
    assert rule.url.endswith("/rules/sync/item-in-hot-loop/")


def test_sections_and_examples() -> None:
    rule = parse_page(PATH, PAGE)
    assert [heading for heading, _ in rule.sections] == [
        "What it does",
        "Why it is slow",
        "Example",
        "Use instead",
        "When it is fine",
        "Fix safety",
        "References",
    ]
    assert dict(rule.sections)["Fix safety"] == "None:\n\n```python\n## not a heading\n```"
    bad, good, fixed = rule.examples
    first = line_of(PAGE, "for x in xs:")
    assert bad == Example(
        "bad", "for x in xs:\n    x.item()  # PC101\n    y = float(x)  # PC101, PC102\n", first, (2, 3)
    )
    assert good == Example("good", "xs.tolist()\n", line_of(PAGE, "xs.tolist()"))
    assert fixed.kind == "fixed"


def test_marks() -> None:
    code = "a  # PC101\nb  # PC101 PC102\nc  # PC101,PC103 \nd  # see PC101\n'# PC104'\ne  # PC105: why\n"
    assert marks(code) == {
        1: {"PC101"},
        2: {"PC101", "PC102"},
        3: {"PC101", "PC103"},
    }


@pytest.mark.parametrize(
    ("old", "new", "at", "message", "remedy"),
    [
        # front matter
        ("+++\ncode", "code", "code", "does not begin with front matter", "`+++`"),
        ('"another type"\n+++', '"another type"', "+++", "has no end", "`+++`"),
        ('"error"', '"error', '"error', "not TOML", "mend"),
        ('code = "PC101"\n', "", "+++", "`code` is missing", "add `code = …`"),
        ('help = "Read', 'helf = "Read', "helf", "`helf` is unknown", "did you mean `help`?"),
        ('severity = "error"', "severity = 3", "severity", "not a string", "a string"),
        ('severity = "error"', 'severity = " "', "severity", "not a string", "not empty"),
        ('["$T.item()", "float($T)"]', '"$T.item()"', "match", "not a list of strings", "a list"),
        ('severity = "error"', 'severity = "errror"', "severity", "`errror`", "did you mean `error`?"),
        ('confidence = "high"', 'confidence = "xyz"', "confidence", "`xyz`", "high, medium, heuristic"),
        ('event = "host-sync"', 'event = "hostsync"', "event", "known event", "`host-sync`?"),
        ('"https://example.org/item"]', '"a book"]', "a book", "no link", "URL"),
        # identity
        ('code = "PC101"', 'code = "XY101"', "code", "`XY101`", "PCT101"),
        ('code = "PC101"', 'code = "PC1"', "code", "`PC1`", "PC101"),
        ('name = "item-in-hot-loop"', 'name = "Item"', "name", "small letters", "item-in-hot-loop"),
        ('name = "item-in-hot-loop"', 'name = "other"', "name", "not the file's", "other.md"),
        # what to look for
        (
            'match = ["$T.item()", "float($T)"]\n',
            "",
            "+++",
            "does not say what to look for",
            "`detector`",
        ),
        ("float($T)", "float($T", "match", "not Python", "one expression"),
        ("on_device($T)", "on_devise($T)", "where", "not a predicate", "`on_device`"),
        ("on_device($T)", "on_device($X)", "where", "`$X`, which not every pattern binds", "`$T`"),
        ("float($T)", "float($X)", "where", "asks about `$T`, which not every", "without metavariables"),
        # words
        ("`{T}` is", "`{X}` is", "message", "`{X}` in `message` has no value", "use `T`"),
        ("Read `{T}`", "Read `{X}`", "help", "`{X}` in `help` has no value", "use `T`"),
        ("`{T}` is", "`{T` is", "message", "no template", "`{{`"),
        ("`{T}` is", "`{t}` is", "message", "no placeholder", "`{T}`"),
        ("`{T}` is", "`{T!r}` is", "message", "no placeholder", "`{T}`"),
        # fixes
        ('safety = "unsafe"', 'safety = "maybe"', "[fix]", "how safe", "safe"),
        ('safety = "unsafe"\n', "", "[fix]", "how safe", "safe"),
        ("reason =", "reasons =", "reasons", "`reasons`", "did you mean `reason`?"),
        ('reason = "another type"', "reason = 1", "reason", "not a string", "a string"),
        ('reason = "another', 'codemod = "another', "[fix]", "one of", "remove the other"),
        ("$T.detach()", "$X.detach()", "replace", "`$X` in the replacement", "`T`"),
        ("$T.detach()", "$T.detach(", "replace", "not Python", "`$T`"),
        # the text
        ("# item-in-hot-loop\n", "# Item\n", "", "title", "`# item-in-hot-loop`"),
        ("## When it is fine", "## When", "", "`When it is fine` is missing", "## When it is fine"),
        ("python bad", "python", "", "no bad example", "`python bad`"),
        ("python bad", "python worse", "python worse", "tagged `python worse`", "`python bad`"),
        ("  # PC101\n", "\n", "for x in xs:", None, None),
        ("xs.tolist()\n", "xs.tolist()  # PC101\n", "xs.tolist()", "marks an offending line", "remove"),
    ],
)
def test_bad_pages(old: str, new: str, at: str, message: str | None, remedy: str | None) -> None:
    text = PAGE.replace(old, new, 1)
    assert text != PAGE
    if message is None:
        parse_page(PATH, text)  # one marked line is enough
        return
    (error,) = [error for error in errors_of(text) if message in error.message]
    assert error.path == PATH
    assert remedy is not None
    assert remedy in error.remedy
    assert error.line == (line_of(text, at) if at else text[: text.index("\n# ")].count("\n") + 1)
    assert str(error) == f"{PATH}:{error.line}: {error.message}: {error.remedy}"


def test_a_bad_example_needs_its_own_rule() -> None:
    text = PAGE.replace("# PC101, PC102", "# PC102").replace("# PC101\n", "\n")
    (error,) = errors_of(text)
    assert "no offending line" in error.message
    assert error.line == line_of(text, "for x in xs:")


def test_a_fixed_example_is_a_good_one() -> None:
    assert parse_page(PATH, PAGE.replace("python good", "python"))


def test_all_errors_of_a_page_are_told() -> None:
    text = PAGE.replace('"error"', '"fatal"').replace("on_device", "on_devise").replace("## References", "")
    assert [error.line for error in errors_of(text)] == [
        line_of(text, "severity"),
        line_of(text, "where"),
        line_of(text, "# item-in-hot-loop") - 1,
    ]


@pytest.mark.parametrize("code", ["MY101", "ABCDE1234"])
def test_projects_have_codes_of_their_own(code: str) -> None:
    text = PAGE.replace("PC101", code)
    assert parse_page(PATH, text, built_in=False).code == code
    assert "PC and a number" in errors_of(text)[0].message


@pytest.mark.parametrize("code", ["M1", "my101", "ABCDEF101", "101"])
def test_which_codes_nobody_may_have(code: str) -> None:
    errors = errors_of(PAGE.replace('code = "PC101"', f'code = "{code}"'), built_in=False)
    assert "two to five capitals" in errors[0].message


def test_the_folder_is_the_category() -> None:
    assert parse_page("perf_rules/item-in-hot-loop.md", PAGE).category == "perf_rules"
    (error,) = errors_of(PAGE, "/a/My Rules/item-in-hot-loop.md")
    assert "`My Rules` cannot be a category" in error.message


def test_operators_and_detectors_bind_what_they_bind() -> None:
    operators = PAGE.replace('match = ["$T.item()", "float($T)"]', 'operators = ["Tensor.item"]')
    assert parse_page(PATH, operators.replace("`{T}` is", "`{operator}` of `{T}` is")).operators == (
        "Tensor.item",
    )
    assert "`{X}`" in errors_of(operators.replace("`{T}` is", "`{X}` is"))[0].message
    detector = PAGE.replace('match = ["$T.item()", "float($T)"]', 'detector = "reads"').replace(
        "{T}", "{LOOP}"
    )
    assert parse_page(PATH, detector).detector == "reads"
    assert parse_page(PATH, detector, detectors=["reads"]).detector == "reads"
    with pytest.raises(BadPages, match="`detector` is for the pages that come with perfcheck") as bad:
        parse_page(PATH, detector.replace('"PC101"', '"MY101"'), built_in=False, detectors=["reads"])
    assert bad.value.errors[0].line == line_of(detector, "detector")
    with pytest.raises(BadPages, match="did you mean `read`") as bad:
        parse_page(PATH, detector, detectors=["read", "write"])
    assert bad.value.errors[0].line == line_of(detector, "detector")


@given(st.text(max_size=60), st.integers(0, len(PAGE)), st.integers(0, 80))
def test_any_damage_is_an_error_or_a_rule(inserted: str, at: int, removed: int) -> None:
    text = PAGE[:at] + inserted + PAGE[at + removed :]
    try:
        rule = parse_page(PATH, text)
    except BadPages as bad:
        assert bad.errors
        assert all(1 <= error.line <= text.count("\n") + 1 for error in bad.errors)
        assert all(error.message and error.remedy for error in bad.errors)
    else:
        assert rule.code
