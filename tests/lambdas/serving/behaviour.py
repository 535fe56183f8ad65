"""What the hook must do, as a check that can also be run against a hook with a bug planted in it."""

from __future__ import annotations

from tests.lambdas.serving.hook import Stage

# Who does what, and what must be served when everything has come to rest.
_REVIEWS = [
    ("approve", 1, "1"),
    ("approve", 3, "3"),
    ("approve", 2, "2"),
    ("reject", 2, "3"),
    ("approve", 2, "2"),
    ("approve", 1, "1"),
    ("reject", 1, "2"),
    ("reject", 3, "2"),
    ("reject", 2, "2"),
]


def check_reviews_end_where_they_should(stage: Stage) -> None:
    """Three versions are approved, rejected and approved again; after each review the right one answers."""
    project = stage.endpoint("reviews")
    project.declare()
    for _ in range(3):
        project.register()
    assert project.settle() == "Absent"
    for number, (verb, version, expected) in enumerate(_REVIEWS):
        getattr(project, verb)(version)
        served = project.settle()
        assert served == expected, f"review {number}: after {verb} {version} version {served} answers, not {expected}"
