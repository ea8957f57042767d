//! Which connections are wanted: what files say, with flags over it.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use adit_aws::bastion::ExistingSpec;
use adit_config::{Config, Flags, Reason, Setting, Settings};
use adit_tunnel::LimitsConfig;

#[cfg(unix)]
use super::connection::is_folder;
use super::connection::{Connection, Direct, Local, Wanted, Way};
use super::{Access, ReadEnv, access, cache, team};
use crate::cli::{Bind, LocalArgs, LocalPort, ReachArgs, TunnelArgs};
use crate::failure::{Failure, Kind};

/// What the files and flags of one command make of connections.
struct Maker<'a> {
    config: Config,
    flags: Flags,
    base: Access,
    args: &'a TunnelArgs,
    local: Local,
    lazy: bool,
    env: ReadEnv<'a>,
    /// Accesses that are shared, by what makes them differ.
    accesses: Vec<Arc<Access>>,
}

/// What the arguments of a command that opens tunnels come to.
pub(super) fn wanted(args: &TunnelArgs, lazy: bool, env: ReadEnv<'_>) -> Result<Wanted, Failure> {
    let config = team::load(&args.aws.config, env)?;
    let limits = &args.limits;
    let flags = Flags {
        bastion: args.reach.bastion.as_ref().map(ToString::to_string),
        local_port: args.local.local_port.as_ref().map(team::config_port),
        idle_timeout: limits.idle_timeout,
        max_duration: limits.max_duration,
        max_duration_ceiling: limits.max_duration_ceiling,
        disconnect_on_expiry: limits.disconnect_on_expiry,
        keep_alive: limits.keep_alive,
        lanes: limits.lanes,
        reason: args.reach.reason.clone(),
        ..team::flags(&args.aws)
    };
    let (base, local) = (access::of(&args.aws, env), local(&args.local)?);
    let mut maker = Maker { config, flags, base, args, local, lazy, env, accesses: Vec::new() };
    let names = match (args.all, args.names.is_empty()) {
        (true, _) => maker.config.names(),
        (false, false) => {
            let expanded = maker.config.expand(&args.names);
            expanded.map_err(|error| team::of_lookup(&error, &maker.config))?
        }
        (false, true) => return maker.without_names(),
    };
    if names.is_empty() {
        return Err(Failure::new(Kind::Usage, "there is no connection in adit.toml")
            .hint("`adit config init` makes one"));
    }
    maker.fits(&names)?;
    names.iter().map(|name| maker.named(name)).collect::<Result<_, _>>().map(Wanted::These)
}

