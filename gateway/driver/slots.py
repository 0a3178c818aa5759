"""A faster way to make objects of frozen classes with many fields."""

import dataclasses
from typing import Any, TypeVar

T = TypeVar("T")


def sets_slots(cls: type[T]) -> type[T]:
    """Let a frozen, slotted dataclass set its fields through its slots.

    Otherwise each field goes through ``object.__setattr__``, which looks its name
    up again: for the 25 fields of a snapshot 2.2 us instead of 0.9 (measured on
    Python 3.11), half of what a driver needs to make one from a row. As dataclasses
    does, this writes the method's source, which only the class decides.
    """
    scope: dict[str, Any] = {}
    parameters, lines = ["self"], []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        name, value = field.name, field.name
        scope[f"_set_{name}"] = getattr(cls, name).__set__
        if field.default is not dataclasses.MISSING:
            scope[f"_default_{name}"] = field.default
            parameters.append(f"{name}=_default_{name}")
        elif field.default_factory is not dataclasses.MISSING:
            scope[f"_default_{name}"], scope[f"_make_{name}"] = object(), field.default_factory
            parameters.append(f"{name}=_default_{name}")
            value = f"_make_{name}() if {name} is _default_{name} else {name}"
        else:
            parameters.append(name)
        lines.append(f"    _set_{name}(self, {value})")
    source = f"def __init__({', '.join(parameters)}):\n" + "\n".join(lines)
    exec(source, scope)  # noqa: S102 - of field names only
    scope["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    cls.__init__ = scope["__init__"]  # type: ignore[method-assign]
    return cls
