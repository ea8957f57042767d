//! `adit.toml` and a person's own `config.toml`: finding, reading, layering, editing, importing.
//!
//! The shared file may come from a stranger's repository. It can hold no command, no secret, no
//! endpoint and no address to listen on; what it says is checked and never obeyed by a terminal; and
//! the worst it can do is to name a host to tunnel to.

#![forbid(unsafe_code)]

mod config;
mod document;
pub mod edit;
mod expand;
pub mod file;
mod import;
mod keys;
mod kind;
mod layer;
mod locate;
mod patterns;
mod place;
mod platform;
mod problem;
mod read;
mod schema;
mod secret;
mod shown;
mod similar;
mod source;
mod values;

pub use config::{Config, LookupError, Request, Unknown};
pub use import::{BASTI_FILES, ImportError, Imported, import_basti};
pub use kind::TargetKind;
pub use layer::{
    Bastion, Connection, Explanation, Flags, Lost, Refusal, Setting, Settings, Target, tighten,
};
pub use locate::{FILE_NAME, LARGEST, locate};
pub use place::{Origin, Place};
pub use problem::{MOST_SHOWN, Problem, Problems};
pub use schema::{schema, user_schema};
pub use values::{CredentialKind, Lanes, LocalPort, PublicIp, Reason, RequireMfa, span};