impl Maker<'_> {
    /// What flags say of the local side has to fit as many connections as there are.
    fn fits(&self, names: &[String]) -> Result<(), Failure> {
        let several = names.len() > 1;
        let message = match (&self.args.local.local_port, &self.local) {
            (Some(LocalPort::Fixed(_)), _) if several => "--local-port is one port",
            #[cfg(unix)]
            (_, Local::Unix(path)) if several && !is_folder(path) => "--socket is one socket",
            _ => return Ok(()),
        };
        let count = names.len();
        Err(Failure::new(Kind::Usage, format!("{message}, and there are {count} connections"))
            .hint(
                "use `--local-port auto`, a range, a folder for --socket, or the file's own ports",
            ))
    }

    /// A connection of the files.
    fn named(&mut self, name: &str) -> Result<Connection, Failure> {
        let connection = self.config.connection(name);
        let connection = connection.map_err(|error| team::of_lookup(&error, &self.config))?;
        let settings = team::tightened(&connection.settings, &self.flags)?;
        let bastion = self.bastion(&settings)?;
        let way = Way::Target { spec: team::spec(&connection.target)?, bastion };
        Ok(self.of(&settings, ()).to(name.to_owned(), way))
    }

    /// The bastion of one's own, of the connection or for all.
    fn bastion(&self, settings: &Settings) -> Result<Option<ExistingSpec>, Failure> {
        let wishes = self.config.bastion().map_err(|problems| team::of_problems(&problems))?;
        settings.bastion.as_ref().or(wishes.existing.as_ref()).map(team::bastion).transpose()
    }

    /// What flags say alone, or what the user is to be asked for.
    fn without_names(mut self) -> Result<Wanted, Failure> {
        let defaults = self.config.defaults().map_err(|problems| team::of_problems(&problems))?;
        let settings = team::tightened(&defaults, &self.flags)?;
        let ReachArgs { target, host, port, .. } = &self.args.reach;
        let bastion = self.bastion(&settings)?;
        // A target goes before host and port, which flags have settled before.
        let way = match (target.clone(), bastion, host.clone(), *port) {
            (Some(spec), bastion, ..) => Way::Target { spec, bastion },
            (None, Some(bastion), host, Some(port)) => Way::Direct(Direct { bastion, host, port }),
            (None, bastion, None, None) => return Ok(self.ask(&settings, bastion)),
            (None, None, ..) => {
                return Err(Failure::new(Kind::Usage, "--host and --port need a --bastion")
                    .hint("pass --bastion i-… with them, or --target KIND:ID in their place"));
            }
            (None, _, Some(host), None) => {
                return Err(Failure::new(Kind::Usage, "--host needs a --port")
                    .hint(format!("pass --host {host} --port PORT")));
            }
        };
        let name = match &way {
            Way::Direct(direct) => direct.to_string(),
            Way::Target { spec, .. } => spec.to_string(),
        };
        Ok(Wanted::These(vec![self.of(&settings, ()).to(name, way)]))
    }

    /// The user is asked: for a connection where a file has some, else for a target.
    fn ask(mut self, settings: &Settings, bastion: Option<ExistingSpec>) -> Wanted {
        let names = self.config.names();
        if names.is_empty() || self.args.reach.bastion.is_some() {
            return Wanted::Pick(Box::new(self.of(settings, bastion)));
        }
        // One that is wrong is told when it is chosen.
        let connections = names.iter().map(|name| (name.clone(), self.named(name)));
        Wanted::OneOf(connections.collect())
    }

    fn of<W>(&mut self, settings: &Settings, way: W) -> Connection<W> {
        let access = self.access(settings);
        let max = settings.max_duration.value;
        let (reason, reason_wanted) = match &settings.reason {
            Some(Setting { value: Reason::Text(text), .. }) => (Some(text.clone()), None),
            Some(Setting { value: Reason::Required, origin, .. }) => {
                (None, Some(origin.to_string()))
            }
            None => (None, None),
        };
        let limits = &self.args.limits;
        Connection {
            name: String::new(),
            way,
            local: self.local_side(settings),
            allow_remote: self.args.local.allow_remote,
            reason,
            reason_wanted,
            limits: LimitsConfig {
                idle: Some(settings.idle_timeout.value),
                max,
                ceiling: settings.max_duration_ceiling.value.max(max),
            },
            resume_budget: limits.resume_budget,
            hold: limits.hold,
            keep_alive: settings.keep_alive.value,
            lanes: settings.lanes.value,
            disconnect_on_expiry: settings.disconnect_on_expiry.value,
            scope_session: limits.scope_session,
            lazy: self.lazy,
            cache: cache::of(access.profile.as_deref(), &self.args.aws, self.env),
            access,
        }
    }

    fn local_side(&self, settings: &Settings) -> Local {
        match &self.local {
            Local::Tcp { address, port: _ } => Local::Tcp {
                address: *address,
                port: settings.local_port.as_ref().map(|port| team::local_port(port.value)),
            },
            #[cfg(unix)]
            Local::Unix(path) => Local::Unix(path.clone()),
        }
    }

    /// How AWS is reached; the same where it is the same, so that credentials are got once.
    fn access(&mut self, settings: &Settings) -> Arc<Access> {
        let wanted = team::access(&self.base, settings, self.env);
        let is_same = |access: &&Arc<Access>| {
            access.profile == wanted.profile
                && access.region == wanted.region
                && access.ca_bundle == wanted.ca_bundle
                && access.mfa.serial == wanted.mfa.serial
                && access.demands == wanted.demands
        };
        if let Some(access) = self.accesses.iter().find(is_same) {
            return Arc::clone(access);
        }
        let access = Arc::new(wanted);
        self.accesses.push(Arc::clone(&access));
        access
    }
}

fn local(args: &LocalArgs) -> Result<Local, Failure> {
    let address = args.bind.unwrap_or(Bind::One(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    #[cfg(unix)]
    if let Some(path) = &args.socket {
        // Those who are told of it may be elsewhere.
        let is_folder = is_folder(path);
        let mut path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        if is_folder {
            path.push("");
        }
        return Ok(Local::Unix(path));
    }
    if let Bind::One(address) = address
        && !address.is_loopback()
        && !args.allow_remote
    {
        let message = format!("--bind {address} lets other machines use the tunnel");
        return Err(Failure::new(Kind::Usage, message)
            .hint("add --allow-remote if that is meant, else leave --bind out"));
    }
    Ok(Local::Tcp { address, port: args.local_port.clone() })
}
