"""Instances of EC2 that prepare themselves, measure a campaign, publish it and end.

Everything of ours has the tag `duetbench`, whose value is the cloud file's name. What ends an instance: its
campaign's end; its own limit, set before anything else (scripts/cloud/instance), where shutting down is
terminating; a schedule of EventBridge outside of it; `down`. Nothing here waits for an instance.
"""

import json
import shlex
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from duet.model import DuetError
from duet.platform import aws
from duet.platform.cloud_file import CloudFile
from duet.platform.storage import Storage
from duet.records.files import RecordError
from duet.records.instance import LOG, STATUS, InstanceStatus
from duet.records.manifest import MANIFEST, STAMP

SCRIPT = Path(__file__).parents[2] / "cloud" / "instance"
USER_DATA_BYTES = 16 << 10
"""At most, says EC2."""
TAG = "duetbench"
LOG_BYTES = 16 << 10
"""Of the end of a log that an instance sends."""
GRACE_S = 300
"""Between an instance's own limit and the one from outside."""
ALIVE = ("pending", "running", "stopping", "stopped")


@dataclass(frozen=True)
class Cloud:
    """The services that a cloud file needs."""

    file: CloudFile
    ec2: Any
    ssm: Any
    scheduler: Any
    storage: Storage
    """At the file's own folder in the bucket."""

    @classmethod
    def of(cls, file: CloudFile) -> Self:
        ec2, ssm, scheduler = (aws.client(name, file.region) for name in ("ec2", "ssm", "scheduler"))
        return cls(file, ec2, ssm, scheduler, Storage.at(file.destination))


@dataclass(frozen=True)
class Instance:
    """One that there is, was or should be, and what is known of it."""

    id: str
    state: str
    """EC2's; `gone` where EC2 has forgotten it."""
    type: str = ""
    since: str = ""
    """ISO 8601, UTC"""
    deadline: str = ""
    reason: str = ""
    """Why EC2 ended it."""
    status: InstanceStatus | None = None
    log: str = ""
    publications: tuple[str, ...] = ()
    """Stamps of those that are complete."""

    @property
    def alive(self) -> bool:
        return self.state in ALIVE


def user_data(file: CloudFile, mode: str) -> str:
    """What the instance is given to run: no credential is in it. Raises DuetError."""
    values = {
        "NAME": file.name, "MINUTES": str(file.minutes), "REGION": file.region, "ENGINE": file.engine,
        "REPOSITORY": file.repository, "COMMIT": file.commit, "CAMPAIGN": file.campaign,
        "DESTINATION": file.destination,
    }  # fmt: skip
    shebang, _, script = SCRIPT.read_text(encoding="utf-8").partition("\n")
    lines = [shebang, *(f"{key}={shlex.quote(value)}" for key, value in values.items())]
    text = "\n".join([*lines, f"MODE=${{MODE:-{mode}}}", script])
    if len(text.encode()) > USER_DATA_BYTES:
        raise DuetError(f"{file.name}: what instances are given is too long", "shorter values")
    return text


def start(cloud: Cloud, mode: str, now_s: float) -> list[str]:
    """Ids of `count` new instances, or none is started. `mode`: `run`, or `up` for those that wait.

    Where the limit from outside cannot be set they are ended again at once.
    """
    file = cloud.file
    cloud.storage.check()
    image = _image(cloud)
    deadline_s = now_s + file.minutes * 60
    tags = {
        **file.tags,
        TAG: file.name,
        f"{TAG}:deadline": _iso(deadline_s),
        f"{TAG}:campaign": file.campaign,
    }
    tagged = [
        {"Key": key, "Value": value} for key, value in {"Name": f"duetbench {file.name}", **tags}.items()
    ]
    wanted: dict[str, Any] = {
        "ImageId": image["ImageId"],
        "InstanceType": file.type,
        "MinCount": file.count,
        "MaxCount": file.count,
        "InstanceInitiatedShutdownBehavior": "terminate",
        "UserData": user_data(file, mode),
        "IamInstanceProfile": {"Name": file.instance_profile},
        "TagSpecifications": [{"ResourceType": kind, "Tags": tagged} for kind in ("instance", "volume")],
        # With one hop no container reaches the instance's credentials.
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "BlockDeviceMappings": [
            {
                "DeviceName": image["RootDeviceName"],
                "Ebs": {"VolumeSize": file.disk_gb, "VolumeType": "gp3", "DeleteOnTermination": True},
            }
        ],
    }
    if file.subnet:
        wanted["SubnetId"] = file.subnet
    if file.security_groups:
        wanted["SecurityGroupIds"] = list(file.security_groups)
    if file.key:
        wanted["KeyName"] = file.key
    with aws.told(f"{file.count} × {file.type} in {file.region}"):
        started = [each["InstanceId"] for each in cloud.ec2.run_instances(**wanted)["Instances"]]
    if file.limit_role != "none":
        try:
            for instance in started:
                _limit(cloud, instance, deadline_s + GRACE_S)
        except BaseException:
            end(cloud, started)
            raise
    return started


