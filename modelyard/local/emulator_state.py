"""Everything that ministack holds, taken out of it and put back, by its private names.

ministack itself saves at shutdown only, S3 objects and Lambda code apart from the rest; here one consistent copy holds
them all. Held by contract tests like ``emulator.py``.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ministack import app
from ministack.core import persistence, responses
from ministack.services import lambda_svc, s3
from ministack.services.cloudformation import stacks as cloudformation_stacks

__all__ = ["capture", "decode_hook", "encode_default", "mark_interrupted", "restore", "undisturbed"]

encode_default = persistence._json_default
decode_hook = persistence._json_object_hook

# s3.get_state() leaves these out: it expects the object bodies in files of their own.
_S3_STORES = (
    "_object_tags",
    "_object_acl",
    "_object_annotations",
    "_object_versions",
    "_object_retention",
    "_object_legal_hold",
)
_OBJECTS = "modelyard_objects"

# What a stack is after its operation was cut off. CDK deletes and creates anew after a failed creation, updates after a
# failed update, deletes after a failed deletion.
_AFTER_INTERRUPTION = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_FAILED",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_IN_PROGRESS": "IMPORT_ROLLBACK_FAILED",
    "IMPORT_ROLLBACK_IN_PROGRESS": "IMPORT_ROLLBACK_FAILED",
}
INTERRUPTED = "Interrupted: the local AWS ended while this was in progress"


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep Python from giving other threads a turn, so that what is copied inside is of one moment."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(60.0)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def capture() -> dict[str, Any]:
    """A copy of the state of every service in use, by ministack's name of it; bytes are shared, not copied."""
    states = {name: get_state() for name, get_state in app._build_persistence_save_dict().items()}
    if "s3" in states:
        objects = {name: copy.deepcopy(getattr(s3, name)) for name in _S3_STORES}
        held = responses.AccountScopedDict()
        held._data.update({key: copy.deepcopy(bucket["objects"]) for key, bucket in s3._buckets._data.items()})
        states["s3"] = {**states["s3"], _OBJECTS: {**objects, "objects": held}}
    return {name: state for name, state in states.items() if state}


def restore(states: dict[str, Any]) -> None:
    """Put back what ``capture`` took, into a process that has served nothing yet."""
    for name, module in app._state_map.items():
        if name in states:
            app._get_module(module).load_persisted_state(states[name])
    kept = states.get("s3", {}).get(_OBJECTS)
    if kept is None:
        return
    for name in _S3_STORES:
        getattr(s3, name)._data.update(kept[name]._data)
    for key, objects in kept["objects"]._data.items():
        s3._buckets._data[key]["objects"] = objects


def mark_interrupted() -> list[str]:
    """Give stacks that were half-done a final status; returns ``NAME (STATUS)`` of each as it was."""
    from ministack.services import cloudformation

    found = []
    for (account, region, _name), stack in list(cloudformation._stacks._data.items()):
        was = stack.get("StackStatus", "")
        if was not in _AFTER_INTERRUPTION:
            continue
        stack.update(StackStatus=_AFTER_INTERRUPTION[was], StackStatusReason=INTERRUPTED)
        name, stack_id = stack["StackName"], stack["StackId"]
        with responses.request_scope(account, region):
            cloudformation_stacks._add_event(
                stack_id, name, name, "AWS::CloudFormation::Stack", stack["StackStatus"], INTERRUPTED, stack_id
            )
        found.append(f"{name} ({was})")
    return found


def _keep_code_inline(function: dict[str, Any], referenced: set[str]) -> None:
    """Lambda code stays in the state as bytes; ministack would write it to a folder that it also clears."""


lambda_svc._externalize_code_zip = _keep_code_inline
