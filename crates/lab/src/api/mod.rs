//! The API: the SSM operations of sessions and instances, and what agents call.

mod describe;
mod documents;
mod filter;
mod instances;
mod messages;
mod page;
mod registration;
mod resume;
mod start_session;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cloud::{Kind, Refusal, Rights, parameters, sentence, with_tags};
use crate::http::ApiError;
use crate::identity::Caller;
use crate::service::{ACCOUNT, REGION, Service};

type Answer = Result<Value, ApiError>;

/// Everything about a call but its body.
pub(crate) struct Context<'a> {
    pub(crate) service: &'a Arc<Service>,
    pub(crate) caller: Caller,
    /// Whether the call came over TLS; stream URLs follow.
    pub(crate) over_tls: bool,
}

/// How an operation is authenticated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Credential {
    /// Not at all.
    None,
    /// By the managed instance's own RSA key.
    ManagedInstance,
    /// By a signature for this service.
    Signature(&'static str),
}

/// How `prefix.operation` is authenticated; `None` for an operation that is not known.
pub(crate) fn credential(prefix: &str, operation: &str) -> Option<Credential> {
    Some(match (prefix, operation) {
        ("AmazonSSM", "RegisterManagedInstance") => Credential::None,
        ("AmazonSSM", "RequestManagedInstanceRoleToken" | "UpdateManagedInstancePublicKey") => {
            Credential::ManagedInstance
        }
        (
            "AmazonSSM",
            "StartSession"
            | "ResumeSession"
            | "TerminateSession"
            | "DescribeSessions"
            | "DescribeInstanceInformation"
            | "DescribeInstanceProperties"
            | "GetConnectionStatus"
            | "GetDocument"
            | "GetParameter"
            | "GetParameters"
            | "GetParametersByPath"
            | "UpdateInstanceInformation"
            | "ListInstanceAssociations"
            | "ListAssociations",
        ) => Credential::Signature("ssm"),
        (
            "EC2WindowsMessageDeliveryService",
            "GetMessages" | "AcknowledgeMessage" | "SendReply" | "FailMessage" | "DeleteMessage",
        ) => Credential::Signature("ec2messages"),
        _ => return None,
    })
}

/// Answers an operation that [`credential`] knows.
pub(crate) async fn call(context: &Context<'_>, operation: &str, body: &[u8]) -> Answer {
    context.service.refresh();
    permitted(context, operation, body)?;
    match operation {
        "StartSession" => start_session::start_session(context, parse(body)?),
        "ResumeSession" => resume::resume_session(context, &parse(body)?),
        "TerminateSession" => resume::terminate_session(context, &parse(body)?),
        "DescribeSessions" => describe::describe_sessions(context, &parse(body)?),
        "DescribeInstanceInformation" => instances::describe(context, &parse(body)?),
        "DescribeInstanceProperties" => instances::properties(context, &parse(body)?),
        "GetDocument" => documents::get(context, &parse(body)?),
        "GetParameter" => parameters::get(&parse(body)?),
        "GetParameters" => parameters::get_several(&parse(body)?),
        "GetParametersByPath" => parameters::get_by_path(context.service, &parse(body)?),
        "GetConnectionStatus" => instances::connection_status(context, &parse(body)?),
        "RegisterManagedInstance" => registration::register(context, &parse(body)?),
        "RequestManagedInstanceRoleToken" => registration::role_token(context),
        "UpdateInstanceInformation" => registration::update_information(context, parse(body)?),
        "ListInstanceAssociations" | "ListAssociations" => Ok(messages::no_associations()),
        "GetMessages" => messages::get_messages(context, &parse(body)?).await,
        // What agents report besides has no effect.
        _ => Ok(Value::Object(serde_json::Map::new())),
    }
}

/// Refuses what the caller's policies do not allow, and what the fault `deny` names.
fn permitted(context: &Context<'_>, operation: &str, body: &[u8]) -> Result<(), ApiError> {
    let service = if is_of_messages(operation) { "ec2messages" } else { "ssm" };
    let action = format!("{service}:{operation}");
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let resources = resources(operation, &body);
    resources.iter().try_for_each(|resource| allowed(context, &action, resource))
}