def _image(cloud: Cloud) -> dict[str, Any]:
    name = cloud.file.image
    if name.startswith("ssm:"):
        with aws.told(name):
            name = cloud.ssm.get_parameter(Name=name.removeprefix("ssm:"))["Parameter"]["Value"]
    with aws.told(f"image {name}"):
        images = cloud.ec2.describe_images(ImageIds=[name])["Images"]
    if not images:
        raise DuetError(
            f"{cloud.file.region} has no image {name}", "one of that region, or ssm:/aws/service/…"
        )
    return images[0]


def _limit(cloud: Cloud, instance: str, at_s: float) -> None:
    with aws.told(f"the limit of {instance} from outside"):
        cloud.scheduler.create_schedule(
            Name=f"{TAG}-{instance}",
            ScheduleExpression=f"at({time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at_s))})",
            ScheduleExpressionTimezone="UTC",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": "arn:aws:scheduler:::aws-sdk:ec2:terminateInstances",
                "RoleArn": cloud.file.limit_role,
                "Input": json.dumps({"InstanceIds": [instance]}),
            },
        )


def measure(cloud: Cloud, waiting: Iterable[str]) -> None:
    """Have instances that were prepared and wait measure the campaign, by Systems Manager."""
    command = "systemd-run --unit=duetbench --setenv=MODE=measure /opt/duetbench-instance"
    with aws.told(f"Systems Manager in {cloud.file.region}"):
        cloud.ssm.send_command(
            InstanceIds=list(waiting),
            DocumentName="AWS-RunShellScript",
            Parameters={"commands": [command]},
        )


def end(cloud: Cloud, ids: Iterable[str]) -> None:
    """Terminate instances, and remove what would have done so later."""
    ids = list(ids)
    if not ids:
        return
    with aws.told(f"terminating {', '.join(ids)}"):
        cloud.ec2.terminate_instances(InstanceIds=ids)
    for instance in ids:
        try:
            with aws.told(f"the limit of {instance}"):
                cloud.scheduler.delete_schedule(Name=f"{TAG}-{instance}")
        except aws.PlatformError as error:
            if error.code != "ResourceNotFoundException":
                raise


def found(cloud: Cloud, everybodys: bool = False) -> list[Instance]:
    """All with our tag in the region, of this file or of every one; what S3 has of them is not read."""
    name = {"Name": "tag-key", "Values": [TAG]} if everybodys else _named(cloud)
    with aws.told(f"EC2 in {cloud.file.region}"):
        pages = cloud.ec2.get_paginator("describe_instances").paginate(Filters=[name])
        raw = [each for page in pages for group in page["Reservations"] for each in group["Instances"]]
    return sorted((_instance(each) for each in raw), key=lambda each: (each.since, each.id))


def _named(cloud: Cloud) -> dict[str, Any]:
    return {"Name": f"tag:{TAG}", "Values": [cloud.file.name]}


def _instance(raw: dict[str, Any]) -> Instance:
    tags = {tag["Key"]: tag["Value"] for tag in raw.get("Tags", ())}
    return Instance(
        id=raw["InstanceId"],
        state=raw["State"]["Name"],
        type=raw.get("InstanceType", ""),
        since=_iso(raw["LaunchTime"].timestamp()),
        deadline=tags.get(f"{TAG}:deadline", ""),
        reason=raw.get("StateTransitionReason", ""),
    )


def known(cloud: Cloud) -> list[Instance]:
    """All of this file, also those that EC2 has forgotten, with what they said and published."""
    there = {each.id: each for each in found(cloud)}
    forgotten = {name: Instance(name, "gone") for name in cloud.storage.folders() if name not in there}
    return [_asked(cloud, each) for each in (*forgotten.values(), *there.values())]


def _asked(cloud: Cloud, instance: Instance) -> Instance:
    own = cloud.storage.below(instance.id)
    text, log = own.read(STATUS), own.read(LOG)
    stamps = [name for name in own.folders() if STAMP.fullmatch(name)]
    complete = tuple(name for name in stamps if own.below(name).read(MANIFEST) is not None)
    status = None
    if text is not None:
        try:
            status = InstanceStatus.of(text, f"{own.place}/{STATUS}")
        except RecordError as error:
            log = f"{error}\n".encode()
    if log is None and instance.state != "gone":
        log = _console(cloud, instance.id)
    facts = {**vars(instance), "status": status, "log": (log or b"").decode(errors="replace")}
    return Instance(**{**facts, "publications": complete})


def _console(cloud: Cloud, instance: str) -> bytes:
    """What a machine printed that has not yet come to tell anything; EC2 has it after some minutes."""
    try:
        with aws.told(f"the console of {instance}"):
            output = cloud.ec2.get_console_output(InstanceId=instance).get("Output", "")
    except aws.PlatformError:
        return b""
    return str(output).encode()


def tell(storage: Storage, status: InstanceStatus, log: Path) -> None:
    """On an instance: send how far it is, and the end of its log."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LOG_BYTES))
        storage.write(LOG, file.read())
    storage.write(STATUS, status.text().encode())


def _iso(time_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time_s))
