"""Every port that is needed is known before anything starts."""

from __future__ import annotations

import socket

import pytest

from bot.cli.ports import Ports, answers, require_free
from bot.cli.trouble import Trouble


def test_each_window_needs_a_playground_and_a_proxy() -> None:
    assert set(Ports(windows=3).needed()) == {3978, 56200, 56201, 56211, 56212, 56213, 56151, 56152, 56153}


def test_without_playgrounds_their_ports_belong_to_the_chats() -> None:
    assert set(Ports().needed(playground=False)) == {3978, 56200, 56201, 56211, 56212}


def test_the_bots_port_is_not_needed_when_somebody_else_starts_it() -> None:
    assert 3978 not in Ports().needed(bot=False)


def test_all_taken_ports_are_named_with_the_way_out() -> None:
    with socket.socket() as one, socket.socket() as two:
        for listener in (one, two):
            listener.bind(("127.0.0.1", 0))
            listener.listen()
        first, second = one.getsockname()[1], two.getsockname()[1]

        with pytest.raises(Trouble) as caught:
            require_free({first: ("the bot", "--bot-port"), second: ("the Playground", "--playground-port")})

    assert f"Port {first} is taken, and the bot needs it (--bot-port moves it)." in caught.value.message
    assert f"Port {second} is taken" in caught.value.message


async def test_nobody_answers_where_nobody_listens() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))

        assert not await answers(held.getsockname()[1], "/healthz", holding=b" 200 ")
