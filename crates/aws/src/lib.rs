//! Every AWS API call that adit makes.
//!
//! [`load`] resolves region, credentials and endpoint the way the AWS CLI and SDKs do, asks for a
//! multi-factor code where one is needed, and keeps what it got fresh; the resulting [`Aws`] makes the three session calls ([`SessionApi`]) and signs the upgrade request
//! of the data channel ([`sign_websocket_upgrade`]). Failures are an [`AwsError`]: what happened
//! where in one line, and what to do next.

mod access;
pub mod bastion;
mod clock;
mod credentials;
mod error;
#[cfg(test)]
mod fake;
mod http_client;
mod load;
mod naming;
pub mod network;
mod notices;
mod observe;
mod once;
mod preferences;
mod session_api;
mod sign;
mod similar;
mod tags;
pub mod targets;
mod wait;

pub use access::{Cause, Denial, Policy};
pub use clock::Clock;
pub use credentials::{
    Code, CodeError, CodeRequest, CodeSource, CredentialKind, Demands, Device, Held, MfaSerial,
    MfaState, Origin, Renewal, RoleWish, SignedIn, Sourced, Step, Verification, Whoami,
};
pub use error::{AwsError, AwsErrorKind};
pub use load::{Aws, AwsOptions, ProxyUse, StaticCredentials, load, sign_in};
pub use notices::{Notice, Notices};
pub use preferences::{Preferences, preferences};
pub use session_api::{Session, SessionApi, StartSession};
pub use sign::sign_websocket_upgrade;
pub use tags::Tags;
