"""Streams in personal chats: a line that says what is being done, until the next message takes its place.

Pure: it is told the time and sends nothing.
Source: Microsoft Learn, "Stream bot messages": personal chats only, one stream for each chat at a time, two minutes.
"""

from __future__ import annotations

import msgspec

from bot.compat import StreamInfo

LONGEST_SECONDS = 100.0  # Teams ends a stream after two minutes; its last message must be there before
PAUSE_SECONDS = 1.5
LONGEST_TEXT = 900
REFUSED_FOR_SECONDS = 3600.0


class _Stream(msgspec.Struct):
    began_at: float
    said_at: float
    id: str = ""
    sequence: int = 0
    text: str = ""


class Streams:
    """The open streams by conversation."""

    def __init__(self) -> None:
        self._open: dict[str, _Stream] = {}
        self._refused: dict[str, float] = {}
        self._messages: dict[str, int] = {}

    def wants(self, conversation: str, text: str, now: float) -> bool:
        """Whether a line with this text may go out: it is new, not too soon, and the chat takes streams."""
        if self._refused.get(conversation, now) > now:
            return False
        stream = self._open.get(conversation)
        if stream is None:
            return True
        return stream.text != text and now - stream.said_at >= PAUSE_SECONDS and now - stream.began_at < LONGEST_SECONDS

    def spoken(self, conversation: str) -> int:
        """How many messages were handed over so far: a line that was overtaken by one must not begin a stream anew."""
        return self._messages.get(conversation, 0)

    def speaks(self, conversation: str) -> None:
        """A message was handed over."""
        self._messages[conversation] = self.spoken(conversation) + 1

    def line(self, conversation: str, text: str, now: float) -> StreamInfo:
        """The next line; the first one opens the stream."""
        stream = self._open.setdefault(conversation, _Stream(began_at=now, said_at=now))
        stream.sequence += 1
        stream.said_at, stream.text = now, text
        return StreamInfo(stream_type="informative", stream_sequence=stream.sequence, stream_id=stream.id or None)

    def opened(self, conversation: str, id_: str) -> None:
        """The channel has named the stream; one without a name cannot go on."""
        stream = self._open.get(conversation)
        if stream is not None and not stream.id:
            if id_:
                stream.id = id_
            else:
                self.close(conversation)

    def id(self, conversation: str, now: float) -> str:
        """The open stream that the next message ends; empty for none, or if the channel has ended it by now."""
        stream = self._open.get(conversation)
        if stream is not None and now - stream.began_at >= LONGEST_SECONDS + 15:
            self.close(conversation)
            return ""
        return stream.id if stream is not None else ""

    @staticmethod
    def end(id_: str) -> StreamInfo:
        """Marks the message that takes the stream's place."""
        return StreamInfo(stream_type="final", stream_id=id_)

    def close(self, conversation: str) -> None:
        """The stream has ended."""
        self._open.pop(conversation, None)

    def refuse(self, conversation: str, now: float) -> None:
        """The chat takes no streams: the person has stopped it, or their client cannot."""
        self.close(conversation)
        self._refused = {each: until for each, until in self._refused.items() if until > now}
        self._refused[conversation] = now + REFUSED_FOR_SECONDS
