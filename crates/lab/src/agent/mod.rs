//! The emulated agent.

pub(crate) mod config;

use std::sync::Arc;

use adit_wire::control::SessionTask;
use tokio_util::sync::CancellationToken;

use crate::gateway::seam::AgentGateway;
use config::AgentConfig;

/// Runs one session of an emulated agent to its end.
pub(crate) async fn run_session<G: AgentGateway>(
    task: SessionTask,
    _instance_id: String,
    gateway: G,
    _config: Arc<AgentConfig>,
    _seed: u64,
    cancel: CancellationToken,
) {
    let _leg = gateway.attach(&task.session_id).await;
    cancel.cancelled().await;
}
