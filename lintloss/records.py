"""Data classes that are cheap to define and to make: `dataclass`, `field`, `fields` and `replace`, as `dataclasses` has them.

`dataclasses` writes and compiles six methods for each class when its module is imported: 100 ms for the classes of a
check, which is more than the check of a file. Here a method is compiled when it is first called. A frozen class is held
to it by the type checker alone: an `object.__setattr__` for each field was a tenth of the interpreter's time.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import dataclass, field, fields, replace
else:
    MISSING = object()

    class Field:
        """One field of a class: its name and type, its default or what makes it, and whether it counts in `==`."""

        __slots__ = ("compare", "default", "factory", "kw_only", "metadata", "name", "type")

        def __init__(self, default=MISSING, default_factory=MISSING, compare=True, metadata=None):
            self.name = self.type = ""
            self.default = default
            self.factory = default_factory
            self.compare = compare
            self.metadata = metadata or {}
            self.kw_only = False

    def field(**given):
        return Field(**given)

    def fields(owner):
        """Return the fields of a class or of an instance, those of its bases first."""
        kind = owner if isinstance(owner, type) else type(owner)
        if "__record_fields__" not in vars(kind):
            return _standard().fields(owner)
        return tuple(kind.__record_fields__.values())

    def replace(record, /, **changes):
        """Return a copy with some fields changed."""
        kind = type(record)
        if "__record_fields__" not in vars(kind):
            return _standard().replace(record, **changes)
        return kind.__record_replace__(record, **changes)

    class _Twin:
        """What `dataclasses` asks a class for: it may copy our records, and a class of its own may extend one of them."""

        __slots__ = ("frozen", "said")

        def __init__(self, said, frozen):
            self.said = said
            self.frozen = frozen

        def __get__(self, record, owner):
            made = [(each.name, each.type, _standard_field(each)) for each in fields(owner)]
            return getattr(_standard().make_dataclass(owner.__name__, made, frozen=self.frozen), self.said)

    def _standard_field(each):
        start = {"default": each.default, "default_factory": each.factory}
        given = {name: value for name, value in start.items() if value is not MISSING}
        return _standard().field(**given, compare=each.compare, kw_only=each.kw_only)

    def _standard():
        import dataclasses

        return dataclasses

    def dataclass(*, frozen=False, slots=True, kw_only=False, eq=True, order=False):
        """Make a data class, with slots, of an annotated class."""

        def make(cls):
            named = _collect(cls, kw_only)
            compared = tuple(each.name for each in named.values() if each.compare)
            methods = {"__init__": _init, "__record_replace__": _replace}
            if eq:
                methods["__eq__"] = _eq
            if order:
                methods.update(dict.fromkeys(("__lt__", "__le__", "__gt__", "__ge__"), _order))
            if eq and frozen:
                methods["__hash__"] = _hash
            body = {name: value for name, value in vars(cls).items() if name not in named}
            body.pop("__dict__", None)
            body.pop("__weakref__", None)
            body["__slots__"] = tuple(name for name in named if not _has_slot(cls, name))
            body["__record_fields__"] = named
            body |= {said: _Twin(said, frozen) for said in ("__dataclass_fields__", "__dataclass_params__")}
            if eq and not frozen:
                body.setdefault("__hash__", None)
            body.setdefault("__repr__", _repr)
            made = type(cls)(cls.__name__, cls.__bases__, body)
            made.__qualname__ = cls.__qualname__
            for name, write in methods.items():
                if name not in body:
                    setattr(made, name, _late(made, name, write, compared))
            return made

        return make

    def _collect(cls, kw_only):
        """Return the fields of a class by name, inherited ones first."""
        named = {}
        for base in reversed(cls.__mro__[1:]):
            named.update(vars(base).get("__record_fields__", ()))
        for name, kind in cls.__annotations__.items():
            if kind.startswith("ClassVar"):
                continue
            given = vars(cls).get(name, MISSING)
            each = given if isinstance(given, Field) else Field(given)
            each.name, each.type, each.kw_only = name, kind, kw_only
            named[name] = each
        return named

    def _has_slot(cls, name):
        return any(name in vars(base).get("__slots__", ()) for base in cls.__mro__[1:])

    def _late(owner, name, write, compared):
        """Return a method that puts the real one in its own place when it is first called."""

        def first(*given, **named):
            method = _compiled(owner, name, *write(owner, name, compared))
            setattr(owner, name, method)
            return method(*given, **named)

        first.__name__ = name
        return first

    def _compiled(owner, name, text, names):
        exec(text, names)  # of field names that stand in our own classes
        method = names[name]
        method.__qualname__ = f"{owner.__qualname__}.{name}"
        return method

    def _init(owner, name, compared):
        """Write the constructor. A default is found by its field's name, its maker as `make_` and that name."""
        names = {"MISSING": MISSING}
        by_place, by_name, lines = [], [], []
        for each in fields(owner):
            said = each.name
            if each.factory is not MISSING:
                names[f"make_{said}"] = each.factory
                lines.append(f" self.{said} = make_{said}() if {said} is MISSING else {said}\n")
                said += "=MISSING"
            else:
                lines.append(f" self.{said} = {said}\n")
                if each.default is not MISSING:
                    names[f"default_{said}"] = each.default
                    said += f"=default_{said}"
            (by_name if each.kw_only else by_place).append(said)
        taken = ", ".join(["self", *by_place, *(["*", *by_name] if by_name else ())])
        return f"def __init__({taken}):\n{''.join(lines) or ' pass'}", names

    def _replace(owner, name, compared):
        said = [each.name for each in fields(owner)]
        taken = "".join(f", {each}=MISSING" for each in said)
        lines = (f" _made.{each} = self.{each} if {each} is MISSING else {each}\n" for each in said)
        text = f"def {name}(self, *{taken}):\n _made = _new(_owner)\n{''.join(lines)} return _made"
        return text, {"MISSING": MISSING, "_new": object.__new__, "_owner": owner}

    def _tuple(of, compared):
        return f"({''.join(f'{of}.{each}, ' for each in compared)})"

    def _eq(owner, name, compared):
        return (
            "def __eq__(self, other):\n"
            " if self is other: return True\n"
            " if other.__class__ is not self.__class__: return NotImplemented\n"
            f" return {_tuple('self', compared)} == {_tuple('other', compared)}"
        ), {}

    def _hash(owner, name, compared):
        return f"def __hash__(self):\n return hash({_tuple('self', compared)})", {}

    def _order(owner, name, compared):
        sign = {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}[name]
        return (
            f"def {name}(self, other):\n"
            " if other.__class__ is not self.__class__: return NotImplemented\n"
            f" return {_tuple('self', compared)} {sign} {_tuple('other', compared)}"
        ), {}

    def _repr(self):
        said = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self))
        return f"{self.__class__.__qualname__}({said})"


__all__ = ["dataclass", "field", "fields", "replace"]
