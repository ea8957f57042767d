//! What is printed, and where.

mod event;
#[cfg(unix)]
mod key;
pub(crate) mod plain;
mod printer;
mod progress;
pub(crate) mod prompt;
mod stdout;
mod table;
mod units;

pub(crate) use event::{CredentialStep, Event};
#[cfg(unix)]
pub(crate) use key::Key;
pub(crate) use printer::{Output, Printer, with_times};
pub(crate) use progress::{Above, Progress};
pub(crate) use table::Table;
pub(crate) use units::{long_span, moment, size, span};
