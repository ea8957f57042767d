use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agent::config::AgentConfig;
use crate::calls::Calls;
use crate::clock::Clock;
use crate::cloud;
use crate::config::LabConfig;
use crate::entropy::Entropy;
use crate::faults::FaultState;
use crate::gateway::instance::Instance;
use crate::gateway::notice::Stamp;
use crate::gateway::session::Session;
use crate::identity::Caller;
use crate::keys::{Credentials, Key, Keys};
use crate::open;
use crate::state::{InstanceState, SessionState, State};

/// The account that everything belongs to.
pub(crate) const ACCOUNT: &str = "111122223333";

/// The region that everything is in.
pub(crate) const REGION: &str = "us-east-1";

/// What all parts of a lab share: its account, its faults and its time.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) config: LabConfig,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) calls: Calls,
    pub(crate) faults: FaultState,
    pub(crate) agent: Arc<AgentConfig>,
    pub(crate) keys: Keys,
    pub(crate) credentials: Credentials,
    /// Signs web identity tokens.
    pub(crate) web_identity_key: Vec<u8>,
    /// Ends every task.
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// Base of the stream URLs, as in `ws://127.0.0.1:4000`.
    pub(crate) plain_base: String,
    /// The same for callers that came over TLS.
    pub(crate) tls_base: Option<String>,
    cloud: Mutex<cloud::State>,
    open: Mutex<open::State>,
    preferences: Mutex<Option<Preferences>>,
    tables: Mutex<Tables>,
}

/// When the account has the service end sessions by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Preferences {
    pub(crate) idle_minutes: Option<u32>,
    pub(crate) max_minutes: Option<u32>,
}

#[derive(Debug, Default)]
struct Tables {
    instances: BTreeMap<String, Instance>,
    /// In the order in which they were started.
    sessions: Vec<Arc<Session>>,
    data_websockets_open: u64,
    numbers: u64,
}

impl Service {
    pub(crate) fn new(config: LabConfig, plain_base: String, tls_base: Option<String>) -> Self {
        let entropy = Entropy::new(config.seed);
        let credentials = Credentials {
            access_key_id: format!("AKIA{}", entropy.key_id()),
            secret_access_key: entropy.secret(40),
        };
        let keys = Keys::default();
        let clock = Clock::new();
        let mut cloud = cloud::State::default();
        let id = entropy.key_id();
        let key = Key {
            secret: credentials.secret_access_key.clone(),
            session_token: None,
            expires: None,
            caller: cloud::iam::users::make_first(&mut cloud.iam, &id, clock.unix()),
            created: clock.unix(),
            active: true,
        };
        keys.add(credentials.access_key_id.clone(), key, clock.elapsed());
        let instances =
            config.instances.iter().map(|id| (id.clone(), Instance::emulated())).collect();
        let agent = AgentConfig::new(config.pace, config.maps.clone(), config.agent.clone());
        Self {
            clock,
            calls: Calls::default(),
            web_identity_key: entropy.bytes(32),
            faults: FaultState::new(&config),
            agent: Arc::new(agent),
            keys,
            credentials,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            plain_base,
            tls_base,
            cloud: Mutex::new(cloud),
            open: Mutex::default(),
            preferences: Mutex::default(),
            tables: Mutex::new(Tables { instances, ..Tables::default() }),
            entropy,
            config,
        }
    }

