"""The types of fields that several sections of `platform.yaml` have."""

from typing import Annotated, Any

from pydantic import Field


def matching(pattern: str, allowed: str, max_length: int = 1024) -> Any:
    """A field whose whole text matches `pattern`; `allowed` says so in the words of an error."""
    return Field(pattern=f"^({pattern})$", max_length=max_length, description=allowed)


AccountId = Annotated[str, matching(r"\d{12}", '12 digits in quotes, such as "111122223333"')]
Region = Annotated[str, matching(r"[a-z]{2}(-[a-z]+)+-\d", "an AWS region, such as us-east-1")]
Email = Annotated[str, matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address")]
PolicyArn = Annotated[
    str | None,
    matching(
        r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+",
        "the ARN of an IAM policy, such as arn:aws:iam::111122223333:policy/Boundary",
    ),
]
