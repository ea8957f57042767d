//! The control plane: EC2, IAM, STS and the services that targets are in, with state of their own.
//!
//! A request finds its service by the scope of its signature, or by its form when there is none;
//! each service is a module with a `call` that answers one operation.

mod authorize;
mod body;
mod default_vpc;
mod ec2;
mod ecs;
mod elasticache;
#[cfg(test)]
mod endpoint_tests;
mod example;
pub(crate) mod faults;
pub(crate) mod iam;
mod kafka;
mod life;
mod memorydb;
mod network;
mod opensearch;
pub(crate) mod parameters;
mod place;
pub(crate) mod protocol;
mod rds;
mod records;
mod redshift;
mod redshift_serverless;
mod request;
mod rights;
pub(crate) mod state;
pub(crate) mod sts;
mod subject;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

pub(crate) use authorize::{sentence, with_tags};
pub(crate) use network::{Managed, Presence};
pub(crate) use protocol::{CloudError, Element, Params, answer, el, list, node};
pub(crate) use request::{Request, Target};
pub(crate) use rights::{Kind, Refusal, Rights};
pub(crate) use state::State;

use crate::http::ApiError;
use crate::identity::Caller;
use crate::service::Service;
use protocol::{Body, Reply};
use state::Born;

/// Whether a caller is still there: neither deleted nor made anew.
pub(crate) fn is_there(service: &Service, caller: &Caller) -> bool {
    iam::is_there(&service.cloud().iam, caller)
}

/// What an operation with an answer in XML gives back.
pub(crate) type Outcome = Result<Element, CloudError>;

/// What an operation with an answer in JSON gives back.
pub(crate) type JsonOutcome = Result<Value, CloudError>;

/// One call, as the services see it.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) service: &'a Service,
    pub(crate) caller: &'a Caller,
    pub(crate) operation: &'a str,
    /// Of the query formats; of REST, the query string.
    pub(crate) params: &'a Params,
    /// The body of the JSON formats; an empty object when there is none.
    pub(crate) json: &'a Value,
    /// REST only, with its percent-encoding.
    pub(crate) path: &'a str,
    pub(crate) rights: &'a Rights,
}

impl Call<'_> {
    /// The lab's time, which states and visibility follow.
    pub(crate) fn now(&self) -> Duration {
        self.service.clock.elapsed()
    }

    /// The birth of something that this call makes.
    pub(crate) fn born(&self) -> Born {
        Born::now(self.service)
    }

    /// An id such as `sg-0123456789abcdef0`.
    pub(crate) fn new_id(&self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.service.entropy.hex(16))
    }

    /// The refusal of an operation that the lab does not have.
    pub(crate) fn unknown(&self) -> CloudError {
        let message = format!("The action {} is not valid for this web service.", self.operation);
        CloudError::refuse("InvalidAction", message)
    }
}

/// Answers a request to one of the services.
pub(crate) fn answer_request(
    service: &Arc<Service>,
    request: &Request,
    over_tls: bool,
    caller: Result<Caller, ApiError>,
    request_id: &str,
) -> Reply {
    let Request { target: Target { format, .. }, operation, .. } = request;
    let outcome = common(service)
        .and(caller)
        .map_err(|error| format.common(error))
        .and_then(|caller| dispatch(service, request, over_tls, &caller));
    // What was changed shows in the agents at once.
    service.refresh();
    if let Err(CloudError { code, message, .. }) = &outcome {
        tracing::debug!(operation, code, message, "refused");
    }
    format.render(operation, request_id, outcome)
}

/// What keeps every service from answering.
fn common(service: &Service) -> Result<(), ApiError> {
    if service.faults.is_down() {
        return Err(ApiError::unavailable());
    }
    if service.faults.takes_throttle() {
        return Err(ApiError::throttled());
    }
    Ok(())
}

fn dispatch(
    service: &Service,
    request: &Request,
    over_tls: bool,
    caller: &Caller,
) -> Result<Body, CloudError> {
    let Request { target, operation, params, json, path } = request;
    let rights = Rights::of(&service.cloud().iam, caller, service.clock.unix(), over_tls);
    let rights = &rights;
    let call = Call { service, caller, operation, params, json, path, rights };
    authorize::check(&call, *target)?;
    service.cloud().sweep(call.now());
    match target.name {
        "ec2" => ec2::call(&call).map(Body::from),
        "iam" => iam::call(&call).map(Body::from),
        "sts" => sts::call(&call).map(Body::from),
        "rds" => rds::call(&call).map(Body::from),
        "elasticache" => elasticache::call(&call).map(Body::from),
        "redshift" => redshift::call(&call).map(Body::from),
        "memorydb" => memorydb::call(&call).map(Body::from),
        "ecs" => ecs::call(&call).map(Body::from),
        "redshift-serverless" => redshift_serverless::call(&call).map(Body::from),
        "es" => opensearch::call(&call).map(Body::from),
        "kafka" => kafka::call(&call).map(Body::from),
        _ => Err(call.unknown()),
    }
}
