"""The control desk: break and mend systems, read accepted writes, end sign-ins. For the CLI and for tests."""

from __future__ import annotations

import hmac
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from connectors.sandbox.accesslog import AccessLog
from connectors.sandbox.data import Tenant
from connectors.sandbox.drives import Drives
from connectors.sandbox.faults import SYSTEMS, Faults
from connectors.sandbox.guard import refuse_browsers
from connectors.sandbox.hurdles import Hurdles
from connectors.sandbox.mailroom import Mailroom
from connectors.sandbox.messages import INBOX, Address
from connectors.sandbox.office import Office
from connectors.sandbox.replies import GraphError
from connectors.sandbox.sessions import Sessions
from connectors.sandbox.talks import ChatMessage
from orchestration.errors import Invalid, Unavailable

KEY_HEADER = "X-Control-Key"


class Control:
    """Serves /control; every request needs the key from sandbox.json and must not come from a web page."""

    def __init__(
        self,
        tenant: Tenant,
        key: str,
        *,
        faults: Faults,
        hurdles: Hurdles,
        sessions: Sessions,
        drives: Drives,
        log: AccessLog,
        office: Office,
        mailroom: Mailroom,
    ) -> None:
        self._tenant = tenant
        self._key = key
        self._faults = faults
        self._hurdles = hurdles
        self._sessions = sessions
        self._drives = drives
        self._log = log
        self._office = office
        self._mailroom = mailroom

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds the control desk's paths."""
        router.add_get("/control", self._guarded(self._overview))
        router.add_get("/control/writes", self._guarded(self._writes))
        router.add_get("/control/accepted", self._guarded(self._accepted))
        router.add_post("/control/mail", self._guarded(self._mail))
        router.add_post("/control/say", self._guarded(self._say))
        router.add_post("/control/delay", self._guarded(self._delay))
        router.add_get("/control/requests", self._guarded(self._requests))
        router.add_post("/control/break", self._guarded(self._break))
        router.add_post("/control/hurdle", self._guarded(self._hurdle))
        router.add_post("/control/mend", self._guarded(self._mend))
        router.add_post("/control/sign-out", self._guarded(self._sign_out))
        router.add_post("/control/expire", self._guarded(self._expire))

    def _guarded(self, answer: Any) -> Any:
        async def handler(request: web.Request) -> web.Response:
            reason = refuse_browsers(request)
            key = request.headers.get(KEY_HEADER, "")
            if reason is None and not hmac.compare_digest(key.encode(), self._key.encode()):
                reason = f"the {KEY_HEADER} header must carry the control_key of sandbox.json"
            if reason:
                return web.json_response({"error": reason}, status=403)
            body: dict[str, Any] = {}
            if request.method == "POST":
                try:
                    body = json.loads(await request.text() or "{}")
                    if not isinstance(body, dict):
                        raise TypeError("the body must be a JSON object")
                except (ValueError, TypeError) as error:
                    return web.json_response({"error": str(error)}, status=400)
            try:
                return web.json_response(answer(body))
            except (ValueError, TypeError) as error:
                return web.json_response({"error": str(error)}, status=400)

        return handler

    def _overview(self, body: dict[str, Any]) -> dict[str, Any]:
        signed_in = [key for key in self._tenant.people if self._sessions.anywhere(key)]
        return {"broken": self._broken(), "writes": len(self._drives.writes), "signed_in": signed_in}

    def _broken(self) -> dict[str, Any]:
        broken: dict[str, Any] = {}
        for system in SYSTEMS:
            for fault in self._faults.all(system):
                broken[f"{system} {fault.path}".strip()] = {
                    "seconds": round(self._faults.left_seconds(fault), 1),
                    "status": fault.status,
                    "latency_seconds": fault.latency_seconds,
                    "times": fault.times,
                    **({"drop": True} if fault.drop else {}),
                }
        for hurdle in self._hurdles.standing():
            name = " ".join(part for part in ("sign-in", hurdle.kind, hurdle.person, hurdle.at) if part)
            broken[name] = {"seconds": round(self._hurdles.left_seconds(hurdle), 1)}
        return broken

    def _writes(self, body: dict[str, Any]) -> dict[str, Any]:
        writes = [write.public() for write in self._drives.writes]
        return {"count": len(writes), "writes": writes}

    def _accepted(self, body: dict[str, Any]) -> dict[str, Any]:
        """Every write that was accepted, in order: mail, events, chat messages, shared files, uploads."""
        uploads = [{**write.public(), "kind": "file.upload"} for write in self._drives.writes]
        found = sorted([*self._office.journal.accepted, *uploads], key=lambda each: str(each["time"]))
        return {"count": len(found), "accepted": found}

    def _mail(self, body: dict[str, Any]) -> dict[str, Any]:
        """A person writes a mail, or answers the newest one in their inbox whose subject has `answers` in it."""
        person = self._tenant.people[self._person(body)]
        text = str(body.get("body") or "")
        if "answers" in body:
            wanted = str(body["answers"]).casefold()
            inbox = sorted(self._mailroom.messages(person, INBOX), key=lambda m: m.sent)
            found = [m for m in inbox if wanted in m.subject.casefold()]
            if not found:
                raise ValueError(f"{person.name} has no mail about {body['answers']!r}")
            message = self._mailroom.reply(found[-1], person, text)
        else:
            message = self._mailroom.new(person, str(body.get("subject") or ""))
            message.body = text
            for key in body.get("to") or []:
                to = self._tenant.people.get(str(key))
                message.to.append(Address(to.name, to.upn) if to else Address(str(key), str(key)))
        try:
            self._mailroom.send(message, person)
        except GraphError as error:
            raise ValueError(str(error)) from error
        return {"person": person.key, "subject": message.subject, "to": [each.address for each in message.to]}

    def _say(self, body: dict[str, Any]) -> dict[str, Any]:
        """A person writes into their newest chat with `to`, or the chat with this id."""
        person, other = self._person(body), str(body.get("to") or "")
        talks = [
            t
            for t in self._office.talks
            if person in t.members and (t.id == other or set(t.members) == {person, other})
        ]
        if not talks:
            raise ValueError(f"{person} has no chat with {other!r}")
        now = datetime.now(UTC)
        said = ChatMessage(str(int(now.timestamp() * 1000)), talks[0].id, person, now, str(body.get("text") or ""))
        change = self._office.chat_messages.put(f"{said.talk}/{said.id}", said)
        self._office.journal.commit([change], "chat.post", person, id=said.id, talk=said.talk, text=said.body)
        return {"talk": said.talk, "id": said.id}

    def _delay(self, body: dict[str, Any]) -> dict[str, Any]:
        seconds = body.get("sent_items_seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 3600:
            raise ValueError("sent_items_seconds must be from 0 to 3600")
        self._mailroom.sent_items_delay_seconds = float(seconds)
        return {"sent_items_seconds": seconds}

    def _requests(self, body: dict[str, Any]) -> dict[str, Any]:
        counts = sorted(self._log.counts.items())
        return {"requests": [{"system": s, "method": m, "status": c, "count": n} for (s, m, c), n in counts]}

    def _break(self, body: dict[str, Any]) -> dict[str, Any]:
        known = {"system", "seconds", "status", "latency_seconds", "times", "path", "drop", "retry_after"}
        if unknown := set(body) - known:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        if not {"system", "seconds"} <= set(body):
            raise ValueError("system and seconds must be given")
        self._faults.break_system(**body)
        return {"broken": self._broken()}

    def _mend(self, body: dict[str, Any]) -> dict[str, Any]:
        system = body.get("system")
        if system is not None and system not in SYSTEMS:
            raise ValueError(f"there is no system {system!r}; there are {', '.join(SYSTEMS)}")
        self._faults.mend(system)
        if system is None:
            self._hurdles.clear()
        return {"broken": self._broken()}

    def _hurdle(self, body: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(body) - {"kind", "seconds", "person", "at"}:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        person = self._person(body) if body.get("person") else ""
        kind, at = str(body.get("kind") or ""), str(body.get("at") or "")
        self._hurdles.put(kind, body.get("seconds", 0), person, at)
        return {"broken": self._broken()}

    def _person(self, body: dict[str, Any]) -> str:
        key = body.get("person")
        if key not in self._tenant.people:
            raise ValueError(f"there is no person {key!r}; there are {', '.join(self._tenant.people)}")
        return str(key)

    def _sign_out(self, body: dict[str, Any]) -> dict[str, Any]:
        person = self._person(body)
        self._sessions.sign_out(person)
        return {"person": person, "signed_in": False}

    def _expire(self, body: dict[str, Any]) -> dict[str, Any]:
        person = self._person(body)
        self._sessions.expire(person)
        return {"person": person, "signed_in": self._sessions.anywhere(person)}


def break_system(
    state: Path,
    system: str,
    seconds: float,
    status: int | None = None,
    latency_seconds: float | None = None,
    *,
    times: int | None = None,
    path: str | None = None,
    drop: bool = False,
    retry_after: float | None = None,
) -> dict[str, Any]:
    """Breaks a system of the sandbox that runs with this state folder; returns what is broken now.

    Args:
        state: The sandbox's state folder, where sandbox.json is.
        system: sap, dynamics, graph, authority or model.
        seconds: For how long.
        status: Error status of every answer; 503 if neither this nor a latency is given.
        latency_seconds: Delay before every answer.
        times: Only for this many requests.
        path: Only at this path and below, without the system's prefix: /me/sendMail.
        drop: Writes are carried out, then the connection is cut without an answer.
        retry_after: What Retry-After says; may have decimals.

    Raises:
        Unavailable: No sandbox runs there.
        Invalid: The sandbox does not take these arguments; the message says why.
    """
    wanted = {
        "system": system,
        "seconds": seconds,
        "status": status,
        "latency_seconds": latency_seconds,
        "times": times,
        "path": path,
        "drop": drop or None,
        "retry_after": retry_after,
    }
    return call(state, "break", {name: value for name, value in wanted.items() if value is not None})


def put_hurdle(state: Path, kind: str, seconds: float, person: str = "", at: str = "") -> dict[str, Any]:
    """Puts something between people and their tokens in the running sandbox; returns what is broken now.

    Args:
        state: The sandbox's state folder, where sandbox.json is.
        kind: One of `hurdles.KINDS`.
        seconds: For how long.
        person: Key of the person; empty for everybody.
        at: graph, sap or dynamics; empty for all of them.

    Raises:
        Unavailable: No sandbox runs there.
        Invalid: The sandbox does not take these arguments; the message says why.
    """
    return call(state, "hurdle", {"kind": kind, "seconds": seconds, "person": person, "at": at})


def mend_system(state: Path, system: str | None = None) -> dict[str, Any]:
    """Mends one system of the running sandbox, or all; returns what is still broken."""
    return call(state, "mend", {"system": system} if system else {})


def call(state: Path, action: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Sends one request to the control desk: GET without a body, POST with one.

    Raises:
        Unavailable: No sandbox runs with this state folder.
        Invalid: The control desk refuses; the message says why.
    """
    try:
        described = json.loads((state / "sandbox.json").read_bytes())
    except FileNotFoundError:
        message = f"No sandbox is running with the state folder {state}. Start it with 'tandem up' or 'tandem sandbox'."
        raise Unavailable(message) from None
    data = None if body is None else json.dumps(body).encode()
    headers = {KEY_HEADER: described["control_key"], "Content-Type": "application/json"}
    url = f"{described['control']}/{action}".rstrip("/")
    request = urllib.request.Request(url, data, headers)  # noqa: S310  # http on loopback, from our own file
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            answer: dict[str, Any] = json.loads(response.read())
            return answer
    except urllib.error.HTTPError as error:
        raise Invalid(str(json.loads(error.read()).get("error", error))) from error
    except OSError as error:
        message = f"The sandbox of {state} does not answer ({error}). It may have been killed: start it again."
        raise Unavailable(message) from error
