//! The one task of a session: dial, carry, resume, terminate.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::backoff::Backoff;
use crate::dial::Dialer;
use crate::link::{Exit, Link};
use crate::{
    End, Resumption, SessionSource, Shared, SourceError, Ticket, TunnelError, TunnelEvent,
    TunnelOptions, Warning,
};

/// Dials at the start before its failure is told: a user waits.
const OPEN_ATTEMPTS: u32 = 3;
/// Fresh tokens that may be refused before the tunnel ends.
const TOKEN_ATTEMPTS: u32 = 3;
/// The limit for one call of the source while a session is resumed.
const RESUME_CALL: Duration = Duration::from_secs(30);
/// The limit for the API's terminate.
const TERMINATE_CALL: Duration = Duration::from_secs(5);
/// A websocket that lasted this long earns its successor an immediate first dial.
const STEADY: Duration = Duration::from_secs(1);

/// The task's state.
pub(crate) struct Driver<S> {
    shared: Arc<Shared>,
    source: S,
    options: Arc<TunnelOptions>,
    dialer: Dialer,
    ticket: Ticket,
    backoff: Backoff,
    rng: StdRng,
    /// Since when nothing was heard from the gateway.
    lost_since: Instant,
}

impl<S: SessionSource> Driver<S> {
    pub(crate) fn new(
        shared: Arc<Shared>,
        source: S,
        options: Arc<TunnelOptions>,
        dialer: Dialer,
        ticket: Ticket,
    ) -> Self {
        let seed = options.seed;
        Self {
            shared,
            source,
            options,
            dialer,
            ticket,
            backoff: Backoff::new(seed),
            rng: StdRng::seed_from_u64(seed ^ 0x0064_7269_7665_7200),
            lost_since: Instant::now(),
        }
    }

