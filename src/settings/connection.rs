//! What tunnels are to be opened, and how.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::world::World;
use adit_aws::bastion::ExistingSpec;
use adit_aws::targets::{Kind as TargetKind, TargetSpec};
use adit_config::Lanes;
use adit_tunnel::LimitsConfig;

use super::wanted::wanted;
use super::{Access, ReadEnv};
use crate::background::Folders;
use crate::cli::{Bind, ConnectArgs, ExecArgs, LocalPort, ReadinessArgs};
use crate::failure::Failure;

/// What `adit connect` is to do.
#[derive(Debug)]
pub(crate) struct ConnectSettings {
    pub(crate) wanted: Wanted,
    pub(crate) detach: bool,
    /// The descriptor that this process is to tell when it goes to the background.
    pub(crate) detached: Option<u32>,
    /// Where other programs find this one.
    pub(crate) folders: Folders,
    pub(crate) all_or_nothing: bool,
    pub(crate) readiness: Readiness,
    pub(crate) exit_zero_on_sigterm: bool,
}

/// What `adit exec` is to do.
#[derive(Debug)]
pub(crate) struct ExecSettings {
    pub(crate) wanted: Wanted,
    /// How long the targets have to answer; `None` is not to ask them.
    pub(crate) wait_for: Option<Duration>,
    /// Whether PostgreSQL's programs are told the real name of their host.
    pub(crate) real_host: bool,
    pub(crate) command: Vec<OsString>,
    /// Where other programs find this one.
    pub(crate) folders: Folders,
}

/// Who is told that tunnels can be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) file: Option<PathBuf>,
    pub(crate) fd: Option<u32>,
    pub(crate) health: Option<SocketAddr>,
}

/// Which connections are to be opened.
#[derive(Debug)]
pub(crate) enum Wanted {
    These(Vec<Connection>),
    /// One of these, which the user is asked for; what is wrong with one is told when it is chosen.
    OneOf(Vec<(String, Result<Connection, Failure>)>),
    /// One to a target that the user is asked for, through the bastion of its VPC or this one.
    Pick(Box<Connection<Option<ExistingSpec>>>),
}

impl Wanted {
    /// What the user calls them, as far as that is known.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::These(connections) => connections.iter().map(|one| one.name.clone()).collect(),
            Self::OneOf(_) | Self::Pick(_) => Vec::new(),
        }
    }

    /// Puts another world in the machine's place.
    pub(super) fn set_world(&mut self, world: &World) {
        let set = |access: &mut Arc<Access>| {
            // Nobody else has it yet but other connections, which share it on purpose.
            let changed = Access { world: world.clone(), ..Access::clone(access) };
            *access = Arc::new(changed);
        };
        match self {
            Self::Pick(connection) => set(&mut connection.access),
            Self::OneOf(connections) => {
                let good = connections.iter_mut().filter_map(|(_, found)| found.as_mut().ok());
                good.for_each(|connection| set(&mut connection.access));
            }
            Self::These(connections) => {
                let mut changed: Vec<(Arc<Access>, Arc<Access>)> = Vec::new();
                for connection in connections {
                    let old = Arc::clone(&connection.access);
                    if let Some((_, to)) = changed.iter().find(|(from, _)| Arc::ptr_eq(from, &old))
                    {
                        connection.access = Arc::clone(to);
                        continue;
                    }
                    set(&mut connection.access);
                    changed.push((old, Arc::clone(&connection.access)));
                }
            }
        }
    }
}

/// A tunnel that is to be opened.
#[derive(Debug, Clone)]
pub(crate) struct Connection<W = Way> {
    /// What the user calls it.
    pub(crate) name: String,
    pub(crate) way: W,
    pub(crate) local: Local,
    /// Whether other machines may use the tunnel.
    pub(crate) allow_remote: bool,
    pub(crate) reason: Option<String>,
    /// Who wants a reason, where one is wanted and none was given.
    pub(crate) reason_wanted: Option<String>,
    pub(crate) limits: LimitsConfig,
    pub(crate) resume_budget: Duration,
    /// How long local connections wait for a session.
    pub(crate) hold: Duration,
    /// Whether the service is kept from ending its session as idle while somebody is connected.
    pub(crate) keep_alive: bool,
    /// Over how many sessions at most its local connections are spread.
    pub(crate) lanes: Lanes,
    pub(crate) disconnect_on_expiry: bool,
    /// Whether the session's credentials are narrowed to what it needs.
    pub(crate) scope_session: bool,
    /// Whether it is opened when somebody connects, and not before.
    pub(crate) lazy: bool,
    /// Shared by connections that have the same.
    pub(crate) access: Arc<Access>,
    pub(crate) cache: Cache,
}

impl<W> Connection<W> {
    /// The same, with where it leads.
    pub(crate) fn to(self, name: String, way: Way) -> Connection {
        let Self {
            name: _,
            way: _,
            local,
            allow_remote,
            reason,
            reason_wanted,
            limits,
            resume_budget,
            hold,
            keep_alive,
            lanes,
            disconnect_on_expiry,
            scope_session,
            lazy,
            access,
            cache,
        } = self;
        Connection {
            name,
            way,
            local,
            allow_remote,
            reason,
            reason_wanted,
            limits,
            resume_budget,
            hold,
            keep_alive,
            lanes,
            disconnect_on_expiry,
            scope_session,
            lazy,
            access,
            cache,
        }
    }
}

