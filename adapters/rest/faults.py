"""What is wrong with a mapping: each fault at the place in the configuration that it is about."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Place = tuple[str | int, ...]
"""Keys from the section that is checked to the place of a fault."""


class Faults:
    """Gathers all faults of a section, so that they are reported together."""

    def __init__(self) -> None:
        self._found: list[tuple[Place, str]] = []

    def add(self, place: Place, message: str) -> None:
        self._found.append((place, message))

    def unknown(self, place: Place, what: str, name: str, known: Iterable[str]) -> None:
        names = list(known)
        close = get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
        self.add(place, f"{what} ({hint})")

    def add_all(self, place: Place, error: ValidationError) -> None:
        """The faults that pydantic found in a part of the section."""
        for detail in error.errors(include_url=False, include_input=False, include_context=False):
            self.add((*place, *detail["loc"]), detail["msg"].removeprefix("Value error, "))

    def __len__(self) -> int:
        return len(self._found)

    def as_error(self, title: str) -> ValidationError:
        """All of them, in the form that settings are refused with; inputs, which can be secret, left out."""
        return ValidationError.from_exception_data(
            title,
            [
                InitErrorDetails(
                    # The message is no template: braces in it are the user's own.
                    type=PydanticCustomError("mapping", "{message}", {"message": message}),
                    loc=place,
                    input=None,
                )
                for place, message in self._found
            ],
            hide_input=True,
        )