    /// Runs the session to its end and leaves nothing behind.
    pub(crate) async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let (end, link) = self.live(&shared).await;
        tracing::info!(tunnel = %self.options.name, cause = %end.cause(), "tunnel ended");
        // Listener and local connections learn it before the goodbyes, which may take seconds.
        shared.end(end.clone());
        let goodbye = async {
            if let Some(link) = link {
                link.close().await;
            }
        };
        let may_live = match &end {
            End::Closed => true,
            End::Failed(error) => error.session_may_live(),
        };
        tokio::join!(goodbye, async {
            if may_live {
                terminate(&self.source, &self.ticket.session_id, &shared).await;
            }
        });
        shared.emit(TunnelEvent::Ended(end));
    }

    /// Carries the session over its websockets until it ends; returns the last one, if it stands.
    async fn live(&mut self, shared: &Shared) -> (End, Option<Link>) {
        let mut link = match self.interruptible(shared, true).await {
            Ok(link) => link,
            Err(end) => return (end, None),
        };
        shared.transport_up();
        loop {
            let progress = shared.progress();
            let exit = tokio::select! {
                biased;
                () = shared.closing.cancelled() => {
                    self.terminate_in_band(shared, &mut link).await;
                    return (End::Closed, Some(link));
                }
                exit = link.carry(shared, false) => exit,
            };
            let loss = match exit {
                Exit::Lost(loss) => loss,
                Exit::Closed | Exit::Drained => {
                    return (End::Failed(shared.close_error()), Some(link));
                }
            };
            tracing::info!(tunnel = %self.options.name, ?loss, "websocket lost, resuming");
            shared.transport_down(loss);
            shared.emit(TunnelEvent::Resuming { cause: loss });
            let lost_at = Instant::now();
            // A gateway that takes the token and closes again has given nothing back.
            if link.served() || shared.progress() > progress {
                self.lost_since = lost_at;
                if link.age() >= STEADY {
                    self.backoff.reset();
                } else {
                    self.backoff.restart();
                }
            }
            drop(link);
            link = match self.interruptible(shared, false).await {
                Ok(link) => link,
                Err(end) => return (end, None),
            };
            shared.transport_up();
            shared.resumed();
            let gap = lost_at.elapsed();
            tracing::info!(tunnel = %self.options.name, ?gap, "resumed");
            shared.emit(TunnelEvent::Resumed { gap });
        }
    }

    /// Gets a websocket, unless the tunnel is closed or the engine gives up meanwhile.
    async fn interruptible(&mut self, shared: &Shared, first: bool) -> Result<Link, End> {
        tokio::select! {
            biased;
            () = shared.closing.cancelled() => Err(End::Closed),
            () = idle(shared) => Err(End::Failed(shared.close_error())),
            link = self.connect(first) => link.map_err(End::Failed),
        }
    }

    /// Dials until a websocket stands or patience is used up: a few times with the ticket of the
    /// start, or for the whole budget with tickets of resumption.
    async fn connect(&mut self, first: bool) -> Result<Link, TunnelError> {
        let budget = if self.shared.ready.is_cancelled() {
            self.options.resume_budget
        } else {
            // A user waits.
            self.options.resume_budget.min(self.options.start_budget)
        };
        let deadline = self.lost_since + budget;
        let mut fresh_ticket = first;
        let mut wait = Duration::ZERO;
        let mut attempts = 0_u32;
        let mut refusals = 0_u32;
        let mut last = "no attempt was made".to_owned();
        loop {
            let delay = self.backoff.next().max(wait);
            wait = Duration::ZERO;
            let now = Instant::now();
            if !first && now + delay >= deadline {
                sleep_until(deadline).await;
                return Err(TunnelError::Lost { after: self.lost_since.elapsed(), last });
            }
            sleep(delay).await;
            attempts += 1;
            if !std::mem::take(&mut fresh_ticket) {
                match self.resume(deadline).await? {
                    Ok(()) => {}
                    Err((after, cause)) => {
                        wait = after.unwrap_or_default();
                        self.retrying(attempts, &cause);
                        if first && attempts >= OPEN_ATTEMPTS {
                            return Err(TunnelError::NoSession {
                                after: self.lost_since.elapsed(),
                                last: cause,
                            });
                        }
                        last = cause;
                        continue;
                    }
                }
            }
            let request_id = self.uuid();
            let Self { dialer, source, ticket, shared, .. } = self;
            let error = match dialer.open(source, ticket, request_id, shared).await {
                Ok(websocket) => return Ok(Link::new(websocket, &self.options)),
                Err(error) => error,
            };
            if let Some(status) = error.token_refused() {
                refusals += 1;
                if refusals >= TOKEN_ATTEMPTS {
                    return Err(TunnelError::TokenRefused { status });
                }
            } else if error.is_hopeless()
                || (first && (attempts >= OPEN_ATTEMPTS || !error.is_transient()))
            {
                return Err(TunnelError::Dial(error));
            } else {
                // The token was not shown to anyone.
                fresh_ticket = first;
            }
            last = error.to_string();
            self.retrying(attempts, &last);
        }
    }

    fn retrying(&self, attempts: u32, cause: &str) {
        tracing::debug!(tunnel = %self.options.name, attempts, cause, "attempt failed");
        self.shared.emit(TunnelEvent::Retrying { attempts, cause: cause.to_owned() });
    }

    /// Gets a fresh ticket. The inner error is worth another try, after a while.
    async fn resume(
        &mut self,
        deadline: Instant,
    ) -> Result<Result<(), (Option<Duration>, String)>, TunnelError> {
        let limit = RESUME_CALL.min(deadline.saturating_duration_since(Instant::now()));
        let call = self.source.resume(&self.ticket.session_id);
        match timeout(limit, call).await {
            Ok(Ok(Resumption::Resumed(mut ticket))) => {
                // The answer may leave the URL out; the one before is then still good.
                if ticket.stream_url.is_empty() {
                    ticket.stream_url.clone_from(&self.ticket.stream_url);
                }
                self.ticket = ticket;
                Ok(Ok(()))
            }
            Ok(Ok(Resumption::Over)) => Err(TunnelError::SessionOver { output: String::new() }),
            Ok(Err(SourceError::Retry { after, message })) => Ok(Err((after, message))),
            Ok(Err(SourceError::Fatal(fatal))) => Err(TunnelError::Source(fatal)),
            Err(_) => Ok(Err((None, "the service did not answer".to_owned()))),
        }
    }

    /// Breaks the streams off, asks the agent to end the session and gives that a moment: the
    /// request is in order with the data before it, which may be stuck.
    async fn terminate_in_band(&self, shared: &Shared, link: &mut Link) {
        shared.terminate();
        let carried = timeout(self.options.terminate_wait, link.carry(shared, true)).await;
        if carried.is_err() {
            tracing::debug!(tunnel = %self.options.name, "in-band terminate not acknowledged");
        }
    }

    fn uuid(&mut self) -> String {
        random_uuid(&mut self.rng)
    }
}

/// Ends a session through the API.
pub(crate) async fn terminate<S: SessionSource>(source: &S, session_id: &str, shared: &Shared) {
    let cause = match timeout(TERMINATE_CALL, source.terminate(session_id)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the service did not answer".to_owned(),
    };
    shared.emit(TunnelEvent::Warning(Warning::NotTerminated { cause }));
}

/// Lets nobody wait for a task that is gone, even if it panicked.
pub(crate) struct Finish(pub(crate) Arc<Shared>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.end(End::Failed(TunnelError::Internal("the session's task is gone")));
        self.0.finished.cancel();
    }
}

/// A version 4 UUID of the seeded generator.
pub(crate) fn random_uuid(rng: &mut StdRng) -> String {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string()
}

/// Keeps the engine's timers running while there is no websocket; returns when it has closed.
async fn idle(shared: &Shared) {
    loop {
        let turn = shared.tick();
        if turn.closed {
            return;
        }
        let woken = shared.driver.notified();
        match turn.timeout {
            Some(due) => {
                tokio::select! {
                    () = woken => {}
                    () = sleep_until(due.into()) => {}
                }
            }
            None => woken.await,
        }
    }
}
