"""What a model's server understands of a request; it is learnt from what the server refuses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from semantic_kernel.connectors.ai.open_ai import OpenAIChatPromptExecutionSettings

_SEED = 7


@dataclass(frozen=True)
class Dialect:
    """Servers that speak "the OpenAI protocol" differ in these.

    Attributes:
        form: How the answer's form is asked for.
        limit: What the parameter is called that bounds the answer; empty: it takes none.
        steady: It takes a temperature; models that reason do not.
        seeded: It takes a seed.
    """

    form: Literal["json_schema", "json_object"] = "json_schema"
    limit: Literal["max_tokens", "max_completion_tokens", ""] = "max_tokens"
    steady: bool = True
    seeded: bool = True

    def without(self, complaint: str) -> Dialect | None:
        """What to try after the server refused a request as it was; None if nothing is left.

        Args:
            complaint: The parameter that it names, and its words.
        """
        said = complaint.lower()
        if self.limit == "max_tokens" and "max_completion_tokens" in said:
            return replace(self, limit="max_completion_tokens")
        if self.limit and self.limit in said:
            return replace(self, limit="")
        if self.steady and "temperature" in said:
            return replace(self, steady=False)
        if self.seeded and "seed" in said:
            return replace(self, seeded=False)
        if self.form == "json_schema":
            return replace(self, form="json_object")
        return None

    def settings(self, schema: dict[str, Any], name: str, most: int) -> OpenAIChatPromptExecutionSettings:
        """A request's settings.

        Args:
            schema: Of the answer.
            name: Of the schema.
            most: Tokens that the answer may take.
        """
        wanted: dict[str, Any] = {"response_format": {"type": "json_object"}}
        if self.form == "json_schema":
            described = {"name": name, "schema": schema, "strict": is_closed(schema)}
            wanted["response_format"] = {"type": "json_schema", "json_schema": described}
        if self.limit:
            wanted[self.limit] = most
        if self.steady:
            wanted["temperature"] = 0.0
        if self.seeded:
            wanted["seed"] = _SEED
        return OpenAIChatPromptExecutionSettings(**wanted)


def is_closed(schema: Any) -> bool:
    """Whether a JSON Schema can be held to strictly: every object has required properties and no others."""
    if isinstance(schema, list):
        return all(is_closed(each) for each in schema)
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or set(schema.get("required", [])) != set(properties):
            return False
        return all(is_closed(each) for each in properties.values())
    return all(is_closed(each) for key, each in schema.items() if key in ("items", "anyOf", "$defs"))
