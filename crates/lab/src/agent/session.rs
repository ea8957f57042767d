use std::collections::BTreeMap;
use std::sync::Arc;

use adit_wire::control::{AgentTaskComplete, SessionTask};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::basic::BasicSession;
use super::channel::DataChannel;
use super::config::{AgentConfig, Runtime, draw};
use super::dial::{Counter, Destination};
use super::document;
use super::exit::Exit;
use super::handler::Handler;
use super::handshake::Handshake;
use super::mux::MuxSession;
use super::reader::{Dialer, Incoming, LateHandler, Reader};
use super::version;
use crate::gateway::seam::AgentGateway;

/// What the client learns when a session worker crashed, and not at once.
const CRASHED: &str = "document process failed unexpectedly: ipc messaging received timeout \
    signal , check [ssm-document-worker]/[ssm-session-worker] log for crash reason";

/// The type of forwarding sessions; all other port sessions are raw streams.
const FORWARDING: &str = "LocalPortForwarding";

/// Runs one session of an emulated agent to its end, which it tells the gateway.
///
/// `cancel` is the service's `channel_closed` on the control channel. All randomness comes from
/// `seed`.
pub(crate) async fn run_session<G: AgentGateway>(
    task: SessionTask,
    instance_id: String,
    gateway: G,
    config: Arc<AgentConfig>,
    seed: u64,
    cancel: CancellationToken,
) {
    let session_id = task.session_id.clone();
    let worker =
        Worker { gateway: gateway.clone(), config, cancel, session_id: session_id.clone() };
    let end = worker.run(&task, seed).await;
    tracing::debug!(session = session_id, ?end, "agent session has ended");
    gateway.complete(end.into_message(session_id, instance_id));
}

/// How a session ended.
#[derive(Clone, PartialEq, Eq, Debug)]
enum End {
    Success,
    /// Cancelled before the port handler ran (`port.go` `Execute`).
    Cancelled,
    Failed(String),
}

impl End {
    /// As the official agent reports an error of its own (`iohandler.go` `MarkAsFailed`).
    fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(format!("\n----------ERROR-------\n{error}"))
    }

    fn into_message(self, session_id: String, instance_id: String) -> AgentTaskComplete {
        let (status, output) = match self {
            Self::Success => ("Success", String::new()),
            Self::Cancelled => ("Cancelled", String::new()),
            Self::Failed(output) => ("Failed", output),
        };
        AgentTaskComplete {
            schema_version: 1,
            task_id: session_id,
            topic: "agent_task_complete".to_owned(),
            final_task_status: status.to_owned(),
            is_routing_failure: false,
            aws_account_id: String::new(),
            instance_id,
            output,
            s3_bucket: String::new(),
            s3_url_suffix: String::new(),
            cwl_group: String::new(),
            cwl_stream: String::new(),
            retry_number: 1,
        }
    }
}

/// The official agent has a process of this for each session (`sessionplugin.go` `Execute`).
struct Worker<G> {
    gateway: G,
    config: Arc<AgentConfig>,
    cancel: CancellationToken,
    session_id: String,
}

/// What the parts of one session share once it has a data channel.
struct Parts {
    channel: Arc<DataChannel>,
    handshake: Arc<Handshake>,
    /// Cancelled by whatever ends the session from outside.
    ended: CancellationToken,
    handler: oneshot::Sender<Handler>,
    runtime: Runtime,
}

/// A running port handler.
enum Port {
    Mux(MuxSession),
    Basic(BasicSession),
}

