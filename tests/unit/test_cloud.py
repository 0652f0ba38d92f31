"""Instances that measure and end themselves, against a server that answers as EC2, SSM, IAM and S3 do."""

import base64
import json
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from amazon import REGION, SECRET, Amazon
from commands import DUETBENCH, ROOT
from duet.model import DuetError
from duet.platform import cloud_file, instances
from duet.platform.aws import PlatformError
from duet.platform.cloud_file import CloudFile
from duet.platform.instances import Cloud, Instance
from duet.platform.storage import Storage
from duet.records.instance import InstanceStatus
from duet.records.layout import Layout
from test_publishing import layout as layout  # a fixture
from test_publishing import policy

ROLE = "arn:aws:iam::123456789012:role/duetbench-limit"
NOW_S = 1_800_000_000.0


def stubbed(client: Any) -> Any:
    """For what moto never answers: no capacity, say."""
    from botocore.stub import Stubber  # not here before it is needed

    return Stubber(client)


@pytest.fixture
def data(amazon: Amazon) -> dict[str, Any]:
    """A cloud file's content; what it names is there."""
    iam = amazon.client("iam")
    iam.create_instance_profile(InstanceProfileName="duetbench-instance")
    image = amazon.client("ec2").describe_images()["Images"][0]["ImageId"]
    amazon.client("ssm").put_parameter(Name="/mine/image", Value=image, Type="String")
    return {
        "name": "nightly", "region": REGION, "image": "ssm:/mine/image", "type": "c7i.large", "hours": 2,
        "bucket": "s3://results/lab", "campaign": "config/quickstart.yml", "limit_role": ROLE,
        "repository": "https://example.org/duetbench", "commit": "0" * 40, "tags": {"project": "compilers"},
    }  # fmt: skip


def cloud(data: dict[str, Any], **changes: Any) -> Cloud:
    return Cloud.of(cloud_file.checked("c.yml", data | changes))


def raw(amazon: Amazon) -> list[dict[str, Any]]:
    groups = amazon.client("ec2").describe_instances()["Reservations"]
    return [each for group in groups for each in group["Instances"]]


def schedules(amazon: Amazon) -> list[str]:
    return [each["Name"] for each in amazon.client("scheduler").list_schedules()["Schedules"]]


