"""What boto3 makes of a lab: one function a test, chosen by the first argument.

The endpoint, the region and the keys come from the environment, as `adit lab` exports them.
"""

import os
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

BASTION = "i-0ad17000000000001"
TO_HOST = "AWS-StartPortForwardingSessionToRemoteHost"
PARAMETERS = {"host": ["db.internal"], "portNumber": ["5432"], "localPortNumber": ["0"]}


def client(**settings):
    return boto3.client("ssm", config=Config(retries={"total_max_attempts": 1}), **settings)


def refused(call, code, **arguments):
    """The message of the refusal with the code that is expected."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["ResponseMetadata"]["RequestId"], error.response
        return error.response["Error"]["Message"]
    raise AssertionError(f"{arguments} was answered: {answer}")


def ids(sessions):
    return [session["SessionId"] for session in sessions]


def lives_of_sessions():
    ssm = client()
    started = [
        ssm.start_session(Target=BASTION, DocumentName=TO_HOST, Parameters=PARAMETERS, Reason="tests")
        for _ in range(3)
    ]
    for answer in started:
        assert answer["TokenValue"] and answer["StreamUrl"].startswith("ws://127.0.0.1:"), answer
        assert answer["SessionId"] in answer["StreamUrl"], answer
    wanted = sorted(ids(started))

    active = ssm.describe_sessions(State="Active")["Sessions"]
    assert sorted(ids(active)) == wanted, active
    for session in active:
        assert session["Target"] == BASTION and session["DocumentName"] == TO_HOST, session
        assert session["Reason"] == "tests" and session["Owner"].startswith("arn:aws:"), session
        assert session["StartDate"].tzinfo is not None and "EndDate" not in session, session

    pages = ssm.get_paginator("describe_sessions").paginate(
        State="Active", PaginationConfig={"PageSize": 2}
    )
    pages = [ids(page["Sessions"]) for page in pages]
    assert [len(page) for page in pages] == [2, 1], pages
    assert sorted(sum(pages, [])) == wanted, pages

    first = started[0]
    resumed = ssm.resume_session(SessionId=first["SessionId"])
    assert resumed["SessionId"] == first["SessionId"] and resumed["StreamUrl"], resumed
    assert resumed["TokenValue"] != first["TokenValue"], "a token is good for once"

    ended = ssm.terminate_session(SessionId=first["SessionId"])
    assert ended["SessionId"] == first["SessionId"], ended
    assert sorted(ids(ssm.describe_sessions(State="Active")["Sessions"])) == sorted(ids(started[1:]))
    history = ssm.describe_sessions(State="History")["Sessions"]
    assert ids(history) == [first["SessionId"]], history
    assert history[0]["Status"] == "Terminated" and history[0]["EndDate"], history
    # Ending it again is no error, as the service has it.
    ssm.terminate_session(SessionId=first["SessionId"])
    again = ssm.resume_session(SessionId=first["SessionId"])
    assert "TokenValue" not in again, again


def sessions_by_filter():
    ssm = client()
    to_bastion = "AWS-StartPortForwardingSession"
    one = ssm.start_session(Target=BASTION, DocumentName=to_bastion)
    two = ssm.start_session(Target=BASTION, DocumentName=TO_HOST, Parameters=PARAMETERS)

    def found(key, value):
        return ids(ssm.describe_sessions(State="Active", Filters=[{"key": key, "value": value}])["Sessions"])

    assert found("SessionId", two["SessionId"]) == [two["SessionId"]]
    assert sorted(found("Target", BASTION)) == sorted(ids([one, two]))
    assert found("Target", "i-00000000000000000") == []


def instances():
    ssm = client()
    listed = ssm.describe_instance_information()["InstanceInformationList"]
    assert [one["InstanceId"] for one in listed] == [BASTION], listed
    one = listed[0]
    assert one["PingStatus"] == "Online" and one["PlatformType"] == "Linux", one
    assert one["AgentVersion"] and one["LastPingDateTime"].tzinfo is not None, one

    def named(*names):
        asked = [{"Key": "InstanceIds", "Values": list(names)}]
        return ssm.describe_instance_information(Filters=asked)["InstanceInformationList"]

    assert len(named(BASTION)) == 1
    assert named("i-00000000000000000") == []
    status = ssm.get_connection_status(Target=BASTION)
    assert status["Target"] == BASTION and status["Status"].lower() == "connected", status
    status = ssm.get_connection_status(Target="i-00000000000000000")
    assert status["Status"].lower() == "notconnected", status


def refusals():
    ssm = client()
    text = refused(ssm.start_session, "TargetNotConnected", Target="i-00000000000000000")
    assert "i-00000000000000000" in text and "not connected" in text, text
    refused(ssm.start_session, "InvalidDocument", Target=BASTION, DocumentName="AWS-NoSuchDocument")
    refused(
        ssm.start_session,
        "InvalidParameters",
        Target=BASTION,
        DocumentName=TO_HOST,
        Parameters={**PARAMETERS, "portNumber": ["many"]},
    )
    refused(ssm.resume_session, "DoesNotExistException", SessionId="nobody-0123456789abcdef0")

    key, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    stranger = client(aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key=secret)
    refused(stranger.describe_sessions, "UnrecognizedClientException", State="Active")
    forger = client(aws_access_key_id=key, aws_secret_access_key="not the secret")
    refused(forger.describe_sessions, "InvalidSignatureException", State="Active")


def throttled_calls_are_tried_again():
    """The fault is set by the caller: the first two calls are throttled."""
    retries = {"mode": "standard", "total_max_attempts": 4}
    ssm = boto3.client("ssm", config=Config(retries=retries))
    answer = ssm.describe_sessions(State="Active")
    assert answer["Sessions"] == [], answer
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2, answer


if __name__ == "__main__":
    globals()[sys.argv[1]]()
