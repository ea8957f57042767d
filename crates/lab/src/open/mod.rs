//! What is called without a signature: single sign-on, sign-in, and the places where instances
//! and containers get their credentials.
//!
//! Paths as the SDKs have them; everything is on the lab's one port.

mod container;
mod dpop;
mod metadata;
mod oidc;
mod portal;
mod sign_in;
mod store;

use http::request::Parts;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

pub(crate) use oidc::{decide, page};
pub(crate) use portal::{assign, revoke};
pub(crate) use sign_in::log_in;
pub(crate) use store::{Container, State, give_container, give_instance_role};

use crate::cloud::protocol::Params;
use crate::http::ApiError;
use crate::service::Service;

/// One call.
pub(crate) struct Call<'a> {
    pub(crate) service: &'a Service,
    /// As in `http://127.0.0.1:4000`.
    pub(crate) base: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: Params,
    pub(crate) path: &'a str,
    pub(crate) body: &'a [u8],
}

/// What a call gives back.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Given {
    Json(Value),
    Text(String),
    /// A token of the instance's metadata, and how many seconds it lasts.
    Token(String, u64),
}

/// A refusal: a status, the exception's name where there is one, and a body.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) code: Option<&'static str>,
    pub(crate) body: Value,
}

type Outcome = Result<Given, Refused>;

/// An operation that is called without a signature, by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Operation(pub(crate) &'static str);

impl Operation {
    /// The operation of a request; `None` when it is for others.
    pub(crate) fn of(parts: &Parts) -> Option<Self> {
        let path = parts.uri.path();
        Some(Self(match (&parts.method, path) {
            (&Method::POST, "/client/register") => "RegisterClient",
            (&Method::POST, "/device_authorization") => "StartDeviceAuthorization",
            (&Method::POST, "/token") => "CreateToken",
            (&Method::GET, "/federation/credentials") => "GetRoleCredentials",
            (&Method::GET, "/assignment/accounts") => "ListAccounts",
            (&Method::GET, "/assignment/roles") => "ListAccountRoles",
            (&Method::POST, "/logout") => "Logout",
            (&Method::POST, "/v1/token") => "CreateOAuth2Token",
            (&Method::PUT, "/latest/api/token") => "MetadataToken",
            (&Method::GET, path) if path.starts_with("/latest/") => "Metadata",
            (&Method::GET, path) if path.starts_with(container::PATH) => "ContainerCredentials",
            _ => return None,
        }))
    }

    /// Does it.
    pub(crate) fn call(self, call: &Call<'_>) -> Outcome {
        match self.0 {
            "RegisterClient" => oidc::register(call),
            "StartDeviceAuthorization" => oidc::start(call),
            "CreateToken" => oidc::token(call),
            "GetRoleCredentials" => portal::credentials(call),
            "ListAccounts" => portal::accounts(call),
            "ListAccountRoles" => portal::roles(call),
            "Logout" => portal::logout(call),
            "CreateOAuth2Token" => sign_in::token(call),
            "MetadataToken" => metadata::token(call),
            "Metadata" => metadata::get(call),
            _ => container::credentials(call),
        }
    }

    /// What a service says when it is down or does not keep up, as its model has it: sign-in and the
    /// portal have errors of their own for it, single sign-on has what all services have.
    ///
    /// <https://docs.aws.amazon.com/signin/latest/APIReference/API_CreateOAuth2Token.html#API_CreateOAuth2Token_Errors>,
    /// <https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html#API_GetRoleCredentials_Errors>
    /// and <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/CommonErrors.html>
    pub(crate) fn unable(self, error: &ApiError) -> Refused {
        let ApiError { status, code, message, .. } = error;
        let (status, code, error) = match (self.0, *code) {
            ("CreateOAuth2Token", "ThrottlingException") => {
                (429, "TooManyRequestsError", Some("rate_exceeded"))
            }
            ("CreateOAuth2Token", code) => (status.as_u16(), code, Some("service_unavailable")),
            ("RegisterClient" | "StartDeviceAuthorization" | "CreateToken", code) => {
                (status.as_u16(), code, None)
            }
            (_, "ThrottlingException") => (429, "TooManyRequestsException", None),
            (_, code) => (status.as_u16(), code, None),
        };
        let mut body = json!({ "message": message });
        if let Some(error) = error {
            body["error"] = error.into();
        }
        Refused { status, code: Some(code), body }
    }
}

impl Call<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }
}

/// A time in whole seconds or thousandths, as JSON has it.
fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