def command(tmp_path: Path, data: dict[str, Any], *words: str) -> subprocess.CompletedProcess:
    (tmp_path / "c.yml").write_text(yaml.safe_dump(data))
    action, *options = words
    return subprocess.run(
        [*DUETBENCH, "cloud", action, tmp_path / "c.yml", *options],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip


# ---- what is started ----


def test_what_is_started_ends_itself_and_is_ended_from_outside(amazon: Amazon, data: dict[str, Any]):
    ids = instances.start(cloud(data, count=2), "run", NOW_S)
    there = raw(amazon)
    assert sorted(ids) == sorted(each["InstanceId"] for each in there)
    ec2 = amazon.client("ec2")
    for each in there:
        tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
        assert tags == {
            "Name": "duetbench nightly", "duetbench": "nightly",
            "duetbench:campaign": "config/quickstart.yml",
            "duetbench:deadline": "2027-01-15T10:00:00Z", "project": "compilers",
        }  # fmt: skip
        assert each["InstanceType"] == "c7i.large"

        def attribute(name: str, key: str, instance: str = each["InstanceId"]) -> str:
            return ec2.describe_instance_attribute(InstanceId=instance, Attribute=name)[key]["Value"]

        assert (
            attribute("instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior") == "terminate"
        )
        text = base64.b64decode(attribute("userData", "UserData")).decode()
        assert text == instances.user_data(cloud(data).file, "run") and SECRET not in text
        assert {v["Ebs"]["DeleteOnTermination"] for v in each["BlockDeviceMappings"]} == {True}
    scheduler = amazon.client("scheduler")
    for instance in ids:
        schedule = scheduler.get_schedule(Name=f"duetbench-{instance}")
        assert schedule["ScheduleExpression"] == "at(2027-01-15T10:05:00)"
        assert schedule["ActionAfterCompletion"] == "DELETE"
        assert schedule["Target"]["Arn"] == "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances"
        assert json.loads(schedule["Target"]["Input"]) == {"InstanceIds": [instance]}
        assert schedule["Target"]["RoleArn"] == ROLE


def test_what_it_is_given_is_a_script_that_sets_its_limit_first(data: dict[str, Any]):
    hostile = cloud(data, tags={}).file
    text = instances.user_data(CloudFile(**{**vars(hostile), "campaign": "a'; reboot; '.yml"}), "up")
    assert len(text.encode()) < instances.USER_DATA_BYTES
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    head = text.partition("set -uo pipefail")[0] + 'printf "%s\\n" "$CAMPAIGN" "$MINUTES" "$MODE"'
    done = subprocess.run(["bash", "-c", head], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["a'; reboot; '.yml", "120", "up"]
    commands = [
        line for line in text.splitlines() if re.match(r"[a-z]", line) and not line.startswith("set ")
    ]
    assert commands[0].startswith("shutdown -P")


def test_a_limit_that_cannot_be_set_leaves_nothing(amazon: Amazon, data: dict[str, Any]):
    there = cloud(data)
    with stubbed(there.scheduler) as stub:
        stub.add_client_error("create_schedule", "AccessDeniedException", "no")
        stub.add_client_error("delete_schedule", "ResourceNotFoundException", "none")
        with pytest.raises(PlatformError, match=r"the limit of i-.* from outside: the credentials may not"):
            instances.start(there, "run", NOW_S)
    assert [each["State"]["Name"] for each in raw(amazon)] == ["terminated"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("InsufficientInstanceCapacity", "1 × c7i.large in eu-central-1: there is no such machine free now"),
        (
            "VcpuLimitExceeded",
            "the account's quota is used up (VcpuLimitExceeded); end some, or ask for more",
        ),
        ("RequestExpired", "the credentials have expired"),
        ("UnauthorizedOperation", "the credentials may not do that (UnauthorizedOperation); docs/cloud.md"),
        ("Unsupported", "that type is not offered here"),
    ],
)
def test_what_amazon_refuses_is_one_line(amazon: Amazon, data: dict[str, Any], code: str, expected: str):
    """Of these moto knows none."""
    there = cloud(data)
    image = there.ssm.get_parameter(Name="/mine/image")["Parameter"]["Value"]
    with stubbed(there.ec2) as stub:
        stub.add_response("describe_images", {"Images": [{"ImageId": image, "RootDeviceName": "/dev/xvda"}]})
        stub.add_client_error("run_instances", code, "something long")
        with pytest.raises(PlatformError) as refused:
            instances.start(there, "run", NOW_S)
    assert expected in str(refused.value) and "\n" not in str(refused.value)
    assert not raw(amazon) and not schedules(amazon)


def test_what_is_named_and_is_not_there(amazon: Amazon, data: dict[str, Any]):
    wrong = {
        "image": ("ssm:/mine/none", "ssm:/mine/none: ParameterNotFound"),
        "bucket": ("s3://absent/x", "s3://absent/x/nightly: there is no such bucket"),
        "subnet": ("subnet-0123", "InvalidSubnetID.NotFound"),
    }
    for key, (value, expected) in wrong.items():
        with pytest.raises(DuetError, match=re.escape(expected)):
            instances.start(cloud(data, **{key: value}), "run", NOW_S)
    with pytest.raises(DuetError, match="ami-0123"):
        instances.start(cloud(data, image="ami-0123"), "run", NOW_S)
    assert not raw(amazon)


# ---- the commands ----


def told(data: dict[str, Any], instance: str, phase: str, tmp_path: Path, **facts: Any) -> Storage:
    """What an instance sends."""
    storage = Storage.at(f"{data['bucket']}/{data['name']}/{instance}")
    (tmp_path / "log").write_text("".join(f"line {i}\n" for i in range(10_000)))
    status = InstanceStatus(phase=phase, time_ns=time.time_ns(), **facts)
    instances.tell(storage, status, tmp_path / "log")
    return storage


def test_from_run_to_fetch(amazon: Amazon, data: dict[str, Any], layout: Layout, tmp_path: Path):
    from duet.platform import publishing

    done = command(tmp_path, data, "run")
    assert done.returncode == 0, done.stderr
    (instance,) = [each["InstanceId"] for each in raw(amazon)]
    assert done.stdout == f"{instance}: started; ended after 2 h, whatever happens\n"
    assert "nobody has looked whether it has config/quickstart.yml" in done.stderr

    done = command(tmp_path, data, "run")
    assert done.returncode == 1 and f"{instance}: already there for nightly" in done.stderr
    done = command(tmp_path, data, "status")
    assert done.returncode == 0 and f"{instance}: running; c7i.large since " in done.stdout
    done = command(tmp_path, data, "fetch")
    assert done.returncode == 1 and "nothing is published yet" in done.stderr

    own = told(data, instance, "measuring", tmp_path, planned_runs=10, finished_runs=4, failed_runs=1)
    done = command(tmp_path, data, "status", "--lines", "2")
    assert "measuring 0 min ago; 4 runs done, 6 left; 1 failed" in done.stdout
    assert done.stdout.splitlines()[1:] == ["    line 9998", "    line 9999"]
    assert len(own.read("log.txt") or b"") == instances.LOG_BYTES

    publishing.publish(layout, str(own.place), own, print)
    told(data, instance, "ended", tmp_path, planned_runs=10, finished_runs=10, exit_code=0)
    amazon.client("ec2").terminate_instances(InstanceIds=[instance])  # as it does itself
    done = command(tmp_path, data, "status")
    assert done.returncode == 0 and "exit code 0; published 2" in done.stdout, done.stdout
    done = command(tmp_path, data, "fetch")
    assert done.stdout == f"results/mine.{instance}/report.html\n", done.stderr
    assert (tmp_path / done.stdout.strip()).read_text() == "<html>"
    assert command(tmp_path, data, "down").stderr == "nothing was left\n"


def test_a_machine_that_was_prepared_measures_when_it_is_told_to(
    amazon: Amazon, data: dict[str, Any], tmp_path: Path
):
    assert command(tmp_path, data, "up").returncode == 0
    (each,) = raw(amazon)
    told(data, each["InstanceId"], "prepared", tmp_path)
    done = command(tmp_path, data, "run")
    assert done.stdout == f"{each['InstanceId']}: measuring config/quickstart.yml\n", done.stderr
    assert len(raw(amazon)) == 1
    (sent,) = amazon.client("ssm").list_commands()["Commands"]
    assert sent["InstanceIds"] == [each["InstanceId"]] and sent["DocumentName"] == "AWS-RunShellScript"
    assert "/opt/duetbench-instance" in sent["Parameters"]["commands"][0]


def test_down_ends_what_has_the_tag_and_nothing_else(amazon: Amazon, data: dict[str, Any], tmp_path: Path):
    instances.start(cloud(data), "run", NOW_S)
    (other,) = instances.start(cloud(data, name="other"), "run", NOW_S)
    ec2 = amazon.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    foreign = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    assert command(tmp_path, data, "down").returncode == 0
    alive = {each["InstanceId"] for each in raw(amazon) if each["State"]["Name"] == "running"}
    assert alive == {other, foreign} and schedules(amazon) == [f"duetbench-{other}"]
    assert other in command(tmp_path, data, "down", "--all").stdout
    alive = {each["InstanceId"] for each in raw(amazon) if each["State"]["Name"] == "running"}
    assert alive == {foreign} and schedules(amazon) == []
    assert command(tmp_path, data, "status", "--all").returncode == 64


def test_an_instance_that_died_or_outlived_its_limit_is_said(
    amazon: Amazon, data: dict[str, Any], tmp_path: Path
):
    (dead,) = instances.start(cloud(data, name="dead"), "run", NOW_S)
    amazon.client("ec2").terminate_instances(InstanceIds=[dead])
    done = command(tmp_path, data | {"name": "dead"}, "status")
    assert done.returncode == 1 and "ended without results" in done.stdout
    assert "`./duetbench cloud run` starts another one" in done.stdout
    (late,) = instances.start(cloud(data), "run", time.time() - 3 * 3600)
    done = command(tmp_path, data, "status")
    assert done.returncode == 1 and f"{late}: running" in done.stdout
    assert "PAST ITS LIMIT: end it by `./duetbench cloud down`" in done.stdout
    # EC2 forgets an instance after an hour; the bucket does not.
    told(data, "i-forgotten", "ended", tmp_path, exit_code=1)
    assert "i-forgotten: gone; ended 0 min ago; exit code 1" in command(tmp_path, data, "status").stdout
    told(data, "i-forgotten", "ended", tmp_path).write("status.json", b"{")
    assert "status.json: not JSON" in command(tmp_path, data, "status").stdout


def test_what_a_machine_prints_before_it_can_tell(amazon: Amazon, data: dict[str, Any]):
    there = cloud(data)
    (instance,) = instances.start(there, "run", NOW_S)
    with stubbed(there.ec2) as stub:
        found = {"Instances": [{"InstanceId": instance, "State": {"Name": "running"}}]}
        found["Instances"][0]["LaunchTime"] = datetime.fromtimestamp(NOW_S, UTC)
        stub.add_response("describe_instances", {"Reservations": [found]})
        stub.add_response("get_console_output", {"InstanceId": instance, "Output": "error: apt-get failed"})
        (known,) = instances.known(there)
    assert known == Instance(instance, "running", since="2027-01-15T08:00:00Z", log="error: apt-get failed")


# ---- who may do what ----


def test_the_policy_is_enough_for_all_of_it(
    amazon: Amazon, data: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Of its actions: moto does not know which resources and conditions a call has."""
    actions = [each | {"Resource": "*", "Condition": {}} for each in policy("person")["Statement"]]
    key, secret = amazon.user(policy("person") | {"Statement": actions})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    with amazon.checking():
        for action in ("up", "status", "run"):
            if action == "run":
                (each,) = instances.found(cloud(data))
                told(data, each.id, "prepared", tmp_path)
            done = command(tmp_path, data, action)
            assert done.returncode == 0, done.stderr
        with pytest.raises(PlatformError, match="may not do that"):
            _make_user()
    # Of `down`: moto takes nobody's signature of deleting a schedule, not even an administrator's.
    text = json.dumps(actions)
    assert "ec2:TerminateInstances" in text and "scheduler:DeleteSchedule" in text


def _make_user() -> None:
    from duet.platform import aws

    with aws.told("iam"):
        aws.client("iam").create_user(UserName="x")


@pytest.mark.parametrize("name", ["person", "instance", "limit"])
def test_policies_allow_no_more_than_they_name(name: str):
    for statement in policy(name)["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert statement["Effect"] == "Allow" and not any("*" in action for action in actions)
        looks = all(re.match("ec2:(Describe|Get)", action) for action in actions)
        assert statement["Resource"] != "*" or looks


# ---- the file ----


def test_the_example_is_accepted():
    data = yaml.safe_load((ROOT / "docs/cloud-file.yml").read_text())
    example = cloud_file.checked("c.yml", data)
    assert example.minutes == 240 and example.destination == "s3://my-bucket/duetbench/nightly"


def test_every_fault_of_the_file_is_a_line(tmp_path: Path, data: dict[str, Any]):
    wrong = {
        "name": "a b", "count": 0, "hours": 1000, "typ": "c7i.large", "repository": "https://me:secret@host/x",
        "commit": "main", "tags": {"aws:x": "y"}, "campaign": "../c.yml", "region": None,
        "security_groups": "x",
    }  # fmt: skip
    done = command(tmp_path, data | wrong, "run")
    lines = done.stderr.splitlines()
    assert done.returncode == 2 and len(lines) == len(wrong), done.stderr
    assert all(line.startswith("error: ") and "accepted: " in line for line in lines)
    (tmp_path / "c.yml").write_text("a: [")
    done = subprocess.run([*DUETBENCH, "cloud", "run", tmp_path / "c.yml"], capture_output=True, text=True)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


@pytest.mark.needs("git")
def test_a_commit_that_lacks_the_campaign_costs_nothing(amazon: Amazon, data: dict[str, Any], tmp_path: Path):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    if head.returncode:
        return  # not a clone: nothing is known of commits
    known = data | {"commit": head.stdout.strip()}
    done = command(tmp_path, known | {"campaign": "config/none.yml"}, "run")
    assert done.returncode == 1 and "has no file config/none.yml" in done.stderr
    done = command(tmp_path, known | {"type": "t3.medium", "limit_role": "none"}, "run")
    assert done.returncode == 0 and "computes on tokens" in done.stderr and "limit_role: none" in done.stderr
    assert "nobody has looked" not in done.stderr and schedules(amazon) == []
