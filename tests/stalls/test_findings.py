"""Stalls as findings."""

from pathlib import Path
from typing import Any

import pytest

from perfcheck.stalls import findings as module
from perfcheck.stalls.analyse import analyse
from perfcheck.stalls.analysis import CAUSES
from tests.recordings import call, copy, event, kernel, launch, step, written


def found(folder: Path, *between: dict[str, Any], share: float = 0.03, **metadata: Any) -> Any:
    events = [step(1, 0, 10_000), launch(0, 1), kernel("a", 10, 990, 1), *between, launch(8000, 2)]
    path = written(folder / "trace.json", [*events, kernel("b", 8010, 1990, 2)], **metadata)
    return analyse([path], share=share).findings


def test_every_cause_has_words_and_a_remedy() -> None:
    for cause in CAUSES:
        assert cause in module._SILENT or (cause in module._REMEDIES and cause in module._WORDS)


@pytest.mark.parametrize(
    "remedy",
    [
        *module._REMEDIES.values(),
        *module._READS.values(),
        module._SYNCHRONIZE,
        module._TO_HOST,
        module._NO_WORKERS,
        module._FREED,
    ],
)
def test_every_remedy_is_a_text_or_a_page_that_speaks_of_no_code(remedy: module.Remedy) -> None:
    assert bool(remedy.help) != bool(remedy.page)
    if remedy.page:
        rule = module._rule(remedy.page)
        assert rule.code.startswith("PC") and "{" not in rule.help


def test_a_finding_says_what_it_costs_and_what_to_do(tmp_path: Path) -> None:
    (one,) = found(
        tmp_path,
        event("aten::item", "cpu_op", 900, 7000),
        event("aten::_local_scalar_dense", "cpu_op", 900, 6990),
        call("cudaMemcpyAsync", 905, 5, 3),
        copy("Memcpy DtoH (Device -> Pageable)", 1000, 5, 3),
        call("cudaStreamSynchronize", 920, 6960),
    )
    assert (one.rule, one.name, one.severity) == ("PC101", "item-in-hot-loop", "error")
    assert one.url.endswith("/rules/sync/item-in-hot-loop/")
    assert one.evidence["kind"] == "observed" and one.evidence["cause"] == "host-sync"
    assert (
        one.evidence["idle_ns"] == one.evidence["idle_ns_per_step"] == 6_875_000 + 85_000
    )  # it had held the host for 85
    assert one.evidence["line_kind"] is None
    assert one.path.endswith("trace.json")  # which line it was is not recorded


PAGES = {
    "PC117": [call("cudaDeviceSynchronize", 900, 7000)],
    "PC104": [call("cudaMemcpyAsync", 900, 7000, 3), copy("Memcpy DtoH (Device -> Pageable)", 7890, 5, 3)],
    "PC402": [call("cudaMemcpyAsync", 900, 7000, 3), copy("Memcpy HtoD (Pageable -> Device)", 7890, 5, 3)],
    "PC202": [call("cudaMemcpyAsync", 900, 7000, 3), copy("Memcpy HtoD (Pinned -> Device)", 7890, 5, 3)],
    "PC904": [call("cudaFree", 900, 7000)],
    "PC401": [
        event("enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__", "user_annotation", 900, 7000)
    ],
}


@pytest.mark.parametrize("code", PAGES)
def test_the_rule_fits_the_cause(tmp_path: Path, code: str) -> None:
    assert [one.rule for one in found(tmp_path, *PAGES[code])] == [code]


def test_workers_that_are_too_slow_are_not_told_to_be_there(tmp_path: Path) -> None:
    name = "enumerate(DataLoader)#_MultiProcessingDataLoaderIter.__next__"
    (one,) = found(tmp_path, event(name, "user_annotation", 900, 7000))
    assert (one.rule, one.name) == ("stall", "data-loader") and "more workers" in one.help


def test_what_takes_less_than_the_share_is_silent(tmp_path: Path) -> None:
    zoom = event("zoom.py(3): zoom", "python_function", 1000, 7000)
    assert found(tmp_path, zoom, share=0.71) == ()
    (one,) = found(tmp_path, zoom, share=0.69)
    assert (one.path, one.place.line, one.function) == ("zoom.py", 3, "zoom")
    assert one.evidence["line_kind"] == "definition"


def test_a_fingerprint_survives_other_lines_and_other_runs(tmp_path: Path) -> None:
    one, two = (
        found(tmp_path, event(f"zoom.py({line}): zoom", "python_function", 1000, length))[0].fingerprint
        for line, length in ((3, 7000), (9, 6900))
    )
    assert one == two


def test_ranks_tell_a_stall_once(tmp_path: Path) -> None:
    paths = []
    for rank in range(2):
        (tmp_path / str(rank)).mkdir()
        found(
            tmp_path / str(rank),
            event("zoom.py(3): zoom", "python_function", 1000, 6000 + rank * 500),
            distributedInfo={"rank": rank, "world_size": 2},
        )
        paths.append(str(tmp_path / str(rank) / "trace.json"))
    told = [one for one in analyse(paths).findings if one.function == "zoom"]
    assert [one.evidence["rank"] for one in told] == [1]
