"""The scripts that ``make demo`` lints show what the linter is for."""

from pathlib import Path

from tests.cli.command import ROOT, lint

SCRIPTS = ROOT / "fixtures" / "scripts"


def test_each_script_has_findings_and_none_is_broken(tmp_path: Path) -> None:
    ran = lint("--isolated", "--no-cache", "fixtures/scripts", cwd=ROOT)
    assert ran.code == 1
    assert ran.document["errors"] == []
    found = {Path(path).name for path, _, _ in ran.found if (ROOT / path).parent == SCRIPTS}
    assert found == {path.name for path in SCRIPTS.glob("*.py")}


def test_what_a_person_would_name_first_is_found() -> None:
    wanted = {
        "train_classifier.py": "running_loss += loss.item()",
        "train_segmentation.py": "F.cross_entropy(logits[valid], target[valid])",
        "embed_corpus.py": "vectors.append((hidden / norm).cpu().numpy())",
        "generate_text.py": "if token.item() == END_OF_TEXT:",
    }
    ran = lint("--isolated", "--no-cache", "fixtures/scripts", cwd=ROOT)
    for name, text in wanted.items():
        lines = (SCRIPTS / name).read_text("utf-8").split("\n")
        assert any(path.endswith(name) and text in lines[line - 1] for path, _, line in ran.found), name
