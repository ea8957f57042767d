//! What is to be measured.

use std::ffi::OsString;
use std::time::Duration;

use super::wanted::wanted;
use super::{ReadEnv, Wanted};
use crate::background::Folders;
use crate::cli::{BenchArgs, LocalArgs, LocalPort, TunnelArgs};
use crate::failure::{Failure, Kind};

/// What `adit bench` is to do.
#[derive(Debug)]
pub(crate) struct BenchSettings {
    /// One connection, or one that the user is asked for.
    pub(crate) wanted: Wanted,
    /// How many of the command are run at once.
    pub(crate) parallel: u8,
    /// How long each run may take; `None` is until the command ends by itself.
    pub(crate) span: Option<Duration>,
    /// Nothing where nothing is to be run.
    pub(crate) command: Vec<OsString>,
    /// Where other programs find this one.
    pub(crate) folders: Folders,
}

pub(super) fn of(args: BenchArgs, env: ReadEnv<'_>) -> Result<BenchSettings, Failure> {
    let BenchArgs { name, reach, parallel, span, limits, aws, command } = args;
    // Nobody else is to use it: no port of the file's is taken.
    let local = LocalArgs { local_port: Some(LocalPort::Auto), ..LocalArgs::default() };
    let names = name.into_iter().collect();
    let tunnel = TunnelArgs { names, all: false, reach, local, limits, aws };
    let wanted = wanted(&tunnel, false, env)?;
    if let Wanted::These(connections) = &wanted
        && connections.len() != 1
    {
        let message =
            format!("{} is a group, and one connection is measured", tunnel.names.join(" "));
        let names: Vec<&str> = connections.iter().map(|one| one.name.as_str()).collect();
        return Err(Failure::new(Kind::Usage, message)
            .hint(format!("pass one of its members: {}", names.join(", "))));
    }
    Ok(BenchSettings { wanted, parallel, span, command, folders: Folders::of(env) })
}
