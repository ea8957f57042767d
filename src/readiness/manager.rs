//! The service manager that has started the program: systemd, and those that speak as it does.

use sd_notify::NotifyState;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::commands::tunnels::{Standing, State};

/// How it is told; nothing where nobody asked for it.
#[derive(Debug)]
pub(super) struct Manager {
    is_there: bool,
    /// How often it wants to hear that the program lives.
    heartbeat: Option<Interval>,
    said: String,
}

impl Manager {
    /// The one that the environment names.
    pub(super) fn of_environment() -> Self {
        let is_there = std::env::var_os("NOTIFY_SOCKET").is_some_and(|name| !name.is_empty());
        // Half of the time after which it loses patience, as its manual says.
        let limit = sd_notify::watchdog_enabled().filter(|limit| is_there && !limit.is_zero());
        let heartbeat = limit.map(|limit| {
            let mut heartbeat = interval(limit / 2);
            heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            heartbeat
        });
        Self { is_there, heartbeat, said: String::new() }
    }

    pub(super) fn ready(&self) {
        self.say(&[NotifyState::Ready]);
    }

    pub(super) fn stopping(&self) {
        self.say(&[NotifyState::Stopping]);
    }

    /// Says how things stand, in the one line that it shows.
    pub(super) fn status(&mut self, standings: &[Standing]) {
        let count = |state: State| standings.iter().filter(|one| one.state == state).count();
        let states = [
            State::Ready,
            State::Waiting,
            State::Starting,
            State::Resuming,
            State::Replacing,
            State::Failed,
        ];
        let parts: Vec<String> = states
            .into_iter()
            .filter(|state| count(*state) > 0)
            .map(|state| format!("{} {}", count(state), state.as_str()))
            .collect();
        let status = parts.join(", ");
        if self.said != status {
            self.say(&[NotifyState::Status(&status)]);
            self.said = status;
        }
    }

    /// Waits until it wants to hear from the program, and tells it; whatever happens in between
    /// puts that off by nothing.
    pub(super) async fn beat(&mut self) {
        match &mut self.heartbeat {
            Some(heartbeat) => {
                heartbeat.tick().await;
                self.say(&[NotifyState::Watchdog]);
            }
            None => std::future::pending().await,
        }
    }

    fn say(&self, states: &[NotifyState<'_>]) {
        if self.is_there
            && let Err(error) = sd_notify::notify(states)
        {
            tracing::debug!(%error, "the service manager cannot be told");
        }
    }
}
