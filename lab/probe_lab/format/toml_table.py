"""Reading hand-written TOML tables: every field by name and type, and an error that names file, key and reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probe_lab.format.ranges import Range, RangeError, parse_range


class ScenarioError(ValueError):
    """A scenario file that cannot be used: `file: key: reason`."""


class Table:
    """One TOML table while it is being read. `close` objects to fields that nobody asked for."""

    def __init__(self, fields: object, *, where: str) -> None:
        """`where` is `file: key` for messages. Raises ScenarioError when `fields` is no table."""
        self.where = where
        if not isinstance(fields, dict):
            raise ScenarioError(f"{where}: want a table, got {type(fields).__name__}")
        self._fields: Mapping[str, object] = fields
        self._read: set[str] = set()

    def error(self, key: str, reason: str) -> ScenarioError:
        """An error about one field of this table."""
        return ScenarioError(f"{self.where}{key}: {reason}")

    def has(self, key: str) -> bool:
        """True when the field is given."""
        return key in self._fields

    def names(self) -> tuple[str, ...]:
        """Names of all fields, in the order of the file."""
        return tuple(self._fields)

    def raw(self, key: str) -> object:
        """The field as tomllib gives it; None when absent."""
        self._read.add(key)
        return self._fields.get(key)

    def text(self, key: str, *, default: str | None = None, among: Sequence[str] = ()) -> str:
        """A string, required when there is no default, one of `among` when given."""
        value = self.raw(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not (value or default == ""):
            raise self.error(key, "want a text" if self.has(key) else "missing")
        if among and value not in among:
            raise self.error(key, f"unknown {value!r}; known: {', '.join(sorted(among))}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A string or a list of strings; empty when absent."""
        value = self.raw(key)
        items = [value] if isinstance(value, str) else [] if value is None else value
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise self.error(key, "want a text or a list of texts")
        return tuple(items)

    def flag(self, key: str) -> bool | None:
        """True, false, or None when absent."""
        value = self.raw(key)
        if value is not None and not isinstance(value, bool):
            raise self.error(key, "want true or false")
        return value

    def number(self, key: str, *, default: int, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.error(key, f"want a whole number from {low} to {high}")
        return value

    def numbers(self, key: str) -> tuple[int, ...]:
        """A whole number or a list of them; empty when absent."""
        value = self.raw(key)
        items = [] if value is None else value if isinstance(value, list) else [value]
        if not all(isinstance(item, int) and not isinstance(item, bool) for item in items):
            raise self.error(key, "want a whole number or a list of them")
        return tuple(items)

    def range(self, key: str) -> Range | None:
        """A range in the notation of `probe_lab.format.ranges`; None when absent."""
        value = self.raw(key)
        if value is None:
            return None
        try:
            return parse_range(value)
        except RangeError as error:
            raise self.error(key, str(error)) from error

    def table(self, key: str) -> Table:
        """A table inside this one; an empty one when absent."""
        value = self.raw(key)
        return Table({} if value is None else value, where=f"{self.where}{key}.")

    def tables(self, key: str) -> tuple[Table, ...]:
        """A list of tables (`[[key]]`); empty when absent."""
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.error(key, f"want [[{key}]]")
        return tuple(Table(item, where=f"{self.where}{key}[{index}].") for index, item in enumerate(value, 1))

    def close(self) -> None:
        """Raise ScenarioError when a field was given that nothing has read."""
        unknown = sorted(set(self._fields) - self._read)
        if unknown:
            raise self.error(unknown[0], f"unknown field; known: {', '.join(sorted(self._read))}")
