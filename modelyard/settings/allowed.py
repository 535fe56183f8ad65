"""What the schema says a place in the file may hold."""

import types
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

KEY = "[key]"
"""pydantic's name for the key of a mapping, as the last part of a location."""


def allowed(annotation: Any, path: tuple[str | int, ...]) -> str:
    """The innermost description on the way along `path`, or the names of the keys where it ends in a section."""
    own = ""
    if get_origin(annotation) is Annotated:
        annotation, *metadata = get_args(annotation)
        own = next((item.description or "" for item in metadata if isinstance(item, FieldInfo)), "")
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = get_args(annotation)[0]
    return _inside(annotation, path) or own


def expected(annotation: Any, path: tuple[str, ...]) -> Any:
    """The type of what `path` may hold, None left out: `str`, `tuple[…]`, …; None if there is no such place."""
    if get_origin(annotation) is Annotated:
        return expected(get_args(annotation)[0], path)
    if get_origin(annotation) in (Union, types.UnionType):
        choices = [choice for choice in get_args(annotation) if choice is not types.NoneType]
        return expected(choices[0], path) if len(choices) == 1 else annotation
    if not path:
        return annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(path[0])
        return expected(field.annotation, path[1:]) if field else None
    return expected(get_args(annotation)[1], path[1:]) if get_origin(annotation) is dict else None


def _inside(annotation: Any, path: tuple[str | int, ...]) -> str:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not path:
            return ", ".join(annotation.model_fields)
        field = annotation.model_fields.get(str(path[0]))
        return "" if field is None else allowed(field.annotation, path[1:]) or field.description or ""
    if not path:
        return ""
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return allowed(arguments[0], ()) if path[-1] == KEY and len(path) == 2 else allowed(arguments[1], path[1:])
    return allowed(arguments[0], path[1:]) if arguments else ""
