"""The repository's own recordings, worked out on paper."""

from pathlib import Path

from perfcheck.stalls.analyse import analyse, expand

TRACES = Path(__file__).parents[2] / "fixtures" / "traces"


def causes(name: str) -> list[tuple[str, int]]:
    (device,) = analyse([str(TRACES / name)]).devices
    return [(row.cause, row.idle_ns) for row in device.causes]


def test_reading_the_loss_idles_the_device_until_work_is_queued_again() -> None:
    analysis = analyse([str(TRACES / "item.json")])
    (finding,) = analysis.findings
    assert finding.rule == "PC101" and finding.function == "train"
    assert dict(causes("item.json"))["host-sync"] > 0.6 * analysis.devices[0].window.idle_ns


def test_small_kernels_are_launch_bound() -> None:
    (device,) = analyse([str(TRACES / "launch_bound.json")]).devices
    assert device.causes[0].cause == "launch-overhead"
    (stretch,) = device.launch_bound
    assert stretch.kernels == 60 and stretch.idle_ns == device.window.idle_ns == 5_000_000 - 60 * 3_000


def test_host_work_is_named() -> None:
    assert causes("host_work.json")[0] == ("host-python", 12_000_000)


def test_a_busy_device_has_nothing_to_report() -> None:
    assert analyse([str(TRACES / "busy.json")]).findings == ()


def test_the_late_rank_is_named() -> None:
    ranks = analyse(expand([str(TRACES / "ranks")])).ranks
    assert ranks is not None and ranks.stragglers == (1,)
    assert [(row.rank, row.collective_wait_ns, row.waited_for_ns) for row in ranks.rows] == [
        (0, 1_500_000, 0),
        (1, 0, 1_500_000),
    ]
    (collective,) = ranks.collectives
    assert (collective.count, collective.last_rank, collective.last_count) == (3, 1, 3)
    assert (collective.waiting_ns, collective.lateness_ns) == (4_500_000, 1_500_000)
