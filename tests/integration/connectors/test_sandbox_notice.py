"""Mail that tells a colleague of a question, through msgraph-sdk: as the person who asks, and as nobody else."""

from __future__ import annotations

import uuid

import pytest

from connectors.graph import GraphClient
from connectors.graph.mail.notice import Notices
from connectors.sandbox import control
from orchestration.core.run import Person
from orchestration.errors import NotFound
from orchestration.validation.egress import Egress
from orchestration.validation.policy_file import PolicyFile
from tests.integration.connectors.conftest import Sandbox

LINK = "https://teams.microsoft.com/l/chat/0/0?users=28:x"


def accepted(sandbox: Sandbox, text: str) -> list[str]:
    taken = control.call(sandbox.state, "accepted")["accepted"]
    return [each["kind"] for each in taken if text in str(each)]


async def test_it_goes_out_once_from_the_askers_mailbox(sandbox: Sandbox, graph: GraphClient) -> None:
    notices, subject = Notices(graph, Egress(PolicyFile())), f"Your decision is needed: {uuid.uuid4().hex}"
    megan, alex = sandbox.person("megan"), sandbox.person("alex")
    drafts = [await notices.draft(megan, alex, subject, f"It waits.\n{LINK}", subject) for _ in range(2)]
    assert drafts[0] == drafts[1]
    for _ in range(3):
        await notices.send(megan, drafts[0])
    assert accepted(sandbox, subject).count("mail.send") == 1


async def test_who_is_not_in_the_directory_gets_none(sandbox: Sandbox, graph: GraphClient) -> None:
    notices, subject = Notices(graph, Egress(PolicyFile())), f"Your decision is needed: {uuid.uuid4().hex}"
    nobody = Person("99999999-9999-4999-8999-999999999999", "Alex Wilber", "alex.wilber@contoso.example")
    with pytest.raises(NotFound):
        await notices.draft(sandbox.person("megan"), nobody, subject, "It waits.", subject)
    assert accepted(sandbox, subject) == []