/// Refuses an action on a resource that the caller's policies do not allow, or that the fault
/// `deny` names.
pub(crate) fn allowed(context: &Context<'_>, action: &str, resource: &str) -> Result<(), ApiError> {
    let Context { service, caller, over_tls } = context;
    let denied = service.faults.cloud.denies(action).then_some(Refusal::Missing(Kind::Identity));
    let rights = Rights::of(&service.cloud().iam, caller, service.clock.unix(), *over_tls);
    let mut known = with_tags(&service.cloud(), rights.context(), resource);
    // https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-sessiondocumentaccesscheck.html
    if action == "ssm:StartSession" {
        known.set("ssm:SessionDocumentAccessCheck", true);
    }
    let refusal = denied.or_else(|| rights.refusal_in(action, resource, &known));
    refusal.map_or(Ok(()), |refusal| {
        let message = sentence(&caller.arn, action, Some(resource), refusal);
        Err(ApiError::of_model("AccessDeniedException", message))
    })
}

/// Whether an operation is of the service that brings agents their messages.
fn is_of_messages(operation: &str) -> bool {
    matches!(
        operation,
        "GetMessages" | "AcknowledgeMessage" | "SendReply" | "FailMessage" | "DeleteMessage"
    )
}

/// What an operation is about. A session needs its target, and the document that it names. What
/// knows no resources, messages included, asks for all that SSM has; see
/// <https://github.com/kubernetes-sigs/cluster-api-provider-aws/issues/3361>.
///
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html>
fn resources(operation: &str, body: &Value) -> Vec<String> {
    let member = |name: &str| body[name].as_str();
    let mut resources: Vec<_> = match operation {
        "StartSession" | "GetConnectionStatus" => {
            let document = member("DocumentName").filter(|_| operation == "StartSession");
            // Amazon's own are in no account.
            let document = document.map(|name| {
                let account = if name.starts_with("AWS-") { "" } else { ACCOUNT };
                format!("arn:aws:ssm:{REGION}:{account}:document/{name}")
            });
            member("Target").map(node).into_iter().chain(document).collect()
        }
        "ListInstanceAssociations" | "UpdateInstanceInformation" => {
            member("InstanceId").map(node).into_iter().collect()
        }
        "GetDocument" => {
            member("Name").map(|name| arn("ssm", &format!("document/{name}"))).into_iter().collect()
        }
        "GetParameter" => member("Name").map(parameter).into_iter().collect(),
        "GetParameters" => {
            let names = body["Names"].as_array().into_iter().flatten();
            names.filter_map(Value::as_str).map(parameter).collect()
        }
        "GetParametersByPath" => member("Path").map(parameter).into_iter().collect(),
        "ResumeSession" | "TerminateSession" => {
            member("SessionId").map(|id| arn("ssm", &format!("session/{id}"))).into_iter().collect()
        }
        _ => Vec::new(),
    };
    if resources.is_empty() {
        resources.push(arn("ssm", "*"));
    }
    resources
}

fn arn(service: &str, tail: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{tail}")
}

/// What sessions are started on: an instance, one managed from outside EC2, or a container.
fn node(id: &str) -> String {
    // `ecs:CLUSTER_TASK_RUNTIME`: the name of a cluster may have the sign in it, the ids have not.
    let task = id.strip_prefix("ecs:").and_then(|id| id.rsplit_once('_')?.0.rsplit_once('_'));
    match task {
        Some((cluster, task)) => arn("ecs", &format!("task/{cluster}/{task}")),
        _ if id.starts_with("mi-") => arn("ssm", &format!("managed-instance/{id}")),
        _ => arn("ec2", &format!("instance/{id}")),
    }
}

/// The parameters that the lab has are all AWS' own, which are in no account.
fn parameter(name: &str) -> String {
    format!("arn:aws:ssm:{REGION}::parameter{name}")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| ApiError::common("SerializationException", error.to_string()))
}

/// A member that must be there.
fn required<'a>(member: &str, value: Option<&'a str>) -> Result<&'a str, ApiError> {
    value.ok_or_else(|| ApiError::constraint(member, "null", "Member must not be null"))
}

/// A member whose length is bounded.
fn bounded(member: &str, value: &str, least: usize, most: usize) -> Result<(), ApiError> {
    let len = value.chars().count();
    let shown = format!("'{value}'");
    if len < least {
        let constraint = format!("Member must have length greater than or equal to {least}");
        return Err(ApiError::constraint(member, &shown, &constraint));
    }
    if len > most {
        let constraint = format!("Member must have length less than or equal to {most}");
        return Err(ApiError::constraint(member, &shown, &constraint));
    }
    Ok(())
}
