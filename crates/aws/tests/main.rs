//! What is done to AWS, done to the lab: stories of a bastion from nothing to nothing.

#![allow(clippy::large_futures, reason = "calls of the SDK are large, and each is made once here")]

mod cut_short;
mod denied;
mod generated;
mod operations;
mod scenarios;
mod support;
