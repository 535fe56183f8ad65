"""The page for the platform team, and the keys of a delivery, against what there is."""

import re
from pathlib import Path

from modelyard import names
from modelyard.settings import load_settings
from modelyard.settings.delivery import DeliveryKeys, SourceKeys
from tests.synthesis import ROOT

PAGE = (ROOT / "docs" / "delivery.md").read_text()
SETTINGS = (ROOT / "docs" / "settings.md").read_text()


def test_every_key_of_a_delivery_is_documented() -> None:
    section = SETTINGS.split("\n## delivery\n")[1].split("\n## ")[0]
    own, source = section.split("`source` has")
    assert re.findall(r"^\| `(\w+)` \|", own, re.MULTILINE) == list(DeliveryKeys.model_fields)
    assert re.findall(r"^\| `(\w+)` \|", source, re.MULTILINE) == list(SourceKeys.model_fields)


def test_the_example_of_the_page_is_a_file_that_can_be_read(tmp_path: Path) -> None:
    (example, source) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "platform.yaml"
    file.write_text(example)
    settings = load_settings(file)
    assert [stage.name for stage in settings.delivered_stages()] == ["dev", "staging", "prod"]
    given = source.split("delivery:\n")[1]
    file.write_text(example.replace("delivery:\n", f"delivery:\n{given}"))
    found = load_settings(file).delivery
    assert found and found.source and found.source.branch == "main"


def test_the_page_names_what_there_is() -> None:
    assert f"s3://{names.delivery_bucket('source', '222233334444', 'us-east-1')}/source.zip" in PAGE
    for name in (names.delivery_stack(), names.delivery_stack("<region>"), names.delivery_pipeline()):
        assert name in PAGE
    for purpose in ("verify", "assets"):
        assert f"`{names.delivery_project(purpose)}`" in PAGE
    assert names.delivery_stage("<first stage>") in PAGE
