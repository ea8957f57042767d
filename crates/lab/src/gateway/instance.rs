use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::token::Token;

/// Something that sessions can be started on.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    agent: AgentKind,
    /// When an instance of the cloud came to run.
    booted: Duration,
    /// What the agent has told of itself.
    pub(crate) about: About,
    /// Token of the control channel that is about to be opened.
    pub(crate) control_token: ControlToken,
}

/// Where the agent runs.
#[derive(Clone, Debug)]
enum AgentKind {
    /// In the lab. It is online when it was not switched off and its instance is there: where the
    /// cloud has one, that runs and reaches the service.
    Emulated { online: bool, here: bool },
    /// In a process of its own, which is online while its control channel is open.
    Foreign { control: Option<Control> },
}

/// The sending half of an open control channel.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    /// Tells this channel from earlier ones of the same instance.
    pub(crate) number: u64,
    pub(crate) messages: mpsc::UnboundedSender<Bytes>,
}

/// A control channel's token; a copy of the instance is for looking at, and has none.
#[derive(Debug, Default)]
pub(crate) struct ControlToken(pub(crate) Token);

impl Clone for ControlToken {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What `DescribeInstanceInformation` says of an instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct About {
    pub(crate) agent_version: String,
    pub(crate) platform_type: String,
    pub(crate) platform_name: String,
    pub(crate) platform_version: String,
    pub(crate) computer_name: String,
    pub(crate) ip_address: String,
    /// When it registered, since the Unix epoch; emulated instances have not.
    pub(crate) registered: Option<Duration>,
    /// When it was last heard of, since the Unix epoch.
    pub(crate) last_ping: Option<Duration>,
    /// The activation that it registered with.
    pub(crate) activation_id: Option<String>,
}

impl Instance {
    pub(crate) fn emulated() -> Self {
        Self {
            agent: AgentKind::Emulated { online: true, here: true },
            booted: Duration::ZERO,
            about: About {
                agent_version: "3.3.987.0".to_owned(),
                platform_type: "Linux".to_owned(),
                platform_name: "Amazon Linux".to_owned(),
                platform_version: "2023".to_owned(),
                computer_name: "ip-10-0-0-10.ec2.internal".to_owned(),
                ip_address: "10.0.0.10".to_owned(),
                registered: None,
                last_ping: None,
                activation_id: None,
            },
            control_token: ControlToken::default(),
        }
    }

    pub(crate) fn foreign() -> Self {
        Self {
            agent: AgentKind::Foreign { control: None },
            booted: Duration::ZERO,
            about: About {
                agent_version: String::new(),
                platform_type: String::new(),
                platform_name: String::new(),
                platform_version: String::new(),
                computer_name: String::new(),
                ip_address: String::new(),
                registered: None,
                last_ping: None,
                activation_id: None,
            },
            control_token: ControlToken::default(),
        }
    }

    pub(crate) fn is_emulated(&self) -> bool {
        matches!(self.agent, AgentKind::Emulated { .. })
    }

    pub(crate) fn is_online(&self) -> bool {
        match &self.agent {
            AgentKind::Emulated { online, here } => *online && *here,
            AgentKind::Foreign { control } => control.is_some(),
        }
    }

    /// Whether an emulated agent's instance is there.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self.agent, AgentKind::Emulated { here: true, .. })
    }

    /// Says whether it is.
    pub(crate) fn set_here(&mut self, is: bool) {
        if let AgentKind::Emulated { here, .. } = &mut self.agent {
            *here = is;
        }
    }

    /// Notes when the instance came to run; true when that is news.
    pub(crate) fn set_booted(&mut self, at: Duration) -> bool {
        std::mem::replace(&mut self.booted, at) != at
    }

    /// The open control channel of an agent in another process.
    pub(crate) fn control(&self) -> Option<&Control> {
        match &self.agent {
            AgentKind::Emulated { .. } => None,
            AgentKind::Foreign { control } => control.as_ref(),
        }
    }

    /// A control channel was opened: whatever the instance was, its agent is elsewhere.
    pub(crate) fn connect(&mut self, control: Control) {
        self.agent = AgentKind::Foreign { control: Some(control) };
    }

    /// A control channel was closed; a newer one stays.
    pub(crate) fn disconnect(&mut self, number: u64) {
        if let AgentKind::Foreign { control } = &mut self.agent {
            control.take_if(|control| control.number == number);
        }
    }

    /// Switches an emulated agent, or ends the control channel of another one.
    pub(crate) fn set_online(&mut self, on: bool) {
        match &mut self.agent {
            AgentKind::Emulated { online, .. } => *online = on,
            AgentKind::Foreign { control } if !on => *control = None,
            AgentKind::Foreign { .. } => {}
        }
    }
}
