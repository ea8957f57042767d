//! How sessions begin and end.

use std::sync::Arc;

use adit_wire::control::{AgentTaskComplete, SessionTask};
use tracing::debug;

use super::leg::Leg;
use super::notice;
use super::seam::{AgentGateway, AttachError, Located};
use super::session::{NewSession, Session};
use super::slot::{Hangup, Side};
use crate::agent::run_session;
use crate::service::Service;

/// The gateway as an emulated agent sees it.
#[derive(Clone, Debug)]
pub(crate) struct LocalGateway {
    service: Arc<Service>,
    instance_id: String,
}

impl AgentGateway for LocalGateway {
    async fn attach(&self, session_id: &str) -> Result<Leg, AttachError> {
        self.service.refresh();
        let session = self.service.session(session_id).ok_or(AttachError::Terminated)?;
        if session.is_over() {
            return Err(AttachError::Terminated);
        }
        let online = self.service.instance(&self.instance_id, |instance| instance.is_online());
        if self.service.faults.is_down() || online != Some(true) {
            return Err(AttachError::Unavailable);
        }
        session.attach_agent().ok_or(AttachError::Terminated)
    }

    fn complete(&self, message: AgentTaskComplete) {
        self.service.task_completed(&message);
    }

    fn locate(&self, host: &str, port: u16) -> Located {
        self.service.cloud().locate(host, port)
    }

    fn lets_through(&self, host: &str, port: u16) -> bool {
        self.service.cloud().lets_through(&self.instance_id, host, port)
    }

    fn destination_opened(&self, session_id: &str) {
        if let Some(session) = self.service.session(session_id) {
            let mut status = session.status();
            status.destination_open += 1;
            status.destination_total += 1;
        }
    }

    fn destination_closed(&self, session_id: &str) {
        if let Some(session) = self.service.session(session_id) {
            let mut status = session.status();
            status.destination_open = status.destination_open.saturating_sub(1);
        }
    }
}

impl Service {
    /// Opens a session and has the instance's agent start it. `None` when that is not connected.
    pub(crate) fn start_session(
        self: &Arc<Self>,
        new: NewSession,
        task: SessionTask,
    ) -> Option<Arc<Session>> {
        let target = new.target.clone();
        let (online, control) =
            self.instance(&target, |instance| (instance.is_online(), instance.control().cloned()))?;
        if !online {
            return None;
        }
        if let Some(control) = control {
            let message = notice::interactive_shell(self.stamp(), &task);
            let session = Session::open(self, new);
            self.add_session(Arc::clone(&session));
            return control.messages.send(message).is_ok().then_some(session);
        }
        let session = Session::open(self, new);
        self.add_session(Arc::clone(&session));
        let gateway = LocalGateway { service: Arc::clone(self), instance_id: target.clone() };
        let config = Arc::clone(&self.agent);
        let stopped = session.agent_stop.clone();
        let agent =
            Box::pin(run_session(task, target, gateway, config, self.entropy.seed(), stopped));
        let stop = self.stop.clone();
        self.tasks.spawn(async move { stop.run_until_cancelled(agent).await });
        Some(session)
    }

    /// Notes that a session is over and tells its agent; false when it was over before.
    ///
    /// The relay is told by the caller, with the text for the client.
    pub(crate) fn end_session(&self, session: &Session, output: &str) -> bool {
        {
            let mut status = session.status();
            if status.ended_unix.is_some() {
                return false;
            }
            status.ended_unix = Some(self.clock.unix());
            status.agent_token.revoke();
        }
        debug!(session = session.id, output, "session over");
        session.agent_stop.cancel();
        let control = self.instance(&session.target, |instance| instance.control().cloned());
        if let Some(control) = control.flatten() {
            let message = notice::closed_for_agent(self.stamp(), &session.id, &session.target);
            // An agent that is just going offline hears nothing more.
            let _gone = control.messages.send(message);
        }
        true
    }

    /// An agent says that a session has ended.
    pub(crate) fn task_completed(&self, message: &AgentTaskComplete) {
        let Some(session) = self.session(&message.task_id) else { return };
        {
            let mut status = session.status();
            status.ended_unix.get_or_insert(self.clock.unix());
            status.agent_token.revoke();
        }
        debug!(session = session.id, status = message.final_task_status, "task complete");
        session.close(&message.output);
    }

    /// Switches an instance. Going offline ends its data channels too.
    pub(crate) fn set_online(&self, id: &str, online: bool) {
        self.instance(id, |instance| instance.set_online(online));
        if !online {
            for session in self.sessions() {
                if session.target == id {
                    session.cut(Side::Agent, Hangup::Reset);
                }
            }
        }
    }
}
