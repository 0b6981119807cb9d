"""Reads a section of ``policy.yaml`` that lists things by their names, each a mapping of known keys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wharfinger.access import policy_sections
from wharfinger.access.policy_reading import Reading
from wharfinger.access.policy_things import Item
from wharfinger.access.yaml_plain import note, plain
from wharfinger.access.yaml_tree import Tree
from wharfinger.errors import RequestInvalid


@dataclass(frozen=True, slots=True)
class Form:
    """What a thing looks like.

    ``fields`` reads each key from (value, path) and raises RequestInvalid; ``whole`` answers with (path, what is
    wrong) of a thing whose single keys are right. ``called`` is what people call one, ``at_most`` how many there are.
    """

    noun: str
    called: str
    fields: Mapping[str, Callable[[object, str], object]]
    required: tuple[str, ...]
    whole: Callable[[Mapping[str, object]], tuple[str, str] | None]
    at_most: int

    def read(self, reading: Reading, node: Tree, path: str) -> tuple[Item, ...]:
        """The things; what is wrong is noted."""
        found: dict[str, Item] = {}
        for value, at in reading.items(node, path):
            one = self._one(reading, value, at)
            if one is not None and one.name in found:
                reading.note(value, f"{at}.name", f"there are two {self.called}s of the name {one.name}")
            elif one is not None:
                found[one.name] = one
        if len(found) > self.at_most:
            reading.note(node, path, f"more than {self.at_most} {self.called}s")
        return tuple(found.values())

    def _one(self, reading: Reading, node: Tree, path: str) -> Item | None:
        noted = len(reading.problems)
        given = reading.fields(node, path, tuple(self.fields), required=self.required)
        fields = {key: plain(reading, value, f"{path}.{key}") for key, value in given.items()}
        for key, value in fields.items() if len(reading.problems) == noted else ():
            try:
                self.fields[key](value, f"{path}.{key}")
            except RequestInvalid as refused:
                note(reading, f"{path}.{key}", refused)
        if len(reading.problems) > noted:
            return None
        wrong = self.whole(fields)
        if wrong is not None:
            key, problem = wrong
            reading.note(node, f"{path}.{key}" if key else path, problem)
            return None
        return policy_sections.item(self.noun, fields)
