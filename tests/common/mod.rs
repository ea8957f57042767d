//! What the test binaries share: the real program, a lab, destinations of the tests' own.

pub(crate) mod bytes;
pub(crate) mod calls;
pub(crate) mod clock;
pub(crate) mod cloud;
pub(crate) mod connect;
pub(crate) mod http;
pub(crate) mod identity;
pub(crate) mod lab;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod secrets;
pub(crate) mod servers;
pub(crate) mod signed;
pub(crate) mod stories;
pub(crate) mod wait;

/// The instance that a lab has unless it is told otherwise.
pub(crate) const BASTION: &str = "i-0ad17000000000001";

/// The host name that the tests map to servers of their own.
pub(crate) const HOST: &str = "db.internal";