impl Connection {
    /// What it leads to, as the user says it.
    pub(crate) fn target(&self) -> String {
        match &self.way {
            Way::Direct(direct) => direct.to_string(),
            Way::Target { spec, .. } => spec.to_string(),
        }
    }

    /// The kind of target, where it has one.
    pub(crate) fn kind(&self) -> Option<TargetKind> {
        match &self.way {
            Way::Direct(_) => None,
            Way::Target { spec, .. } => Some(spec.kind),
        }
    }

    /// The port to reach, as far as it is known without asking AWS.
    pub(crate) fn port_to_reach(&self) -> Option<u16> {
        match &self.way {
            Way::Direct(direct) => Some(direct.port),
            Way::Target { spec, .. } => spec.known_port(),
        }
    }

    /// The port for the local side, as far as it is known without asking AWS; anything where the
    /// port to reach does not matter.
    pub(crate) fn known_port(&self) -> Option<u16> {
        let to_reach = self.port_to_reach();
        match &self.local {
            Local::Tcp { port: None, .. } => to_reach,
            #[cfg(unix)]
            // A folder needs the port for the name of the socket.
            Local::Unix(path) if is_folder(path) => to_reach,
            _ => Some(to_reach.unwrap_or(0)),
        }
    }
}

impl Connection {
    /// The local side, with a socket's name where a folder is given: the one that the target's own
    /// clients look for.
    pub(crate) fn local_at(&self, port: u16) -> Local {
        match &self.local {
            #[cfg(unix)]
            Local::Unix(folder) if is_folder(folder) => {
                let name = if self.may_be_postgres(port) {
                    format!(".s.PGSQL.{port}")
                } else {
                    format!("{}.sock", self.name.replace('/', "-"))
                };
                Local::Unix(folder.join(name))
            }
            local => local.clone(),
        }
    }

    #[cfg(unix)]
    fn may_be_postgres(&self, port: u16) -> bool {
        use TargetKind::{Aurora, Rds, RdsProxy, Redshift, RedshiftServerless};

        // The ports of MySQL, SQL Server and Oracle.
        let is_other = [3306, 1433, 1521].contains(&port);
        match self.kind() {
            Some(Rds | Aurora | RdsProxy | Redshift | RedshiftServerless) => !is_other,
            _ => port == 5432,
        }
    }
}

/// Whether a path names a folder, which a socket is to be put into.
#[cfg(unix)]
pub(crate) fn is_folder(path: &std::path::Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir()
}

/// How it is known where a tunnel leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// The user says it all; nothing is looked up.
    Direct(Direct),
    /// A target, which is looked up, through the bastion of its VPC or the one that is named.
    Target { spec: TargetSpec, bastion: Option<ExistingSpec> },
}

/// A host and port behind a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Direct {
    pub(crate) bastion: ExistingSpec,
    /// `None` is the machine itself.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
}

impl Direct {
    /// Where it leads, when that needs no looking up.
    pub(crate) fn destination(&self) -> Option<Destination> {
        let (ExistingSpec::Instance(id) | ExistingSpec::Node(id)) = &self.bastion else {
            return None;
        };
        Some(Destination { bastion: id.clone(), host: self.host.clone(), port: self.port })
    }
}

impl fmt::Display for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bastion = self.bastion.to_string();
        Destination { bastion, host: self.host.clone(), port: self.port }.fmt(f)
    }
}

/// Where it is kept what targets were resolved to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cache {
    /// `None` where there is no place for it.
    pub(crate) folder: Option<PathBuf>,
    /// Which credentials are used, as far as it can be told without asking anybody.
    pub(crate) identity: String,
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
        address: Bind,
        /// `None` is the port to reach.
        port: Option<LocalPort>,
    },
    #[cfg(unix)]
    Unix(PathBuf),
}

pub(super) fn connect(args: ConnectArgs, env: ReadEnv<'_>) -> Result<ConnectSettings, Failure> {
    let ReadinessArgs { ready_file, health, .. } = args.readiness;
    #[cfg(unix)]
    let (fd, detach, detached) = (args.readiness.ready_fd, args.detach, args.detached_fd);
    #[cfg(not(unix))]
    let (fd, detach, detached) = (None, false, None);
    Ok(ConnectSettings {
        wanted: wanted(&args.tunnel, args.lazy, env)?,
        detach,
        detached,
        folders: Folders::of(env),
        all_or_nothing: args.all_or_nothing,
        readiness: Readiness { file: ready_file, fd, health },
        exit_zero_on_sigterm: args.exit_zero_on_sigterm,
    })
}

pub(super) fn exec(args: ExecArgs, env: ReadEnv<'_>) -> Result<ExecSettings, Failure> {
    Ok(ExecSettings {
        wanted: wanted(&args.tunnel, false, env)?,
        wait_for: args.wait_for,
        real_host: args.real_host,
        command: args.command,
        folders: Folders::of(env),
    })
}
