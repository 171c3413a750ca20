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
        (("sepa", 30), "sap, dynamics, graph, authority, model"),
        (("sap", 0), "seconds"),
        (("sap", 30, 200), "400 to 599"),
        (("sap", 30, None, -1), "latency_seconds"),
        (("sap", 30, None, None, 0), "times"),
        (("sap", 30, None, None, None, "me"), "path"),
        (("sap", 30, 503, None, None, "", True), "drop"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: tuple[object, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Faults().break_system(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "method", "path", "hit"),
    [
        ("/me/sendMail", "POST", "/me/sendMail", True),
        ("/me/sendMail", "POST", "/me/sendMailbox", False),
        ("/me/messages", "POST", "/me/messages/1/send", True),
        ("/me/messages$", "POST", "/me/messages/1/send", False),
        ("/me/messages/*/send", "POST", "/me/messages/AAMk=/send", True),
        ("/graph/v1.0/me/events", "POST", "/me/events", True),
        ("", "POST", "/anything", True),
    ],
)
def test_a_fault_hits_its_path_and_what_is_below(pattern: str, method: str, path: str, hit: bool) -> None:
    faults = Faults()
    faults.break_system("graph", 30, path=pattern)
    assert (faults.current("graph", method, path) is not None) == hit


def test_the_fault_of_a_path_comes_before_the_one_of_the_whole_system() -> None:
    faults = Faults()
    faults.break_system("graph", 30, 503)
    faults.break_system("graph", 30, 429, path="/me/events")
    assert [f.status for p in ("/me/events", "/me") if (f := faults.current("graph", "GET", p))] == [429, 503]
    assert len(faults.all("graph")) == 2


def test_only_writes_are_dropped() -> None:
    faults = Faults()
    faults.break_system("graph", 30, drop=True)
    asked = [("GET", "/me"), ("POST", "/me/calendar/getSchedule"), ("POST", "/search/query"), ("POST", "/me/sendMail")]
    assert [faults.current("graph", *each) is not None for each in asked] == [False, False, False, True]
