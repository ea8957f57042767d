//! Policies: what IAM refuses of a document, and what a document says of a request.
//!
//! Pure: a document, an action, a resource and the request's context go in, a verdict comes out.
//! What the lab does not know of the language is refused when the document is put, so that no
//! part of a policy is ever passed over.

mod condition;
mod context;
mod document;
mod json;
mod malformed;
mod managed;
mod pattern;
mod principal;
#[cfg(test)]
mod tests;

pub(crate) use context::Context;
pub(crate) use document::{Policy, Verdict};
pub(crate) use malformed::Malformed;
pub(crate) use managed::managed;
pub(crate) use principal::{Trust, Who};
