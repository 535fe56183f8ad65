from __future__ import annotations

import json

from tests.local.sagemaker.lab import Lab, unique

COPY = """
import json, os, pathlib, shutil, sys
ml = pathlib.Path("/opt/ml/processing")
for path in (ml / "input/data").rglob("*.csv"):
    shutil.copy(path, ml / "output/copy")
print("arguments", sys.argv[1:])
print("resources", pathlib.Path("/opt/ml/config/resourceconfig.json").read_text())
print("job", json.load(open("/opt/ml/config/processingjobconfig.json"))["ProcessingJobName"])
"""


def test_a_job_reads_its_inputs_runs_its_script_and_writes_its_outputs(lab: Lab) -> None:
    prefix = unique("data")
    for name in ("a.csv", "below/b.csv"):
        lab.put(f"{prefix}/{name}", name)
    arguments = lab.processing(
        COPY, inputs={"data": f"s3://{lab.bucket}/{prefix}"}, outputs=("copy",), arguments=("--split", "0.8")
    )

    job = lab.run_processing(**arguments)

    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    target = arguments["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
    assert [lab.get(f"{target}/{name}") for name in ("a.csv", "b.csv")] == [b"a.csv", b"below/b.csv"]
    assert job["CreationTime"] <= job["ProcessingStartTime"] <= job["ProcessingEndTime"]
    assert lab.log("Processing", job["ProcessingJobName"]) == [
        "arguments ['--split', '0.8']",
        'resources {"current_host": "algo-1", "hosts": ["algo-1"]}',
        f"job {job['ProcessingJobName']}",
    ]


def test_instances_are_processes_with_shards_of_the_data(lab: Lab) -> None:
    prefix = unique("shards")
    for number in range(5):
        lab.put(f"{prefix}/{number}.txt", str(number))
    script = """
import json, os
host = json.load(open("/opt/ml/config/resourceconfig.json"))
print(json.dumps([host["current_host"], host["hosts"], sorted(os.listdir("/opt/ml/processing/input/data"))]))
"""

    job = lab.run_processing(
        **lab.processing(script, inputs={"data": f"s3://{lab.bucket}/{prefix}/"}, count=2, sharded=True)
    )

    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    hosts = sorted(json.loads(line) for line in lab.log("Processing", job["ProcessingJobName"]))
    assert hosts == [
        ["algo-1", ["algo-1", "algo-2"], ["0.txt", "2.txt", "4.txt"]],
        ["algo-2", ["algo-1", "algo-2"], ["1.txt", "3.txt"]],
    ]


def test_one_instance_that_fails_ends_the_job_and_the_other_instances(lab: Lab) -> None:
    script = """
import json, sys, time
if json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"] == "algo-2":
    sys.exit(3)
time.sleep(600)
"""

    job = lab.run_processing(**lab.processing(script, count=2))

    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 3"


def test_a_job_has_the_environment_of_its_own_and_nothing_of_the_server(lab: Lab) -> None:
    arguments = lab.processing("import json, os; print(json.dumps(dict(os.environ)))")

    job = lab.run_processing(**arguments, Environment={"MODE": "test"})

    (line,) = lab.log("Processing", job["ProcessingJobName"])
    variables = json.loads(line)
    assert variables["MODE"] == "test"
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == lab.aws.region
    assert variables["AWS_ENDPOINT_URL"] == lab.aws.url
    assert variables["HOME"].startswith(str(lab.aws.paths.root / "sagemaker"))
    known = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_EC2_METADATA_DISABLED", "LANG"}
    known |= {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "HOME", "MODE", "PATH", "PYTHONUNBUFFERED"}
    assert set(variables) <= known | {"TMPDIR", "LC_CTYPE"}


def test_jobs_are_listed_by_status_and_name(lab: Lab) -> None:
    good, bad = (lab.run_processing(**lab.processing(script)) for script in ("", "raise SystemExit(1)"))

    def listed(**filters: str) -> list[str]:
        answer = lab.sagemaker.list_processing_jobs(MaxResults=100, **filters)
        return [item["ProcessingJobName"] for item in answer["ProcessingJobSummaries"]]

    assert good["ProcessingJobName"] in listed(StatusEquals="Completed")
    assert bad["ProcessingJobName"] in listed(StatusEquals="Failed")
    assert listed(NameContains=bad["ProcessingJobName"]) == [bad["ProcessingJobName"]]
