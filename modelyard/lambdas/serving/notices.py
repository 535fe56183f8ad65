"""Notifications: what a person should know, once, by SNS where a topic is set, and in the log in any case."""

from __future__ import annotations

import json

from .ledger import Notice, Records
from .runtime import Runtime, log


def notify(runtime: Runtime, endpoint_name: str, records: Records, key: str, subject: str, text: str) -> None:
    """Send a notification unless `key` was sent before.

    It is sent first and remembered then: a crash between the two sends it twice rather than never. A topic that cannot
    be reached is logged and does not stop the endpoint; the notification is tried again when its cause is seen again.
    """
    if any(notice.key == key for notice in records.notices):
        return
    log("notification", endpoint=endpoint_name, subject=subject, text=text)
    if runtime.topic_arn and not _published(runtime, endpoint_name, subject, text):
        return
    notice = Notice(key=key, at=runtime.now(), text=f"{subject}: {text}")
    runtime.ledger.add_notice(endpoint_name, notice)
    records.notices.append(notice)


def _published(runtime: Runtime, endpoint_name: str, subject: str, text: str) -> bool:
    message = json.dumps({"endpoint": endpoint_name, "subject": subject, "text": text, "at": runtime.now()}, indent=2)
    title = f"{endpoint_name}: {subject}"[:100]  # the most that SNS takes
    try:
        runtime.client("sns").publish(TopicArn=runtime.topic_arn, Subject=title, Message=message)
    except Exception as error:
        log("notification not sent", endpoint=endpoint_name, error=str(error))
        return False
    return True
