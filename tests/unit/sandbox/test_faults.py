import pytest

from connectors.sandbox.faults import Faults


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_broken_system_mends_itself_when_the_time_is_over() -> None:
    clock = Clock()
    faults = Faults(clock)
    faults.break_system("sap", 30)
    clock.now += 29.9
    fault = faults.current("sap")
    assert fault is not None
    assert fault.status == 503
    assert faults.current("graph") is None
    clock.now += 0.1
    assert faults.current("sap") is None


def test_latency_alone_sets_no_status() -> None:
    assert Faults().break_system("graph", 5, latency_seconds=2).status is None


def test_mending_one_system_leaves_the_others_broken() -> None:
    faults = Faults()
    faults.break_system("sap", 30)
    faults.break_system("graph", 30, 429)
    faults.mend("sap")
    assert faults.current("sap") is None
    assert faults.current("graph") is not None
    faults.mend()
    assert faults.current("graph") is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("sepa", 30), "sap, dynamics, graph, authority"),
        (("sap", 0), "seconds"),
        (("sap", 30, 200), "400 to 599"),
        (("sap", 30, None, -1), "latency_seconds"),
        (("sap", 30, None, None, 0), "times"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: tuple[object, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Faults().break_system(*arguments)  # type: ignore[arg-type]