    /// Everything that the control plane holds.
    pub(crate) fn cloud(&self) -> MutexGuard<'_, cloud::State> {
        self.cloud.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What single sign-on and its like have issued.
    pub(crate) fn open(&self) -> MutexGuard<'_, open::State> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What somebody has set of the account's preferences.
    pub(crate) fn preferences(&self) -> Option<Preferences> {
        *self.preferences.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_preferences(&self, preferences: Preferences) {
        *self.preferences.lock().unwrap_or_else(PoisonError::into_inner) = Some(preferences);
    }

    /// How long a session may carry no stream message.
    pub(crate) fn idle_timeout(&self) -> Duration {
        let minutes = self.preferences().and_then(|preferences| preferences.idle_minutes);
        minutes.map_or(self.config.idle_timeout, |minutes| Duration::from_mins(minutes.into()))
    }

    /// How long a session may last.
    pub(crate) fn max_duration(&self) -> Option<Duration> {
        let minutes = self.preferences().and_then(|preferences| preferences.max_minutes);
        minutes
            .map_or(self.config.max_duration, |minutes| Some(Duration::from_mins(minutes.into())))
    }

    /// Whoever calls when signatures are not checked: the first user, as long as there is one.
    pub(crate) fn anyone(&self) -> Option<Caller> {
        cloud::iam::users::first(&self.cloud().iam)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Id and date for a message of the gateway's own.
    pub(crate) fn stamp(&self) -> Stamp {
        let unix_ms = u64::try_from(self.clock.unix().as_millis()).unwrap_or(u64::MAX);
        Stamp { id: self.entropy.uuid(), unix_ms }
    }

    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        self.tables().sessions.clone()
    }

    pub(crate) fn session(&self, id: &str) -> Option<Arc<Session>> {
        self.tables().sessions.iter().find(|session| session.id == id).cloned()
    }

    pub(crate) fn add_session(&self, session: Arc<Session>) {
        self.tables().sessions.push(session);
    }

    pub(crate) fn has_instance(&self, id: &str) -> bool {
        self.tables().instances.contains_key(id)
    }

    /// Looks at an instance, or changes it.
    pub(crate) fn instance<T>(&self, id: &str, f: impl FnOnce(&mut Instance) -> T) -> Option<T> {
        self.tables().instances.get_mut(id).map(f)
    }

    /// The same, and makes an instance of an agent in another process when the id is new.
    pub(crate) fn instance_or_new<T>(&self, id: &str, f: impl FnOnce(&mut Instance) -> T) -> T {
        let mut tables = self.tables();
        f(tables.instances.entry(id.to_owned()).or_insert_with(Instance::foreign))
    }

    /// A copy of all instances, by id.
    pub(crate) fn instances(&self) -> Vec<(String, Instance)> {
        self.tables().instances.iter().map(|(id, i)| (id.clone(), i.clone())).collect()
    }

    /// Adds an emulated instance.
    pub(crate) fn add_instance(&self, id: &str) {
        self.tables().instances.entry(id.to_owned()).or_insert_with(Instance::emulated);
    }

    /// Forgets an instance; false when it was not known, or its agent is elsewhere.
    pub(crate) fn forget_instance(&self, id: &str) -> bool {
        let mut tables = self.tables();
        let emulated = tables.instances.get(id).is_some_and(Instance::is_emulated);
        emulated && tables.instances.remove(id).is_some()
    }

    /// A number that nothing else in this lab has.
    pub(crate) fn next_number(&self) -> u64 {
        let mut tables = self.tables();
        tables.numbers += 1;
        tables.numbers
    }

    /// Counts a data websocket as open until the guard is dropped.
    pub(crate) fn data_websocket(&self) -> OpenWebsocket<'_> {
        self.tables().data_websockets_open += 1;
        OpenWebsocket(self)
    }

    /// Makes every token that was issued worthless.
    pub(crate) fn revoke_tokens(&self) {
        for session in self.sessions() {
            let mut status = session.status();
            status.client_token.revoke();
            status.agent_token.revoke();
        }
    }

    /// A time as AWS JSON has it: seconds since the Unix epoch, with a fraction of milliseconds.
    pub(crate) fn timestamp(time: Duration) -> f64 {
        time.as_millis() as f64 / 1000.0
    }

    pub(crate) fn snapshot(&self) -> State {
        self.refresh();
        let tables = self.tables();
        let instances = tables.instances.iter().map(|(id, instance)| InstanceState {
            id: id.clone(),
            online: instance.is_online(),
            emulated: instance.is_emulated(),
        });
        State {
            instances: instances.collect(),
            sessions: tables.sessions.iter().map(|session| describe(session)).collect(),
            api_calls: self.calls.counts(),
            recent_calls: self.calls.recent(),
            data_websockets_open: tables.data_websockets_open,
            held: self.faults.cloud.held(),
        }
    }
}

/// One open data websocket.
pub(crate) struct OpenWebsocket<'a>(&'a Service);

impl Drop for OpenWebsocket<'_> {
    fn drop(&mut self) {
        self.0.tables().data_websockets_open -= 1;
    }
}

fn describe(session: &Session) -> SessionState {
    let state = session.state().to_owned();
    let status = session.status();
    SessionState {
        id: session.id.clone(),
        target: session.target.clone(),
        document: session.document.clone(),
        parameters: session.parameters.clone(),
        reason: session.reason.clone(),
        state,
        client_connected: status.client_here,
        agent_connected: status.agent_here,
        counts: status.counts,
        destination_connections_open: status.destination_open,
        destination_connections_total: status.destination_total,
    }
}
