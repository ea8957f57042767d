"""moto, with what it lacks of the calls that adit makes.

    python moto_server.py PORT LAB INSTANCE

moto has no session calls: these are answered here, and StartSession is passed on to the lab at LAB,
so that a tunnel really opens, through the lab's INSTANCE. moto deletes security groups that are in
use and starts an instance for every request: both are refused here as EC2 does
(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html and
https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html).
"""

import json
import os
import sys
import threading
import urllib.error
import urllib.request

# Read when moto is imported: real AMI ids are checked, managed policies are there.
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
os.environ.setdefault("MOTO_ENABLE_AMI_VALIDATION", "true")

from moto.core.exceptions import JsonRESTError  # noqa: E402
from moto.core.responses import ActionResult  # noqa: E402
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError  # noqa: E402
from moto.ec2.models import EC2Backend, ec2_backends  # noqa: E402
from moto.ssm.responses import SimpleSystemManagerResponse  # noqa: E402
import moto.server  # noqa: E402

LAB = INSTANCE = ""
LIVE = ("pending", "running", "stopping", "stopped")


def call_lab(operation, body):
    """A call of the lab's SSM API; its refusals become moto's."""
    request = urllib.request.Request(
        LAB,
        data=json.dumps(body).encode(),
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AmazonSSM.{operation}",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        error = json.load(refusal)
        message = error.get("message") or error.get("Message") or ""
        raise JsonRESTError(error["__type"], message) from None


def instances_of(response):
    """The instances of the caller's account and region, by id."""
    backend = ec2_backends[response.current_account][response.region]
    return {instance.id: instance for instance in backend.all_instances()}


def is_managed(instance):
    return instance.state == "running" and instance.iam_instance_profile is not None


def start_session(self):
    body = json.loads(self.body)
    instance = instances_of(self).get(body["Target"])
    if instance is None or not is_managed(instance):
        raise JsonRESTError("TargetNotConnected", f"{body['Target']} is not connected.")
    return ActionResult(call_lab("StartSession", body | {"Target": INSTANCE}))


def passed_on(operation):
    def call(self):
        return ActionResult(call_lab(operation, json.loads(self.body)))

    return call


def describe_sessions(self):
    """The lab has one instance; whose session it was is not known, so narrow by nothing."""
    body = json.loads(self.body)
    body.pop("Filters", None)
    return ActionResult(call_lab("DescribeSessions", body))


def describe_instance_information(self):
    wanted = None
    for item in json.loads(self.body).get("Filters", []):
        if item["Key"] == "InstanceIds":
            wanted = set(item["Values"])
    told = [
        {"InstanceId": id, "PingStatus": "Online", "AgentVersion": "3.3.987.0"}
        for id, instance in sorted(instances_of(self).items())
        if is_managed(instance) and (wanted is None or id in wanted)
    ]
    return ActionResult({"InstanceInformationList": told})


def get_connection_status(self):
    target = json.loads(self.body)["Target"]
    instance = instances_of(self).get(target)
    there = instance is not None and is_managed(instance)
    return ActionResult({"Target": target, "Status": "connected" if there else "notconnected"})


def refuse_groups_in_use(deletes):
    def delete_security_group(self, name=None, group_id=None):
        group = self.get_security_group_by_name_or_id(group_id or name)
        if group:
            used = f"resource {group.id} has a dependent object"
            for other in self.describe_security_groups():
                rules = [*other.ingress_rules, *other.egress_rules]
                refers = any(
                    group.id == (source.get("GroupId") or source.get("source_group_id"))
                    for rule in rules
                    for source in rule.source_groups
                )
                if refers and other.id != group.id:
                    raise DependencyViolationError(used)
            for instance in self.all_instances():
                groups = {held.id for held in instance.security_groups}
                for interface in instance.nics.values():
                    groups |= {held.id for held in interface.group_set}
                if instance.state in LIVE and group.id in groups:
                    raise DependencyViolationError(used)
        return deletes(self, name=name, group_id=group_id)

    return delete_security_group


def once_for_each_token(runs):
    """The same token gives the same reservation; another request under it is refused."""
    given = {}
    lock = threading.Lock()

    def run_instances(self, image_id, count, user_data, names, **kwargs):
        token = kwargs.get("client_token")
        if token in (None, "", "ABCDE"):
            return runs(self, image_id, count, user_data, names, **kwargs)
        key = (self.account_id, self.region_name, token)
        request = json.dumps([image_id, count, str(user_data), names, kwargs], default=str)
        with lock:
            if key not in given:
                given[key] = (request, runs(self, image_id, count, user_data, names, **kwargs))
            before, reservation = given[key]
        if before != request:
            raise EC2ClientError("IdempotentParameterMismatch", "the token was used before")
        return reservation

    return run_instances


def patch():
    ssm = SimpleSystemManagerResponse
    ssm.start_session = start_session
    ssm.resume_session = passed_on("ResumeSession")
    ssm.terminate_session = passed_on("TerminateSession")
    ssm.describe_sessions = describe_sessions
    ssm.describe_instance_information = describe_instance_information
    ssm.get_connection_status = get_connection_status
    EC2Backend.delete_security_group = refuse_groups_in_use(EC2Backend.delete_security_group)
    EC2Backend.run_instances = once_for_each_token(EC2Backend.run_instances)


if __name__ == "__main__":
    port, LAB, INSTANCE = sys.argv[1:]
    patch()
    moto.server.main(["-H", "127.0.0.1", "-p", port])
