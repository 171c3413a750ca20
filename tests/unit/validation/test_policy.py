"""The policy file: what it says holds, what is wrong in it is named, and it never falls open."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from orchestration.core.label import Label
from orchestration.core.run import Person
from orchestration.validation.policy import ApprovalSystem, Ceilings, Plans, Policy
from orchestration.validation.policy_file import SHIPPED, InvalidPolicy, PolicyFile, read

MEGAN = Person("1", "Megan", "megan@contoso.com", "t")


@pytest.mark.parametrize(
    ("capability", "effect", "more", "verdict"),
    [
        ("mail.send", "write", {}, "allow"),
        ("mail.draft", "write", {}, "ask"),
        ("mail.search", "read", {}, "allow"),
        ("files.share", "write", {}, "deny"),
        ("files.read", "read", {}, "deny"),
        ("files.upload", "write", {}, "ask"),
        ("chat.post", "write", {}, "ask"),
        ("chat.list", "read", {}, "allow"),
        ("mail.send", "write", {"tainted": True}, "ask"),
        ("mail.send", "write", {"label": "confidential"}, "allow"),
        ("mail.send", "write", {"label": "highly_confidential"}, "ask"),
        ("files.share", "write", {"tainted": True}, "deny"),
        ("mailbox.empty", "write", {}, "ask"),
    ],
)
def test_the_narrowest_rule_counts_and_taint_always_asks(
    capability: str, effect: str, more: dict[str, object], verdict: str
) -> None:
    rules = {"mail.*": "ask", "mail.send": "allow", "files.*": "deny", "files.upload": "ask"}
    assert Policy(capabilities=rules).verdict(capability, effect, **more) == verdict  # type: ignore[arg-type]


def test_a_file_is_never_shared_without_asking_whatever_the_rule_says() -> None:
    for rule in ("files.share", "files.*", "*"):
        assert Policy(capabilities={rule: "allow"}).verdict("files.share", "write", label="public") == "ask"
    assert Policy(capabilities={"*": "allow"}).verdict("files.upload", "write", label="public") == "allow"
    assert Policy(capabilities={"files.share": "deny"}).verdict("files.share", "write") == "deny"


def test_one_rule_may_stand_for_everything() -> None:
    policy = Policy(capabilities={"*": "deny", "mail.search": "allow"})
    assert [policy.verdict("sap.x", "read"), policy.verdict("mail.search", "read")] == ["deny", "allow"]


@pytest.mark.parametrize(
    ("capability", "upn", "may"),
    [
        ("mail.search", "megan@contoso.com", True),
        ("mail.search", "Lee@Contoso.com", True),
        ("mail.search", "alex@contoso.com", False),
        ("mail.send", "LEE@contoso.com", True),
        ("mail.send", "megan@contoso.com", False),
        ("mail.search", "", False),
        ("mail.search", "meg\u0430n@contoso.com", False),
        ("mail.search", "megan@\u212aontoso.com", False),
        ("kit.count", "megan@kontoso.com", True),
        ("kit.count", "megan@\u212aontoso.com", False),
        ("mail.search", "megan@contoso.com#EXT#@contoso.com", False),
        ("mail.search", " megan@contoso.com", False),
        ("mailbox.empty", "", True),
        ("files.share", "alex@contoso.com", True),
    ],
)
def test_what_is_for_certain_people_is_for_nobody_else_and_the_narrowest_list_counts(
    capability: str, upn: str, may: bool
) -> None:
    rules = {
        "mail.*": ["megan@contoso.com", "lee@contoso.com"],
        "mail.send": ["Lee@contoso.com"],
        "kit.*": ["megan@kontoso.com"],
    }
    assert Policy(initiators=rules).may_use(capability, upn) is may


def test_a_guest_is_on_no_list_even_if_somebody_wrote_them_there() -> None:
    guest = "eve_evil.com#EXT#@contoso.com"
    assert not Policy(initiators={"*": [guest, "megan@contoso.com"]}).may_use("mail.send", guest)
    assert Policy(initiators={"*": [guest, "megan@contoso.com"]}).who_may("mail.send") == ["megan@contoso.com"]


def test_who_could_are_those_who_may_use_all_of_it() -> None:
    rules = {"mail.*": ["megan@contoso.com", "lee@contoso.com"], "files.*": ["lee@contoso.com", "alex@contoso.com"]}
    policy = Policy(initiators=rules)
    assert policy.who_may("mail.send") == ["lee@contoso.com", "megan@contoso.com"]
    assert policy.who_may("mail.send", "files.read", "sap.read") == ["lee@contoso.com"]
    assert policy.who_may("sap.read") == []


@pytest.mark.parametrize(("rule", "starts"), [("ask", (False, False)), ("reads", (True, False)), ("all", (True, True))])
def test_a_models_plan_starts_without_being_shown_only_where_policy_says_so(
    rule: str, starts: tuple[bool, bool]
) -> None:
    policy = Policy(plans=Plans(start=rule))  # type: ignore[arg-type]
    assert (policy.starts_unasked(writes=False), policy.starts_unasked(writes=True)) == starts


@pytest.mark.parametrize(
    ("upn", "ceiling"),
    [
        ("megan@contoso.com", "highly_confidential"),
        ("MEGAN@CONTOSO.COM", "highly_confidential"),
        ("temp@contoso.com", "internal"),
        ("Bob@partner.example", "public"),
        ("eve_evil.com#EXT#@contoso.com", "internal"),
        ("megan@contoso.com.evil.com", "public"),
        ("megan@c\u043entoso.com", "public"),
        ("", "public"),
    ],
)
def test_ceilings_are_by_person_then_by_where_they_belong(upn: str, ceiling: Label) -> None:
    ceilings = Ceilings(outside="public", people={"temp@contoso.com": "internal"})
    policy = Policy(ceilings=ceilings, domains=["contoso.com"])
    assert policy.ceiling_of(upn, "megan@contoso.com") == ceiling


def test_without_domains_the_initiators_own_is_inside() -> None:
    assert Policy().is_inside("alex@contoso.com", "megan@contoso.com")
    assert not Policy().is_inside("alex@elsewhere.com", "megan@contoso.com")
    assert Policy().ceiling(MEGAN) == "highly_confidential"


GOOD = "capabilities: {mail.send: allow}\nhosts: [contoso.sharepoint.com]\n"


def test_the_file_that_comes_along_is_good_and_opens_nothing() -> None:
    policy = read(SHIPPED)
    assert policy.capabilities == {}
    assert policy.verdict("mail.send", "write") == "ask"
    assert not policy.allows("https://contoso.sharepoint.com/")
    assert not policy.approval_systems
    assert not policy.initiators
    assert not policy.starts_unasked(writes=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a policy is a mapping"),
        ("- a", "a policy is a mapping"),
        ("capabilities: [", "line 1"),
        ("capabilities: {}\ncapabilities: {}", "'capabilities' is there twice"),
        ("capabilitys: {}", "there is no 'capabilitys' here"),
        ("capabilities: {mail.send: yes}", "capabilities.mail.send: 'yes' is not one of allow, ask, deny"),
        ("capabilities: {'mail.s*': deny}", "'mail.s*' is not a capability"),
        ("capabilities: {'Mail.send': deny}", "'Mail.send' is not a capability"),
        ("initiators: [mail.send]", "initiators: ['mail.send'] is not"),
        ("initiators: {mail.send: lee@contoso.com}", "initiators.mail.send: 'lee@contoso.com' is not"),
        ("initiators: {'mail.s*': [lee@contoso.com]}", "initiators: 'mail.s*' is not a capability"),
        ("initiators: {mail.send: []}", "initiators.mail.send: names nobody; to forbid it, write mail.send: deny"),
        ("initiators: {mail.send: [lee]}", "initiators.mail.send: 'lee' is not a user principal name"),
        ("initiators: {mail.send: ['']}", "initiators.mail.send: '' is not a user principal name"),
        ("initiators: {mail.send: ['l\u0435e@contoso.com']}", "is not a user principal name"),
        ("initiators: {mail.send: ['eve_x.com#EXT#@contoso.com']}", "is a guest, and guests may not use"),
        ("plans: {start: always}", "plans.start: 'always' is not one of all, ask, reads"),
        ("plans: {begin: all}", "there is no 'begin' here"),
        ("hosts: ['https://contoso.com/']", "is not a host"),
        ("hosts: ['*']", "is not a host"),
        ("hosts: ['*.com']", "takes in everybody's hosts"),
        ("hosts: ['*.sharepoint.com']", "takes in everybody's hosts"),
        ("hosts: ['*.blob.core.windows.net']", "takes in everybody's hosts"),
        ("hosts: ['*.file.core.windows.net']", "takes in everybody's hosts"),
        ("hosts: ['*.s3.amazonaws.com']", "takes in everybody's hosts"),
        ("hosts: ['*.eastus.cloudapp.azure.com']", "takes in everybody's hosts"),
        ("hosts: ['*.co.uk']", "takes in everybody's hosts"),
        ("hosts: ['*.vercel.app']", "takes in everybody's hosts"),
        ("hosts: ['*.netlify.app']", "takes in everybody's hosts"),
        ("hosts: ['*.operations.dynamics.com']", "takes in everybody's hosts"),
        ("hosts: ['c\u043entoso.com']", "is not a host"),
        ("domains: ['@contoso.com']", "is not a domain"),
        ("ceilings: {members: secret}", "ceilings.members: 'secret' is not one of"),
        ("ceilings: {people: {lee: public}}", "'lee' is not a user principal name"),
        ("approval_systems: [{name: X}]", "'url' is missing"),
        ("approval_systems: [{name: X, url: 'http://x.com', secret_setting: TANDEM_X, titles: [a]}]", "not an https"),
        ("approval_systems: [{name: X, url: 'https://x.com', secret_setting: PATH, titles: [a]}]", "not a variable"),
        ("approval_systems: [{name: X, url: 'https://x.com', secret_setting: TANDEM_X}]", "no question would ever go"),
        ("approval_systems: [{name: X, url: 'https://x.com', secret_setting: TANDEM_X, titles: ['']}]", "every"),
        ("approval_systems: [{name: X, url: 'https://x.com', secret_setting: TANDEM_X, titles: [' ']}]", "every"),
        ("x: &a [*a]\ncapabilities: {}", "there is no 'x' here"),
    ],
)
def test_what_is_wrong_is_named_with_its_path(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(InvalidPolicy) as found:
        PolicyFile(tmp_path / "p.yaml")
    assert said in found.value.message
    assert found.value.message.startswith("p.yaml")


def test_a_pattern_that_names_whose_hosts_it_means_is_taken() -> None:
    hosts = ["*.contoso.com", "*.contoso.co.uk", "*.contoso.sharepoint.com", "contoso.blob.core.windows.net"]
    assert Policy(hosts=hosts).problems() == []


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("hosts: ['*', 'A']\ndomains: [x]\nceilings: {people: {a: public}}")
    with pytest.raises(InvalidPolicy) as found:
        read(tmp_path / "p.yaml")
    assert len(found.value.problems) == 4


@pytest.mark.parametrize("wrong", ["capabilities: {mail.send: maybe}", "", "\x00", None])
def test_a_change_holds_at_once_and_a_broken_one_leaves_the_last_good_in_force(
    tmp_path: Path, wrong: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    now, path = [0.0], tmp_path / "p.yaml"
    path.write_text("capabilities: {mail.send: deny}")
    policies = PolicyFile(path, clock=lambda: now[0])
    now[0] = 2
    with caplog.at_level(logging.ERROR):
        path.unlink() if wrong is None else path.write_text(wrong)
        assert policies.current().verdict("mail.send", "write") == "deny"
    assert "the last good one stays in force" in caplog.text
    now[0] = 4
    path.write_text("capabilities: {mail.send: allow}")
    assert policies.current().verdict("mail.send", "write") == "allow"


def test_a_rule_that_denies_nothing_is_named_in_the_log_at_the_start_and_after_a_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now, path = [0.0], tmp_path / "p.yaml"
    path.write_text("capabilities: {mail: deny}")
    policies = PolicyFile(path, clock=lambda: now[0])
    with caplog.at_level(logging.WARNING):
        policies.compare(["mail.send"])
        assert "denies 'mail'" in caplog.text
        assert "write mail.* for all" in caplog.text
        caplog.clear()
        path.write_text("capabilities: {mail.sned: deny}")
        now[0] = 2
        policies.current()
    assert "denies 'mail.sned'" in caplog.text


def test_links_may_lead_to_the_systems_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(GOOD)
    systems = ["https://sap.contoso.com/odata", "http://localhost:3000/x", "contoso-my.sharepoint.com", ""]
    policy = PolicyFile(tmp_path / "p.yaml", systems).current()
    led = ["https://sap.contoso.com/a", "http://localhost:3000/b", "https://contoso-my.sharepoint.com/c"]
    assert all(policy.allows(url) for url in [*led, "https://contoso.sharepoint.com/d"])
    assert not policy.allows("http://localhost:3001/")


def test_rules_that_deny_what_there_is_not_are_named() -> None:
    known = ["mail.send", "mail.draft", "files.share"]
    rules = {"mail": "deny", "mail.sned": "deny", "sap.*": "deny", "zzz": "allow", "files.*": "deny", "*": "deny"}
    said = Policy(capabilities=rules).idle_rules(known)  # type: ignore[arg-type]
    nothing = "but there is no such capability, so that this forbids nothing"
    assert said == [
        f"The policy denies 'mail', {nothing}; write mail.* for all that begins so.",
        f"The policy denies 'mail.sned', {nothing}; did you mean mail.send?",
        f"The policy denies 'sap.*', {nothing}.",
    ]


def test_rules_for_certain_people_that_fit_nothing_are_named() -> None:
    said = Policy(initiators={"mail": ["a@b.c"], "mail.send": ["a@b.c"]}).idle_rules(["mail.send"])
    nothing = "but there is no such capability, so that this forbids nothing"
    assert said == [f"The policy says who may use 'mail', {nothing}; write mail.* for all that begins so."]


def test_an_approval_system_takes_what_it_is_named_for() -> None:
    system = ApprovalSystem(
        name="X", url="https://x.com", secret_setting="TANDEM_X", for_capabilities=["files.*"], titles=["Budget"]
    )
    assert system.takes("files.share", "Share")
    assert system.takes("", "Budget 2027")
    assert not system.takes("mail.send", "Send a Budget")
