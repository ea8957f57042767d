//! What a command is to do: flags and environment, resolved once.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use adit_lab::{DEFAULT_INSTANCE, FaultRequest, LabConfig, Pace, TlsConfig};
use adit_tunnel::ProxySettings;

use crate::cli::{AwsArgs, CommandArgs, ConnectArgs, DemoArgs, LabArgs, LocalPort, PaceArg};
use crate::failure::{Failure, Kind};

/// A command with all that it needs to know.
#[derive(Debug)]
pub(crate) enum Settings {
    Connect(Box<ConnectSettings>),
    Demo(DemoSettings),
    Lab(Box<LabSettings>),
}

/// What `adit connect` is to do.
#[derive(Debug)]
pub(crate) struct ConnectSettings {
    pub(crate) destination: Destination,
    pub(crate) local: Local,
    pub(crate) reason: Option<String>,
    pub(crate) resume_budget: Duration,
    pub(crate) exit_zero_on_sigterm: bool,
    pub(crate) access: Access,
}

/// What `adit demo` is to do.
#[derive(Debug)]
pub(crate) struct DemoSettings {
    pub(crate) once: bool,
    pub(crate) target: Option<std::net::SocketAddr>,
    pub(crate) local: Local,
    pub(crate) resume_enabled: bool,
}

/// What `adit lab` is to do.
#[derive(Debug)]
pub(crate) struct LabSettings {
    pub(crate) config: LabConfig,
    /// Faults that are there from the start.
    pub(crate) faults: Option<FaultRequest>,
    pub(crate) ready_file: Option<PathBuf>,
}

/// Where a tunnel leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) bastion: String,
    /// `None` is the bastion itself.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_deref().unwrap_or(&self.bastion);
        if host.contains(':') {
            write!(f, "[{host}]:{}", self.port)
        } else {
            write!(f, "{host}:{}", self.port)
        }
    }
}

/// Where local clients connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Local {
    Tcp {
        address: IpAddr,
        port: LocalPort,
    },
    #[cfg(unix)]
    Unix(PathBuf),
}

/// How AWS is reached.
#[derive(Debug, Default)]
pub(crate) struct Access {
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) endpoint_url: Option<String>,
    pub(crate) ca_bundle: Option<PathBuf>,
    pub(crate) proxy: ProxySettings,
}

/// Reads a variable of the environment.
type ReadEnv<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Settings {
    /// Gives the arguments their meaning. The variables that other programs share with adit are
    /// read here, through `env`; those of its own clap has read with the flags.
    pub(crate) fn resolve(command: CommandArgs, env: ReadEnv<'_>) -> Result<Self, Failure> {
        match command {
            CommandArgs::Connect(args) => {
                connect(args, env).map(|settings| Self::Connect(Box::new(settings)))
            }
            CommandArgs::Demo(args) => Ok(Self::Demo(demo(args))),
            CommandArgs::Lab(args) => Ok(Self::Lab(Box::new(lab(args)))),
        }
    }
}

fn connect(args: ConnectArgs, env: ReadEnv<'_>) -> Result<ConnectSettings, Failure> {
    let port = args.local_port.unwrap_or(LocalPort::Fixed(args.port));
    let tcp = Local::Tcp { address: args.bind, port };
    #[cfg(unix)]
    let local = args.socket.map_or(tcp, Local::Unix);
    #[cfg(not(unix))]
    let local = tcp;
    if matches!(local, Local::Tcp { address, .. } if !address.is_loopback()) && !args.allow_remote {
        let message = format!("--bind {} lets other machines use the tunnel", args.bind);
        return Err(Failure::new(Kind::Usage, message)
            .hint("add --allow-remote if that is meant, else leave --bind out"));
    }
    Ok(ConnectSettings {
        destination: Destination { bastion: args.bastion, host: args.host, port: args.port },
        local,
        reason: args.reason,
        resume_budget: args.resume_budget,
        exit_zero_on_sigterm: args.exit_zero_on_sigterm,
        access: access(args.aws, env),
    })
}

fn access(args: AwsArgs, env: ReadEnv<'_>) -> Access {
    let first = |names: [&str; 2]| names.into_iter().find_map(env).filter(|v| !v.is_empty());
    Access {
        profile: args.profile,
        region: args.region,
        endpoint_url: args.endpoint_url,
        ca_bundle: args
            .ca_bundle
            .or_else(|| env("AWS_CA_BUNDLE").filter(|path| !path.is_empty()).map(PathBuf::from)),
        proxy: ProxySettings {
            https: first(["HTTPS_PROXY", "https_proxy"]),
            http: first(["HTTP_PROXY", "http_proxy"]),
            all: first(["ALL_PROXY", "all_proxy"]),
            no: first(["NO_PROXY", "no_proxy"]),
        },
    }
}

fn demo(args: DemoArgs) -> DemoSettings {
    DemoSettings {
        once: args.once,
        target: args.target,
        local: Local::Tcp { address: Ipv4Addr::LOCALHOST.into(), port: args.local_port },
        resume_enabled: !args.lab_no_resume,
    }
}

fn lab(args: LabArgs) -> LabSettings {
    let instances = match (args.empty, args.instance) {
        (true, _) => Vec::new(),
        (false, none) if none.is_empty() => vec![DEFAULT_INSTANCE.to_owned()],
        (false, some) => some,
    };
    let config = LabConfig {
        listen: args.listen,
        tls: args.tls_listen.map(|listen| TlsConfig {
            listen,
            ca_out: args.ca_out,
            name: args.tls_name,
        }),
        instances,
        maps: args.map,
        pace: match args.pace {
            PaceArg::Official => Pace::Official,
            PaceArg::Off => Pace::Off,
        },
        latency: Duration::from_millis(args.latency),
        sigv4: !args.no_sigv4,
        lossy_resume: args.lossy_resume,
        seed: args.seed,
        resume_enabled: !args.no_resume,
        ..LabConfig::default()
    };
    let faults =
        (args.agent_version.is_some() || args.handler_delay_ms.is_some()).then(|| FaultRequest {
            agent_version: args.agent_version,
            handler_delay_ms: args.handler_delay_ms,
            ..FaultRequest::default()
        });
    LabSettings { config, faults, ready_file: args.ready_file }
}

#[cfg(test)]
mod tests;
