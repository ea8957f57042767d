//! Every AWS API call that adit makes.
//!
//! [`load`] resolves region, credentials and endpoint the way the AWS CLI and SDKs do; the
//! resulting [`Aws`] makes the three session calls ([`SessionApi`]) and signs the upgrade request
//! of the data channel ([`sign_websocket_upgrade`]). Failures are an [`AwsError`]: what happened
//! where in one line, and what to do next.

mod access;
pub mod bastion;
mod cache;
mod error;
#[cfg(test)]
mod fake;
mod http_client;
mod load;
mod naming;
pub mod network;
mod once;
mod session_api;
mod sign;
mod similar;
mod tags;
pub mod targets;
mod wait;

pub use access::{Cause, Denial, Policy};
pub use error::{AwsError, AwsErrorKind};
pub use load::{Aws, AwsOptions, ProxyUse, StaticCredentials, load};
pub use session_api::{Session, SessionApi, StartSession};
pub use sign::sign_websocket_upgrade;
pub use tags::Tags;
