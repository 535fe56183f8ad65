"""What a construct of the platform knows of its place, so that the CDK is not asked for it again."""

from weakref import WeakKeyDictionary

from aws_cdk import App, Stack, Stage
from constructs import Construct, IConstruct

__all__ = ["Part", "app_of", "stack_of", "tell_app"]


class Part(Construct):
    """A construct of the platform.

    Attributes:
        stack: the stack that it is in.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        self.stack = stack_of(scope)


def stack_of(scope: IConstruct) -> Stack:
    """The stack of `scope`."""
    match scope:
        case Stack():
            return scope
        case Part():
            return scope.stack
        case _:
            return Stack.of(scope)


def app_of(stack: Stack) -> Stage:
    """The App of `stack`, or the Stage of it that makes an assembly of its own."""
    if stack not in _APPS:
        app = Stage.of(stack)
        assert app is not None, "a stack is in an App"
        _APPS[stack] = app
    return _APPS[stack]


def tell_app(stack: Stack, scope: Construct) -> None:
    """Let `scope`, of which `stack` was made, be its App if it is one."""
    if isinstance(scope, App):
        _APPS[stack] = scope


_APPS: WeakKeyDictionary[Stack, Stage] = WeakKeyDictionary()
