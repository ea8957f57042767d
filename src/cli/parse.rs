//! From arguments and variables to [`Cli`]: what clap's own rules cannot tell apart.
//!
//! A variable in somebody's profile must not make a flag an error. So only flags contradict flags,
//! a flag goes before a variable, and an empty variable is none.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::{BenchArgs, Cli, CommandArgs, ConnectArgs, ExecArgs, Given, ReachArgs, TunnelArgs};

/// Two arguments of a command of which only one can hold.
struct Contradiction {
    commands: &'static [&'static str],
    /// The one that holds when both come from variables.
    stronger: &'static str,
    weaker: &'static str,
}

const TUNNELS: &[&str] = &["connect", "exec", "bench"];

const CONTRADICTIONS: [Contradiction; 9] = [
    Contradiction { commands: TUNNELS, stronger: "all", weaker: "target" },
    Contradiction { commands: TUNNELS, stronger: "names", weaker: "target" },
    Contradiction { commands: TUNNELS, stronger: "names", weaker: "host" },
    Contradiction { commands: TUNNELS, stronger: "names", weaker: "port" },
    Contradiction { commands: TUNNELS, stronger: "socket", weaker: "local_port" },
    Contradiction { commands: TUNNELS, stronger: "socket", weaker: "bind" },
    Contradiction { commands: TUNNELS, stronger: "target", weaker: "host" },
    Contradiction { commands: TUNNELS, stronger: "target", weaker: "port" },
    Contradiction { commands: &["lab"], stronger: "empty", weaker: "instance" },
];

/// Flags of `adit lab` that say nothing without `--tls-listen`; their variables are then ignored.
const OF_TLS: [&str; 2] = ["ca_out", "tls_name"];

impl Cli {
    /// Reads arguments, the program's name first, and the variables behind them.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Error> {
        let mut command = without_empty_variables(Self::command());
        let matches = command.try_get_matches_from_mut(arguments).map_err(without_secrets)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        if let Some((name, matches)) = matches.subcommand() {
            check(&mut command, name, matches)?;
            let lost = cli.command.settle(matches);
            if let Some(command) = command.find_subcommand(name) {
                cli.given = Given::read(command, matches, &lost);
            }
        }
        Ok(cli)
    }
}

/// Takes what may be a secret out of what is said of arguments that make no sense.
fn without_secrets(mut error: Error) -> Error {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    if ["--mfa-code", "--mfa-command"].iter().any(|name| argument.starts_with(name)) {
        error.insert(ContextKind::InvalidValue, ContextValue::String("…".to_owned()));
    }
    error
}

/// Forgets the variables that are set to nothing.
fn without_empty_variables(command: Command) -> Command {
    let forget = |argument: Arg| {
        let empty =
            argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
        if empty { argument.env(None) } else { argument }
    };
    command.mut_args(forget).mut_subcommands(|command| command.mut_args(forget))
}

/// Refuses flags that contradict each other, and those that need one that is not there.
fn check(command: &mut Command, name: &str, matches: &ArgMatches) -> Result<(), Error> {
    let given = |id: &str| source(matches, id) == Some(ValueSource::CommandLine);
    let contradiction = CONTRADICTIONS
        .iter()
        .find(|pair| pair.commands.contains(&name) && given(pair.stronger) && given(pair.weaker))
        .map(|pair| {
            let (stronger, weaker) = (flag(pair.stronger), flag(pair.weaker));
            (ErrorKind::ArgumentConflict, format!("{stronger} cannot be used with {weaker}"))
        });
    let without_tls = || {
        let id = OF_TLS.iter().find(|id| name == "lab" && given(id))?;
        let message = format!("{} needs --tls-listen", flag(id));
        let alone = source(matches, "tls_listen").is_none();
        alone.then_some((ErrorKind::MissingRequiredArgument, message))
    };
    let fault = contradiction.or_else(without_tls);
    let Some((kind, message)) = fault else { return Ok(()) };
    Err(match command.find_subcommand_mut(name) {
        Some(command) => command.error(kind, message),
        None => command.error(kind, message),
    })
}

impl CommandArgs {
    /// Drops what loses against another argument, and says what it was.
    fn settle(&mut self, matches: &ArgMatches) -> Vec<&'static str> {
        let mut lost = Vec::new();
        match self {
            Self::Connect(ConnectArgs { tunnel, .. }) | Self::Exec(ExecArgs { tunnel, .. }) => {
                tunnel.settle(matches, &mut lost);
            }
            Self::Bench(BenchArgs { reach, .. }) => reach.settle(matches, &mut lost),
            // Who names a VPC means a bastion there, not the target of a variable, which may be
            // elsewhere.
            Self::Init(args) if ["vpc", "names"].iter().any(|id| beats(matches, id, "target")) => {
                args.target.clear();
                lost.push("target");
            }
            Self::Lab(args) if beats(matches, "instance", "empty") => {
                args.empty = false;
                lost.push("empty");
            }
            _ => {}
        }
        lost
    }
}

impl TunnelArgs {
    fn settle(&mut self, matches: &ArgMatches, lost: &mut Vec<&'static str>) {
        #[cfg(unix)]
        if ["local_port", "bind"].iter().any(|id| beats(matches, id, "socket")) {
            self.local.socket = None;
            lost.push("socket");
        }
        self.reach.settle(matches, lost);
    }
}

impl ReachArgs {
    fn settle(&mut self, matches: &ArgMatches, lost: &mut Vec<&'static str>) {
        let beats_target = |id: &&str| beats(matches, id, "target");
        if ["host", "port", "names", "all"].iter().any(beats_target) {
            self.target = None;
            lost.push("target");
        }
        // Names say it all: host and port of a variable are of another tunnel.
        if ["names", "all"].iter().any(|id| beats(matches, id, "port")) {
            (self.host, self.port) = (None, None);
            lost.extend(["host", "port"]);
        }
    }
}

/// Whether one is a flag, and the other a variable at most.
fn beats(matches: &ArgMatches, one: &str, other: &str) -> bool {
    source(matches, one) == Some(ValueSource::CommandLine)
        && source(matches, other) != Some(ValueSource::CommandLine)
}

/// Where a value is from; `None` also where the platform has no such argument.
pub(super) fn source(matches: &ArgMatches, id: &str) -> Option<ValueSource> {
    matches.try_contains_id(id).ok()?;
    matches.value_source(id)
}

fn flag(id: &str) -> String {
    if id == "names" {
        return "a NAME".to_owned();
    }
    format!("--{}", id.replace('_', "-"))
}
