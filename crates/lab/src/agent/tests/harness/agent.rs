use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_wire::control::{AgentTaskComplete, ParameterDefinition, SessionDocument, SessionTask};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Client, SESSION, patiently};
use crate::agent::config::{AgentConfig, Limits, Pace, Quirks, Runtime};
use crate::agent::run_session;
use crate::gateway::leg::Leg;
use crate::gateway::seam::{AgentGateway, AttachError};

#[derive(Clone)]
pub(crate) struct FakeGateway {
    legs: mpsc::UnboundedSender<Leg>,
    completed: mpsc::UnboundedSender<AgentTaskComplete>,
    black_hole: bool,
    pub(crate) refusal: Arc<Mutex<Option<AttachError>>>,
    pub(crate) attempts: Arc<AtomicUsize>,
    pub(crate) opened: Arc<AtomicUsize>,
    pub(crate) closed: Arc<AtomicUsize>,
}

impl AgentGateway for FakeGateway {
    async fn attach(&self, session_id: &str) -> Result<Leg, AttachError> {
        assert_eq!(session_id, SESSION);
        self.attempts.fetch_add(1, Ordering::SeqCst);
        if let Some(error) = *self.refusal.lock().unwrap() {
            return Err(error);
        }
        let (near, far) = Leg::pair();
        // Fails once the test is over.
        self.legs.send(far).map_err(|_| AttachError::Terminated)?;
        Ok(near)
    }

    fn complete(&self, message: AgentTaskComplete) {
        // The receiver is gone when a test does not look at the end.
        self.completed.send(message).ok();
    }

    fn lets_through(&self, _host: &str, _port: u16) -> bool {
        !self.black_hole
    }

    fn destination_opened(&self, _session_id: &str) {
        self.opened.fetch_add(1, Ordering::SeqCst);
    }

    fn destination_closed(&self, _session_id: &str) {
        self.closed.fetch_add(1, Ordering::SeqCst);
    }
}

/// What a test may set before its agent starts.
pub(crate) struct Setup {
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) document: SessionDocument,
    pub(crate) quirks: Quirks,
    pub(crate) limits: Limits,
    pub(crate) runtime: Runtime,
    pub(crate) pace: Pace,
    pub(crate) maps: Vec<(crate::HostPort, SocketAddr)>,
    /// Whether the network swallows what the agent sends to its destination.
    pub(crate) black_hole: bool,
}

impl Setup {
    /// A forwarding session to a port of this machine.
    pub(crate) fn port(port: u16) -> Self {
        let properties = [("type", "LocalPortForwarding"), ("localPortNumber", "0")];
        Self::new(properties.into_iter(), port)
    }

    /// A raw stream.
    pub(crate) fn raw(port: u16) -> Self {
        Self::new(std::iter::empty(), port)
    }

    /// A forwarding session to a host.
    pub(crate) fn host(host: &str, port: u16) -> Self {
        let mut setup = Self::port(port);
        setup.properties.insert("host".to_owned(), host.to_owned());
        setup
    }

    fn new<'a>(properties: impl Iterator<Item = (&'a str, &'a str)>, port: u16) -> Self {
        let mut properties: BTreeMap<_, _> =
            properties.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        properties.insert("portNumber".to_owned(), port.to_string());
        let document = SessionDocument {
            schema_version: "1.0".to_owned(),
            description: String::new(),
            session_type: "Port".to_owned(),
            inputs: BTreeMap::new(),
            parameters: BTreeMap::new(),
            properties: BTreeMap::new(),
        };
        Self {
            properties,
            document,
            quirks: Quirks::default(),
            limits: Limits::default(),
            runtime: Runtime {
                handler_delay: Duration::ZERO..=Duration::ZERO,
                retry_delay: Duration::from_millis(1)..=Duration::from_millis(2),
                closing_wait: Duration::from_millis(10),
                ..Runtime::default()
            },
            pace: Pace::Off,
            maps: Vec::new(),
            black_hole: false,
        }
    }

    /// Starts the agent; every property stands as a parameter in the document.
    pub(crate) fn start(mut self) -> Agent {
        let mut parameters = BTreeMap::new();
        for (name, value) in &self.properties {
            let definition = ParameterDefinition { kind: "String".to_owned(), ..<_>::default() };
            self.document.parameters.entry(name.clone()).or_insert(definition);
            self.document.properties.insert(name.clone(), format!("{{{{ {name} }}}}").into());
            parameters.insert(name.clone(), value.clone());
        }
        let task = SessionTask {
            document_name: "Test".to_owned(),
            document_content: self.document,
            session_id: SESSION.to_owned(),
            parameters,
            run_as_user: String::new(),
            session_owner: String::new(),
        };
        let mut config = AgentConfig::new(self.pace, self.maps, self.quirks);
        config.limits = self.limits;
        config.update(|runtime| *runtime = self.runtime);
        let (legs, attached) = mpsc::unbounded_channel();
        let (completed, completions) = mpsc::unbounded_channel();
        let gateway = FakeGateway {
            legs,
            completed,
            black_hole: self.black_hole,
            refusal: Arc::default(),
            attempts: Arc::default(),
            opened: Arc::default(),
            closed: Arc::default(),
        };
        let cancel = CancellationToken::new();
        let instance = "i-0ad17000000000001".to_owned();
        tokio::spawn(run_session(
            task,
            instance,
            gateway.clone(),
            Arc::new(config),
            7,
            cancel.clone(),
        ));
        Agent { gateway, cancel, attached, completions }
    }

    /// Starts the agent and brings the handshake to its end.
    pub(crate) async fn client(self, version: &str) -> Client {
        let mut client = self.start().client().await;
        client.handshake(version).await;
        client
    }
}

/// A running agent, seen from the gateway.
pub(crate) struct Agent {
    pub(crate) gateway: FakeGateway,
    pub(crate) cancel: CancellationToken,
    attached: mpsc::UnboundedReceiver<Leg>,
    completions: mpsc::UnboundedReceiver<AgentTaskComplete>,
}

impl Agent {
    pub(crate) async fn client(mut self) -> Client {
        let leg = self.leg().await;
        Client::new(self, leg)
    }

    pub(crate) async fn leg(&mut self) -> Leg {
        patiently("a leg", self.attached.recv()).await.unwrap()
    }

    /// Waits for the end of the session: its status and its text.
    pub(crate) async fn end(&mut self) -> (String, String) {
        let message = patiently("the end", self.completions.recv()).await.unwrap();
        assert_eq!(message.task_id, SESSION);
        assert_eq!(message.instance_id, "i-0ad17000000000001");
        (message.final_task_status, message.output)
    }

    /// Whether the session has not ended so far.
    pub(crate) fn is_running(&mut self) -> bool {
        self.completions.try_recv().is_err()
    }
}
