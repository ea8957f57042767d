"""moto, with what it lacks of the calls that adit makes.

    python server.py LAB INSTANCE

It listens on a free port of 127.0.0.1, which it prints.

moto has no session calls: these are answered here, and StartSession is passed on to the lab at LAB,
so that a tunnel really opens, through the lab's INSTANCE. moto deletes security groups that are in
use and starts an instance for every request: both are refused here as EC2 does
(https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html and
https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html).

Calls are counted, and one can be held: `switches.py` says how.
"""

import datetime
import functools
import json
import logging
import os
import sys
import threading
import urllib.error
import urllib.request

# Read when moto is imported: the ids of images are checked.
os.environ["MOTO_ENABLE_AMI_VALIDATION"] = "true"

import flask  # noqa: E402
from moto.core.exceptions import AccessDeniedError, JsonRESTError  # noqa: E402
from moto.core.responses import ActionResult  # noqa: E402
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError  # noqa: E402
from moto.ec2.models import EC2Backend, amis, ec2_backends  # noqa: E402
from moto.ec2.models.iam_instance_profile import IamInstanceProfileAssociation  # noqa: E402
from moto.ec2.models.instances import Instance  # noqa: E402
from moto.ec2.models.security_groups import SecurityGroupRule  # noqa: E402
from moto.ec2.responses.instances import InstanceResponse  # noqa: E402
from moto.iam.access_control import IAMRequest  # noqa: E402
from moto.iam.exceptions import NotFoundException  # noqa: E402
from moto.ssm.responses import SimpleSystemManagerResponse  # noqa: E402
import moto.backends  # noqa: E402
import moto.core.responses  # noqa: E402
import moto.server  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

from switches import Switches  # noqa: E402