impl<G: AgentGateway> Worker<G> {
    async fn run(self, task: &SessionTask, seed: u64) -> End {
        let properties = match document::properties(task) {
            Ok(properties) => properties,
            Err(error) => return End::Failed(error.to_string()),
        };
        let runtime = self.config.runtime();
        let mut rng = StdRng::seed_from_u64(seed);
        let mut dialer = Dialer::new(
            self.gateway.clone(),
            self.session_id.clone(),
            runtime.retry_delay.clone(),
            rng.random(),
        );
        let leg = match self.cancel.run_until_cancelled(dialer.dial()).await {
            None => return End::Cancelled,
            Some(Ok(leg)) => leg,
            Some(Err(error)) => {
                let id = &self.session_id;
                return End::failed(format!(
                    "Setting up data channel with id {id} failed: {error}"
                ));
            }
        };
        let channel = Arc::new(DataChannel::new(&self.session_id, &self.config, rng.random()));
        channel.attach(leg.tx);
        channel.announce().await;
        let handshake = Arc::new(Handshake::default());
        let ended = self.cancel.child_token();
        let (handler, awaited) = oneshot::channel();
        let reader = Reader {
            channel: Arc::clone(&channel),
            handshake: Arc::clone(&handshake),
            quirks: self.config.quirks.clone(),
            dialer,
            handler: LateHandler::Awaited(awaited),
            incoming: Incoming::new(&self.config),
            ended: ended.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(reader.run(leg.rx));
        tasks.spawn({
            let channel = Arc::clone(&channel);
            async move { channel.resend_overdue().await }
        });
        let closing_wait = runtime.closing_wait;
        let parts = Parts { channel: Arc::clone(&channel), handshake, ended, handler, runtime };
        let end = self.serve(parts, &properties, rng.random()).await;
        if end != Err(Crash) {
            // Fails when not all was acknowledged in time, which is as well.
            tokio::time::timeout(closing_wait, channel.drained()).await.ok();
        }
        // The websocket is gone before the end is told.
        tasks.shutdown().await;
        channel.detach();
        if let Ok(end) = end {
            return end;
        }
        let silence = self.config.runtime().crash_silence;
        self.cancel.run_until_cancelled(tokio::time::sleep(silence)).await;
        End::Failed(CRASHED.to_owned())
    }

    /// Handshake and port handler (`port.go` `execute`).
    async fn serve(
        &self,
        parts: Parts,
        properties: &BTreeMap<String, String>,
        seed: u64,
    ) -> Result<End, Crash> {
        let Parts { channel, handshake, ended, handler, runtime } = parts;
        let handshake = handshake.perform(&channel, properties, &self.config, &runtime);
        let client_version = match ended.run_until_cancelled(handshake).await {
            None => return Ok(End::Cancelled),
            Some(Ok(version)) => version,
            Some(Err(error)) => {
                return Ok(End::failed(format!(
                    "Encountered error while initiating handshake. {error}"
                )));
            }
        };
        let counter = Counter::new(self.gateway.clone(), self.session_id.clone());
        let destination =
            match Destination::resolve(properties, &self.config, &self.gateway, counter) {
                Ok(destination) => destination,
                Err(error) => return Ok(End::Failed(error.to_string())),
            };
        let destination = destination.timed(&runtime);
        let delay = draw(&mut StdRng::seed_from_u64(seed), &runtime.handler_delay);
        if !delay.is_zero() && ended.run_until_cancelled(tokio::time::sleep(delay)).await.is_none()
        {
            return Ok(End::Cancelled);
        }
        let forwards = properties.get("type").is_some_and(|kind| kind == FORWARDING);
        let first = destination.first();
        let start = self.start(channel, forwards, &client_version, &runtime, destination);
        let (input, mut port) = match ended.run_until_cancelled(start).await {
            None => return Ok(End::Success),
            Some(Ok(started)) => started,
            Some(Err(_)) if self.config.quirks.crashes_on_refused_dial => return Err(Crash),
            Some(Err(error)) => {
                return Ok(End::Failed(format!(
                    "Unable to connect to specified port: dial tcp {first}: {error}"
                )));
            }
        };
        // Fails when the reader is gone, which leaves a session that hears nothing.
        handler.send(input).ok();
        let exit = ended.run_until_cancelled(port.finished()).await;
        port.stop().await;
        match exit {
            None | Some(Exit::Success) => Ok(End::Success),
            Some(Exit::Crashed) if self.config.quirks.crashes_on_refused_dial => Err(Crash),
            Some(Exit::Crashed | Exit::Failed) => Ok(End::Failed(String::new())),
        }
    }

    async fn start(
        &self,
        channel: Arc<DataChannel>,
        forwards: bool,
        client_version: &str,
        runtime: &Runtime,
        destination: Destination,
    ) -> std::io::Result<(Handler, Port)> {
        let (agent, config) = (&runtime.agent_version, Arc::clone(&self.config));
        if forwards && version::has_mux(agent, client_version) {
            let keeps_alive = version::keeps_alive(agent, client_version);
            let (input, session) =
                MuxSession::start(channel, config, runtime, destination, keeps_alive);
            Ok((Handler::Mux(input), Port::Mux(session)))
        } else {
            let terminates = version::knows_terminate_flag(agent);
            let (input, session) =
                BasicSession::start(channel, config, destination, forwards, terminates).await?;
            Ok((Handler::Basic(input), Port::Basic(session)))
        }
    }
}

/// The session worker is gone, without a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Crash;

impl Port {
    async fn finished(&mut self) -> Exit {
        match self {
            Self::Mux(session) => session.finished().await,
            Self::Basic(session) => session.finished().await,
        }
    }

    async fn stop(self) {
        match self {
            Self::Mux(session) => session.stop().await,
            Self::Basic(session) => session.stop().await,
        }
    }
}