LAB = INSTANCE = ""
JSON = ("ssm", "memorydb", "ecs", "redshift-serverless")
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
    online = {"PingStatus": "Online", "LastPingDateTime": datetime.datetime.now(datetime.timezone.utc)}
    told = [
        {"InstanceId": id} | online
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
        if group and is_used(self, group.id):
            raise DependencyViolationError(f"resource {group.id} has a dependent object")
        return deletes(self, name=name, group_id=group_id)

    return delete_security_group


def is_used(backend, group):
    """Whether another group's rule names the group, or an instance has it."""
    for other in backend.describe_security_groups():
        rules = [*other.ingress_rules, *other.egress_rules]
        if other.id != group and any(rule.source_group.get("GroupId") == group for rule in rules):
            return True
    instances = [one for one in backend.all_instances() if one.state in LIVE]
    interfaces = [nic for instance in instances for nic in instance.nics.values()]
    held = [each.id for holder in interfaces for each in holder.group_set]
    held += [each.id for holder in instances for each in holder.security_groups]
    return group in held


def once_for_each_token(runs):
    """The same token gives the same instance, while there is one; another request under it is
    refused."""
    given = {}
    lock = threading.Lock()

    def run_instances(self):
        form = {name: value for name, value in self.querystring.items() if name != "ClientToken"}
        token = self._get_param("ClientToken")
        if token is None:
            return runs(self)
        with lock:
            key = (id(self.ec2_backend), token)
            if key not in given:
                given[key] = (form, runs(self))
            before, answer = given[key]
        if before != form:
            raise EC2ClientError("IdempotentParameterMismatch", "the token was used before")
        if all(instance.state == "terminated" for instance in answer.result.instances):
            raise EC2ClientError("IdempotentInstanceTerminated", "the token's instance is gone")
        return answer

    return run_instances


def profiles_as_ec2_says_it(runs):
    """A profile that is not there is no entity that is not there, but a wrong parameter
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html)."""

    def run_instances(self):
        try:
            return runs(self)
        except NotFoundException:
            name = self._get_param("IamInstanceProfile.Name")
            told = f"Value ({name}) for parameter iamInstanceProfile.name is invalid. "
            told += "Invalid IAM Instance Profile name"
            raise EC2ClientError("InvalidParameterValue", told) from None

    return run_instances


def with_groups_of_its_interface(makes):
    """moto forgets the instance's groups when they are given with its network interface
    (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html)."""

    def init(self, *args, **kwargs):
        makes(self, *args, **kwargs)
        if not self.security_groups:
            self.security_groups = list(next(iter(self.nics.values())).group_set)

    return init


def with_id_of_the_profile(makes):
    """moto takes the association's id for the profile's
    (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IamInstanceProfile.html)."""

    def init(self, backend, association_id, instance, iam_instance_profile):
        makes(self, backend, association_id, instance, iam_instance_profile)
        profile = iam_instance_profile
        instance.iam_instance_profile = {"Arn": profile.arn, "Id": profile.id}

    return init


class Denied(AccessDeniedError):
    """What may not be done, in the form of the service that refuses it; moto has one for all."""

    def __init__(self, service, user_arn, action):
        super().__init__(user_arn, action)
        if service == "ec2":
            # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
            told = f"You are not authorized to perform this operation. {self.message}"
            code, frame = "UnauthorizedOperation", "<Response><Errors>{}</Errors></Response>"
        elif service in JSON:
            told = {"__type": "AccessDeniedException", "Message": self.message}
            self.code, self.description = 400, json.dumps(told)
            return
        else:
            # https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
            told, code, frame = self.message, "AccessDenied", "<ErrorResponse>{}</ErrorResponse>"
        told = f"<Error><Code>{code}</Code><Message>{told}</Message></Error>"
        self.description = frame.format(told)


def of_what_was_sent(makes):
    """moto writes a form anew to check its signature, and not every client writes it so."""

    def _create_aws_request(self):
        self._body = flask.request.environ["switches.body"]
        return makes(self)

    return _create_aws_request


def raise_denied(self):
    raise Denied(self._service, self._access_key.arn, self._action)


def patch():
    ssm = SimpleSystemManagerResponse
    ssm.start_session = start_session
    ssm.resume_session = passed_on("ResumeSession")
    ssm.terminate_session = passed_on("TerminateSession")
    ssm.describe_sessions = describe_sessions
    ssm.describe_instance_information = describe_instance_information
    ssm.get_connection_status = get_connection_status
    EC2Backend.delete_security_group = refuse_groups_in_use(EC2Backend.delete_security_group)
    runs = profiles_as_ec2_says_it(InstanceResponse.run_instances)
    InstanceResponse.run_instances = once_for_each_token(runs)
    Instance.__init__ = with_groups_of_its_interface(Instance.__init__)
    SecurityGroupRule.description = property(description_of_rule)
    association = IamInstanceProfileAssociation
    association.__init__ = with_id_of_the_profile(association.__init__)
    IAMRequest._create_aws_request = of_what_was_sent(IAMRequest._create_aws_request)
    IAMRequest._raise_access_denied = raise_denied


def description_of_rule(rule):
    """moto keeps that of a rule for a group with the group, and tells it of addresses alone."""
    return rule.ip_range.get("Description") or rule.source_group.get("Description")


def only_amazon_linux(loads):
    """An account is made anew again and again, and a thousand images are most of the work."""
    load = functools.cache(loads)

    def load_resource(path):
        return [dict(image) for image in load(path) if image["name"].startswith("al2023-ami-2")]

    return load_resource


def serve():
    """Serves until it is killed, once the port is printed."""
    amis.AMIS = []
    amis.load_resource = only_amazon_linux(amis.load_resource)
    # Found out anew for each request, these take a third of its time.
    modules = tuple(moto.backends.list_of_moto_modules())
    moto.backends.list_of_moto_modules = lambda: modules
    names = moto.core.responses.method_names_from_class
    moto.core.responses.method_names_from_class = functools.cache(names)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = moto.server.DomainDispatcherApplication(moto.server.create_backend_app)
    server = make_server(
        "127.0.0.1",
        0,
        Switches(application),
        threaded=True,
        request_handler=moto.server.MotoRequestHandler,
    )
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    LAB, INSTANCE = sys.argv[1:]
    patch()
    serve()
